// The kernel's end, run by node in the namespace: plain sockets, so that what is on the wire is the kernel's TCP.
//   node peer.mjs sink PORT BYTES        accepts one connection, reads to its end, answers "BYTES SHA256", and closes
//   node peer.mjs source PORT BYTES      accepts one connection, sends BYTES and a FIN, prints "BYTES SHA256"
//   node peer.mjs echo PORT              echoes every connection, half closes included
//   node peer.mjs stall PORT MS          accepts one connection, reads nothing for MS, then all; prints "BYTES SHA256"
//   node peer.mjs reset PORT             resets what it accepts after the first bytes
//   node peer.mjs greet PORT             sends a line and a FIN at once, then reads to the end
//   node peer.mjs bye PORT MS            closes what it accepts after MS
//   node peer.mjs keepalive PORT MS      echoes, and asks after MS of silence whether the other end is there
//   node peer.mjs http PORT              an HTTP server
//   node peer.mjs dial HOST PORT BYTES   connects, sends BYTES and a FIN, reads to the end, prints "BYTES SHA256"
import { createHash } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";

const [what, port, argument] = process.argv.slice(2);

/** Bytes whose value tells their place, as test/kernel/stream-data.ts has them. */
function block() {
  const bytes = Buffer.alloc(1 << 20);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 8) * 7) & 255;
  return bytes;
}

/** Sends bytes and a FIN, and prints what they were. */
function send(socket, total) {
  const data = block();
  const hash = createHash("sha256");
  let sent = 0;
  const more = () => {
    while (sent < total) {
      const part = data.subarray(0, Math.min(data.length, total - sent));
      hash.update(part);
      sent += part.length;
      if (!socket.write(part)) return;
    }
    socket.end();
    socket.off("drain", more);
    console.log(`${sent} ${hash.digest("hex")}`);
  };
  socket.on("drain", more);
  socket.resume();
  more();
}

const roles = {
  sink(socket) {
    const hash = createHash("sha256");
    let length = 0;
    socket.on("data", (chunk) => {
      length += chunk.length;
      hash.update(chunk);
    });
    socket.on("end", () => socket.end(`${length} ${hash.digest("hex")}`));
  },
  source(socket) {
    send(socket, Number(argument));
  },
  echo(socket) {
    socket.pipe(socket);
  },
  stall(socket) {
    const hash = createHash("sha256");
    let length = 0;
    socket.pause();
    setTimeout(() => {
      socket.on("data", (chunk) => {
        length += chunk.length;
        hash.update(chunk);
      });
      socket.on("end", () => {
        console.log(`${length} ${hash.digest("hex")}`);
        socket.end();
      });
      socket.resume();
    }, Number(argument));
  },
  reset(socket) {
    socket.once("data", () => socket.resetAndDestroy());
  },
  greet(socket) {
    socket.end("greetings\n");
    socket.resume();
  },
  bye(socket) {
    setTimeout(() => socket.end(), Number(argument));
    socket.resume();
  },
  keepalive(socket) {
    socket.setKeepAlive(true, Number(argument));
    socket.pipe(socket);
  },
};

if (what === "dial") {
  const [host, destination, total] = process.argv.slice(3);
  const socket = connect({ host, port: Number(destination), allowHalfOpen: true }, () =>
    send(socket, Number(total)),
  );
  socket.on("error", (error) => console.log(`error ${error.code}`));
} else if (what === "http") {
  const server = createHttpServer((_request, response) => response.end("hello from the kernel\n"));
  server.listen(Number(port), "::", () => console.log("ready"));
} else {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", (error) => console.log(`error ${error.code}`));
    if (what !== "echo") server.close();
    roles[what](socket);
  });
  server.listen(Number(port), "::", () => console.log("ready"));
}
