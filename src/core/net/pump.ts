// One direction of a pipe, driven by the wakes of both streams. It holds one chunk: the one that the receiving
// stream had no room for. While it waits for room it asks its source for nothing, and that closes the window.

import type { Bytes } from "../wire/bytes.ts";
import { NetError } from "./net-error.ts";
import type { SourceStream } from "./source-stream.ts";

export class Pump {
  bytes = 0;
  isDone = false;
  private readonly from: SourceStream;
  private readonly to: SourceStream;
  private readonly onDone: (error: NetError | null) => void;
  private carried: Bytes | null = null;
  private running = false;
  private again = false;

  constructor(from: SourceStream, to: SourceStream, onDone: (error: NetError | null) => void) {
    this.from = from;
    this.to = to;
    this.onDone = onDone;
  }

  /** Takes the two directions for itself. */
  claim(onWake: () => void): void {
    this.from.reading.pump = onWake;
    // One that keeps what it is given has to own it.
    if (this.to.source.sendOwned === undefined) this.from.reading.borrow = (bytes) => this.borrow(bytes);
    this.to.writing.pump = onWake;
  }

  release(): void {
    this.from.reading.pump = null;
    this.from.reading.borrow = null;
    this.to.writing.pump = null;
  }

  /** Sends bytes that the source only lends; they are copied once, into the memory of the stream that sends them. */
  private borrow(bytes: Bytes): number {
    const { writing } = this.to;
    if (this.carried !== null || this.running || this.isDone || writing.brokenFor("write") !== undefined)
      return 0;
    try {
      const count = writing.send(bytes);
      this.bytes += count;
      return count;
    } catch {
      // The bytes stay with their source, and run() comes to the same error.
      return 0;
    }
  }

  /** Copies until one of the two has to wait. */
  run(): void {
    // Sources may wake their streams from within receive() and send().
    this.again = true;
    if (this.running) return;
    this.running = true;
    while (this.again && !this.isDone) {
      this.again = false;
      try {
        this.copy();
      } catch (error) {
        this.finish(
          NetError.is(error)
            ? error
            : new NetError("EPROTO", "Cannot pipe: a network failed", { cause: error }),
        );
      }
    }
    this.running = false;
  }

  private copy(): void {
    const { from, to } = this;
    const broken = to.writing.brokenFor("write");
    if (broken !== undefined) throw broken;
    for (;;) {
      const chunk = this.carried ?? from.reading.next(largestChunk);
      if (chunk === undefined) return;
      if (chunk === null) {
        void to.writing.finish(undefined).catch(() => undefined);
        this.finish(null);
        return;
      }
      const count = to.writing.sendOwned(chunk);
      this.bytes += count;
      this.carried = count === chunk.length ? null : chunk.subarray(count);
      if (count === 0) return;
    }
  }

  private finish(error: NetError | null): void {
    this.isDone = true;
    this.carried = null;
    this.onDone(error);
  }
}

const largestChunk = 256 * 1024;
