// No relay: a socket of node:net to the server.

import net from "node:net";
import type { BenchStream, Contender, Place } from "./contender.ts";

export function openDirect(place: Place): Contender {
  return {
    open: () =>
      new Promise((resolve, reject) => {
        const socket = net.connect({ host: "127.0.0.1", port: place.serverPort, noDelay: true });
        socket.once("error", reject);
        socket.once("connect", () => {
          socket.off("error", reject);
          resolve(new DirectStream(socket));
        });
      }),
    close() {},
  };
}

class DirectStream implements BenchStream {
  onData: (chunk: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  private readonly socket: net.Socket;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => this.onData(chunk));
    socket.on("end", () => this.onEnd());
    socket.on("error", () => socket.destroy());
  }

  send(data: Uint8Array): Promise<void> | null {
    if (this.socket.write(data)) return null;
    return new Promise((resolve) => this.socket.once("drain", resolve));
  }

  close(): void {
    this.socket.destroy();
  }
}
