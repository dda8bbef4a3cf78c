// The receiving direction as a Web byte stream (WHATWG Streams, 4.7). It holds no bytes: it takes from the source
// only for a reader that asks and still has the lock, so direct reads go on where a released reader stopped.
// Never enqueues a view it was handed: that would detach the message the view is part of.

import type { Bytes } from "../wire/bytes.ts";
import type { NetError } from "./net-error.ts";
import type { ReadSide } from "./read-side.ts";

type Controller = ReadableByteStreamController;

export class ReadableBytes {
  readonly stream: ReadableStream<Bytes>;
  private readonly side: ReadSide;
  private controller: Controller | null = null;
  /** A reader asked for bytes. */
  private wanted = false;
  private serving = false;
  private ended = false;
  private reclaiming = false;

  constructor(side: ReadSide) {
    this.side = side;
    this.stream = byteStream({
      start: (controller) => {
        this.controller = controller;
      },
      // Returns at once and answers later, so that the next reader's wish is heard too.
      pull: () => {
        this.wanted = true;
        this.serve();
      },
      cancel: () => {
        this.ended = true;
        side.shutdown();
      },
    });
  }

  /** By a user; not by reclaim(). */
  get locked(): boolean {
    return this.stream.locked && !this.reclaiming;
  }

  /** Answers the reader that asked, as far as there is something to answer. */
  serve(): void {
    const controller = this.controller;
    if (controller === null || this.serving || !this.side.queue.idle) return;
    this.serving = true;
    try {
      // An answer may bring the next wish at once: the loop keeps that from becoming recursion.
      while (this.wanted && !this.ended && this.mayAnswer() && this.answer(controller));
    } catch (error) {
      this.ended = true;
      controller.error(error);
    } finally {
      this.serving = false;
    }
  }

  /** The direction was closed or aborted on this side. */
  stop(error: NetError): void {
    if (this.ended) return;
    this.ended = true;
    this.controller?.error(error);
  }

  /**
   * A BYOB read whose reader let go still owns its place in the stream, perhaps with bytes in it (`min`), and would
   * get the next bytes. Ends it with one byte too many, and gives the rest back. True: they are on their way.
   */
  reclaim(): boolean {
    if (this.reclaiming) return true;
    if (this.ended || this.stream.locked) return false;
    const request = this.controller?.byobRequest ?? null;
    if (request === null) return false;
    request.respond(1);
    this.wanted = false;
    this.reclaiming = true;
    const reader = this.stream.getReader();
    const givenBack = (value: Bytes | undefined): void => {
      reader.releaseLock();
      this.reclaiming = false;
      if (value !== undefined && value.length > 1) this.side.hold(value.slice(0, -1));
      this.side.wake();
    };
    reader.read().then(
      ({ value }) => givenBack(value),
      () => givenBack(undefined),
    );
    return true;
  }

  /** Not for a reader that has let go: its bytes stay where direct reads and the next reader find them. */
  private mayAnswer(): boolean {
    if (this.locked) return true;
    this.reclaim();
    return false;
  }

  private answer(controller: Controller): boolean {
    const request = controller.byobRequest ?? null;
    const view = request?.view ?? null;
    if (request === null || view === null) {
      const chunk = this.side.next(largestChunk);
      if (chunk === undefined) return false;
      this.wanted = false;
      if (chunk === null) this.close(controller);
      else controller.enqueue(chunk.slice());
      return true;
    }
    const count = this.side.take(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    if (count === undefined) return false;
    this.wanted = false;
    if (count === null) {
      this.close(controller);
      request.respond(0);
    } else {
      request.respond(count);
    }
    return true;
  }

  private close(controller: Controller): void {
    this.ended = true;
    controller.close();
  }
}

/** Safari before 26 has no byte streams: there, plain ones of the same chunks. */
function byteStream(source: {
  start(controller: Controller): void;
  pull(): void;
  cancel(): void;
}): ReadableStream<Bytes> {
  try {
    return new ReadableStream({ ...source, type: "bytes" }, { highWaterMark: 0 });
  } catch {
    const start = (controller: ReadableStreamDefaultController<Bytes>): void =>
      source.start(controller as unknown as Controller);
    return new ReadableStream<Bytes>({ ...source, start }, { highWaterMark: 0 });
  }
}

const largestChunk = 65_536;
