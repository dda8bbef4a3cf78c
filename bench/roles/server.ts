// The TCP server behind all contenders: sends, takes or returns bytes as each stream's command says. node:net, no more.

import net, { type AddressInfo } from "node:net";
import { ANSWER_LENGTH, COMMAND_LENGTH, Command, decodeCount, makeBlock, PatternCheck } from "../protocol.ts";
import { serveRole } from "../serving.ts";

/** The calls that the parent makes. */
export interface ServerRole {
  listen(): Promise<{ readonly port: number }>;
  /** Bytes that uploads have brought since the start. */
  taken(): { readonly bytes: number };
}

const block = makeBlock();
let taken = 0;

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  // A contender that ends a measurement resets what is under way.
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  let head = Buffer.alloc(0);
  socket.on("data", function first(chunk: Buffer) {
    head = Buffer.concat([head, chunk]);
    if (head.length < COMMAND_LENGTH) return;
    socket.off("data", first);
    begin(socket, head[0] as Command, decodeCount(head, 1), head.subarray(COMMAND_LENGTH));
  });
});

function begin(socket: net.Socket, command: Command, count: number, rest: Buffer): void {
  switch (command) {
    case Command.download:
      socket.resume();
      download(socket, count);
      break;
    case Command.upload:
      upload(socket, count, rest);
      break;
    case Command.echo:
      if (rest.length > 0) socket.write(rest);
      socket.on("data", (chunk) => socket.write(chunk));
      break;
    case Command.once:
      socket.resume();
      socket.end(Buffer.of(1));
      break;
    case Command.idle:
      socket.resume();
      socket.write(Buffer.of(1));
      break;
  }
}

function download(socket: net.Socket, count: number): void {
  let left = count;
  const fill = (): void => {
    while (left > 0 && !socket.destroyed) {
      const piece = left < block.length ? block.subarray(0, left) : block;
      left -= piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on("drain", fill);
  fill();
}

function upload(socket: net.Socket, count: number, rest: Buffer): void {
  const check = new PatternCheck();
  const take = (chunk: Buffer): void => {
    check.take(chunk);
    taken += chunk.length;
    if (check.received < count) return;
    const answer = Buffer.alloc(ANSWER_LENGTH);
    answer.writeDoubleBE(check.received);
    socket.write(answer);
  };
  if (rest.length > 0) take(rest);
  socket.on("data", take);
}

serveRole({
  listen: () =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 }, () =>
        resolve({ port: (server.address() as AddressInfo).port }),
      );
    }),
  taken: () => ({ bytes: taken }),
} satisfies ServerRole);
