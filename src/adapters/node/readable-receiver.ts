// Receives through "readable" and read(), for sockets that others opened (a server's, a user's) and in Bun and
// Deno. The stream reads one chunk ahead where its highWaterMark is 1, as that of our servers' sockets is.

import type { Socket } from "node:net";
import type { Bytes } from "../../core/net/index.ts";
import { type Receiver, readSize } from "./receiver.ts";
import { isNode } from "./runtime.ts";

export class ReadableReceiver implements Receiver {
  arrived: () => void = () => {};
  private readonly socket: Socket;
  private listening = false;
  private announced = false;
  private settling = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get holdsBytes(): boolean {
    return this.socket.readableLength > 0;
  }

  take(): Bytes | null {
    if (!this.announced) return null;
    const chunk: Buffer | null = this.socket.read();
    if (chunk === null) {
      this.announced = false;
      return null;
    }
    // A Buffer's slice() is a view and its text is not a Uint8Array's: hand over the plain type.
    return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
  }

  want(): void {
    if (this.listening) return;
    this.listening = true;
    this.socket.on("readable", this.onReadable);
  }

  release(): void {
    this.announced = true;
  }

  stop(): void {
    if (this.listening) this.socket.off("readable", this.onReadable);
    this.socket.pause();
  }

  private readonly onReadable = (): void => {
    const { readableLength } = this.socket;
    // The end: read() makes the socket emit it.
    if (readableLength === 0) this.socket.read();
    else if (readableLength >= readSize || !isNode()) this.announce();
    else if (!this.settling) {
      // As in SlabReceiver: read() begins to read again, and in Node's callback that would hide a reset.
      this.settling = true;
      setImmediate(this.announce);
    }
  };

  private readonly announce = (): void => {
    this.settling = false;
    this.announced = true;
    this.arrived();
  };
}
