// The sending direction as a Web stream (WHATWG Streams, 5). Its chunks join the queue of direct writes when the
// Web stream passes them on, one at a time. What it still holds when its writer lets go comes before direct writes.

import { bytesOf } from "./bytes-of.ts";
import type { NetError } from "./net-error.ts";
import { WriteAll } from "./write-operations.ts";
import type { WriteSide } from "./write-side.ts";

export class WritableBytes {
  readonly stream: WritableStream<Uint8Array>;
  private controller: WritableStreamDefaultController | null = null;
  /** Chunks given to a writer and not yet sent; too many after a write that the Web stream refused. */
  private chunks = 0;
  /** What waits for chunks of a stream that is already closing: its close comes after them. */
  private atClose: Array<() => void> = [];
  private borrowed = false;
  private ended = false;

  constructor(side: WriteSide, abort: (reason: unknown) => void) {
    this.stream = new WritableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        write: (chunk) => this.write(side, chunk),
        close: () => {
          const finished = side.finish(undefined);
          this.release();
          return finished;
        },
        abort,
      },
      {
        highWaterMark: 1,
        size: () => {
          this.chunks++;
          return 1;
        },
      },
    );
  }

  /** By a user; not by behindChunks(). */
  get locked(): boolean {
    return this.stream.locked && !this.borrowed;
  }

  get holdsChunks(): boolean {
    return !this.ended && this.chunks > 0;
  }

  /** Calls `then` once all chunks held now have been passed on; `refused`, also after them, if FIN follows them. */
  behindChunks(then: () => void, refused: () => void): void {
    this.borrowed = true;
    const writer = this.stream.getWriter();
    writer.write(new Marker(then) as unknown as Uint8Array).catch(() => {
      if (this.ended) refused();
      else this.atClose.push(refused);
    });
    writer.releaseLock();
    this.borrowed = false;
  }

  /** Nothing can be sent any more. */
  stop(error: NetError): void {
    this.controller?.error(error);
    this.release();
  }

  /** No chunk will come any more. */
  private release(): void {
    this.ended = true;
    this.chunks = 0;
    for (const task of this.atClose.splice(0)) task();
  }

  private async write(side: WriteSide, chunk: unknown): Promise<void> {
    try {
      if (chunk instanceof Marker) {
        chunk.task();
        return;
      }
      const data = bytesOf(chunk);
      const refusal = side.chunkRefusal;
      if (refusal !== undefined) throw refusal;
      await side.queue.start(new WriteAll(side, data, undefined));
    } finally {
      if (this.chunks > 0) this.chunks--;
    }
  }
}

/** Takes a place among the chunks, for a direct call that came after them. */
class Marker {
  readonly task: () => void;

  constructor(task: () => void) {
    this.task = task;
  }
}
