// Receives through "readable" and read(), for sockets that others opened (a server's, a user's) and in Bun and
// Deno. The stream reads one chunk ahead where its highWaterMark is 1, as that of our servers' sockets is.

import type { Socket } from "node:net";
import type { Bytes } from "../../core/net/index.ts";
import { type Receiver, readSize } from "./receiver.ts";
import { isNode } from "./runtime.ts";

export class ReadableReceiver implements Receiver {
  onChunk: (chunk: Bytes, isLent: boolean) => void = () => {};
  private readonly socket: Socket;
  private isListening = false;
  private wanted = false;
  private settling = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get holdsBytes(): boolean {
    return this.socket.readableLength > 0;
  }

  resume(): void {
    this.wanted = true;
    if (this.isListening) {
      if (!this.settling) this.pull();
      return;
    }
    this.isListening = true;
    this.socket.on("readable", this.onReadable);
  }

  pause(): void {
    this.wanted = false;
  }

  flush(): void {
    this.wanted = true;
    this.pull();
  }

  private readonly onReadable = (): void => {
    const { readableLength } = this.socket;
    if (readableLength === 0 || readableLength >= readSize || !isNode()) this.pull();
    else if (!this.settling) {
      // libuv before 1.52 reports the end of the stream, not the reset, to a socket that reads on within a callback
      // that got less than it asked for, when bytes and RST come in one poll. read() makes it read on: not now.
      this.settling = true;
      setImmediate(this.settled);
    }
  };

  private readonly settled = (): void => {
    this.settling = false;
    this.pull();
  };

  private pull(): void {
    while (this.wanted) {
      // At the end this gives null and makes the socket emit "end".
      const chunk: Buffer | null = this.socket.read();
      if (chunk === null) return;
      // A Buffer's slice() is a view and its text is not a Uint8Array's: hand over the plain type.
      this.onChunk(new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength), false);
    }
  }
}
