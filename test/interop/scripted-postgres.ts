// Enough of PostgreSQL's protocol (version 3) for a client to log in and run simple queries: each answers with
// itself, as one row of one text column.

import type { Duplex } from "node:stream";

export function servePostgres(socket: Duplex): void {
  let held = Buffer.alloc(0);
  let isStarted = false;
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const header = isStarted ? 1 : 0;
      if (held.length < header + 4) return;
      const length = header + held.readUInt32BE(header);
      if (held.length < length) return;
      const message = held.subarray(0, length);
      held = held.subarray(length);
      if (!isStarted) {
        isStarted = true;
        socket.write(
          Buffer.concat([tagged("R", int32(0)), tagged("S", text("server_version"), text("15.0")), ready]),
        );
      } else if (message[0] === 0x51) {
        socket.write(answer(message.toString("utf8", 5, length - 1)));
      } else if (message[0] === 0x58) {
        socket.end();
      }
    }
  });
}

function answer(query: string): Buffer {
  const value = Buffer.from(query);
  const column = [text("query"), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)];
  return Buffer.concat([
    tagged("T", int16(1), ...column),
    tagged("D", int16(1), int32(value.length), value),
    tagged("C", text("SELECT 1")),
    ready,
  ]);
}

function tagged(tag: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(tag), int32(body.length + 4), body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

const ready: Buffer = tagged("Z", Buffer.from("I"));
