// The thinnest relay's client: a WebSocket of its own for each stream.

import { WebSocket } from "ws";
import { type BenchStream, type Contender, type Place, webSocketOptions } from "./contender.ts";

export function openPipe(place: Place): Contender {
  return {
    open: () =>
      new Promise((resolve, reject) => {
        const ws = new WebSocket(`ws://127.0.0.1:${place.relayPort}/`, webSocketOptions);
        ws.once("error", reject);
        ws.once("open", () => {
          ws.off("error", reject);
          resolve(new PipeStream(ws));
        });
      }),
    close() {},
  };
}

const HIGH_WATER = 262_144;
const sendOptions = { binary: true, compress: false } as const;

class PipeStream implements BenchStream {
  onData: (chunk: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  private readonly ws: WebSocket;
  private waiting: (() => void) | null = null;
  private readonly sent = (): void => {
    if (this.waiting === null || this.ws.bufferedAmount >= HIGH_WATER) return;
    const { waiting } = this;
    this.waiting = null;
    waiting();
  };

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("message", (data: Buffer) => this.onData(data));
    ws.on("close", () => this.onEnd());
    ws.on("error", () => ws.terminate());
  }

  send(data: Uint8Array): Promise<void> | null {
    this.ws.send(data, sendOptions, this.sent);
    if (this.ws.bufferedAmount < HIGH_WATER) return null;
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  close(): void {
    this.ws.terminate();
  }
}
