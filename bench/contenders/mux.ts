// The thinnest multiplexer's client: all streams over one WebSocket.

import { WebSocket } from "ws";
import { MUX_FRAME, MUX_HEADER, MUX_HIGH_WATER, sendFrame } from "../mux-frames.ts";
import { type BenchStream, type Contender, type Place, webSocketOptions } from "./contender.ts";

export function openMux(place: Place): Promise<Contender> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`ws://127.0.0.1:${place.relayPort}/`, webSocketOptions);
    ws.once("error", reject);
    ws.once("open", () => {
      ws.off("error", reject);
      resolve(new Mux(ws));
    });
  });
}

class Mux implements Contender {
  readonly ws: WebSocket;
  readonly streams: Map<number, MuxStream> = new Map();
  private nextId = 1;
  private waiting: (() => void)[] = [];
  readonly sent = (): void => {
    if (this.waiting.length === 0 || this.ws.bufferedAmount >= MUX_HIGH_WATER) return;
    const { waiting } = this;
    this.waiting = [];
    for (const go of waiting) go();
  };

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("message", (data: Buffer) => {
      const id = data.readUInt32BE(0);
      const stream = this.streams.get(id);
      if (data.length > MUX_HEADER) stream?.onData(data.subarray(MUX_HEADER));
      else {
        this.streams.delete(id);
        stream?.onEnd();
      }
    });
  }

  open(): Promise<BenchStream> {
    const stream = new MuxStream(this, this.nextId++);
    this.streams.set(stream.id, stream);
    return Promise.resolve(stream);
  }

  room(): Promise<void> | null {
    if (this.ws.bufferedAmount < MUX_HIGH_WATER) return null;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  close(): void {
    this.ws.terminate();
  }
}

class MuxStream implements BenchStream {
  onData: (chunk: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  readonly id: number;
  private readonly mux: Mux;

  constructor(mux: Mux, id: number) {
    this.mux = mux;
    this.id = id;
  }

  send(data: Uint8Array): Promise<void> | null {
    for (let at = 0; at < data.length; at += MUX_FRAME) {
      sendFrame(this.mux.ws, this.id, data.subarray(at, at + MUX_FRAME), this.mux.sent);
    }
    return this.mux.room();
  }

  close(): void {
    if (this.mux.streams.delete(this.id)) sendFrame(this.mux.ws, this.id, NOTHING);
  }
}

const NOTHING = new Uint8Array(0);
