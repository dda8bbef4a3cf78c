// A port of this machine on which the kernel answers no more: its program accepts nothing and its backlog is full.
// An unroutable address would not do: some machines accept those.

import { once } from "node:events";
import net from "node:net";
import { Worker } from "node:worker_threads";

export interface SilentPort {
  readonly port: number;
  close(): Promise<void>;
}

/** Port 0 where the system cannot do it: see `systemGaps`. */
export async function silentPort(): Promise<SilentPort> {
  if (process.platform !== "linux") return { port: 0, close: async () => {} };
  const worker = new Worker(program, { eval: true });
  const [port] = (await once(worker, "message")) as [number];
  const fillers: net.Socket[] = [];
  const close = async (): Promise<void> => {
    for (const socket of fillers) socket.destroy();
    await worker.terminate();
  };
  // One that is not answered may only be slow.
  for (let unanswered = 0; fillers.length < 16; ) {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => {});
    fillers.push(socket);
    const answered = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, 300, false)),
    ]);
    unanswered = answered ? 0 : unanswered + 1;
    if (unanswered === 2) return { port, close };
  }
  await close();
  throw new Error("The kernel answers beyond the backlog: this test needs another way to be silent");
}

/** Listens, tells its port, and blocks its thread for ever. */
const program = `
  const net = require("node:net"), { parentPort } = require("node:worker_threads");
  const server = net.createServer(() => {}).listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
