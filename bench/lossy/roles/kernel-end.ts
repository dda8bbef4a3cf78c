// The kernel's TCP at one end of the path, in its namespace: a sink that notes when how much arrived, or a source.

import net from "node:net";
import { serveRole } from "../../serving.ts";

/** What arrived of one connection. */
export interface Arrivals {
  readonly from: string;
  /** Bytes in each tenth of a second since its first byte; and when that was, milliseconds since 1970. */
  readonly tenths: readonly number[];
  readonly began: number;
}

export interface KernelEndRole {
  /** Takes connections and reads them; those before are forgotten. */
  listen(port: number): Promise<void>;
  arrivals(): readonly Arrivals[];
  /** Sends until end(). */
  send(target: { readonly host: string; readonly port: number; readonly from: string }): Promise<void>;
  end(): void;
}

class Sink implements Arrivals {
  readonly from: string;
  readonly tenths: number[] = [];
  began = 0;

  constructor(socket: net.Socket) {
    this.from = socket.remoteAddress ?? "";
    const began = { at: 0 };
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const now = performance.now();
      if (this.began === 0) {
        this.began = Date.now();
        began.at = now;
      }
      const tenth = Math.floor((now - began.at) / 100);
      while (this.tenths.length <= tenth) this.tenths.push(0);
      this.tenths[tenth] += chunk.length;
    });
  }
}

const sockets = new Set<net.Socket>();
let sinks: Sink[] = [];
let server: net.Server | null = null;

serveRole({
  listen: (port) =>
    new Promise((resolve, reject) => {
      sinks = [];
      server?.close();
      server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on("close", () => sockets.delete(socket));
        sinks.push(new Sink(socket));
      });
      server.on("error", reject);
      server.listen(port, "0.0.0.0", resolve);
    }),
  arrivals: () => sinks.map(({ from, tenths, began }) => ({ from, tenths, began })),
  send: ({ host, port, from }) =>
    new Promise((resolve, reject) => {
      const data = Buffer.alloc(65_536, "lossy");
      const socket = net.connect({ host, port, localAddress: from, noDelay: true });
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", reject);
      const more = (): void => {
        while (socket.write(data)) {}
      };
      socket.on("drain", more);
      socket.on("connect", () => {
        resolve();
        more();
      });
    }),
  end() {
    for (const socket of sockets) socket.resetAndDestroy();
    server?.close();
    server = null;
  },
} satisfies KernelEndRole);
