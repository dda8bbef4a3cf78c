// The receiving direction as a Web byte stream (WHATWG Streams, 4.7). It takes from the source only for a reader that
// asks; what a reader leaves behind in the stream goes back before direct reads. Two rules of the standard shape it:
// enqueue() detaches the whole buffer of its chunk, so messages are copied; and a BYOB read whose reader lets go stays
// in the stream as an orphan, with the bytes it has (`min`), and swallows the next ones without a word.

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
  /** The stream may hold bytes, or an orphan. */
  private used = false;
  private takingBack = false;
  /** A BYOB reader has the lock, as far as is known: pipeTo and tee take readers that nobody sees. */
  private hasByobReader = false;
  /** There is a BYOB read in the stream whose reader has let go. */
  private hasOrphan = false;
  /** The BYOB read at hand holds bytes and waits for more. */
  private isPartial = false;

  constructor(side: ReadSide) {
    this.side = side;
    this.stream = byteStream({
      start: (controller) => {
        this.controller = controller as Controller;
      },
      // Returns at once and answers later, so that the next reader's wish is heard too.
      pull: (controller) => this.pull(controller as Controller),
      cancel: () => {
        this.ended = true;
        side.shutdown();
      },
    });
    this.watchReaders();
  }

  /** By a user; not by takeBack(). */
  get locked(): boolean {
    return this.stream.locked && !this.takingBack;
  }

  /** Answers the reader that asked, as far as there is something to answer. */
  serve(): void {
    const { controller } = this;
    if (controller === null || this.serving || this.takingBack || !this.side.queue.idle) return;
    this.serving = true;
    try {
      // An answer may bring the next wish at once: the loop keeps that from becoming recursion.
      while (this.wanted && !this.ended && this.mayAnswer(controller) && this.answer(controller));
    } catch (error) {
      this.ended = true;
      controller.error(error);
    } finally {
      this.serving = false;
    }
  }

  /** For direct reads. True: bytes that were left in the stream are on their way back, wait for a wake. */
  reclaim(): boolean {
    if (this.takingBack) return true;
    if (!this.used || this.serving || this.ended || this.stream.locked) return false;
    void this.takeBack();
    return true;
  }

  /** The direction was closed or aborted on this side. */
  stop(error: NetError): void {
    if (this.ended) return;
    this.ended = true;
    this.controller?.error(error);
  }

  private pull(controller: Controller): void {
    if (this.takingBack) {
      controller.enqueue(stopper());
      return;
    }
    this.used = true;
    this.wanted = true;
    this.serve();
  }

  /** Reads the stream until it asks for more: enqueue() then also ends an orphan. */
  private async takeBack(): Promise<void> {
    this.takingBack = true;
    const reader = this.stream.getReader();
    const left: Bytes[] = [];
    try {
      for (;;) {
        const { value } = await reader.read();
        if (value === undefined || isStopper(value)) break;
        left.push(value);
      }
    } catch {
      // Closed or aborted here meanwhile: there is nothing to give back to.
    }
    reader.releaseLock();
    this.takingBack = false;
    this.used = false;
    this.wanted = false;
    this.hasOrphan = false;
    this.isPartial = false;
    this.side.giveBack(left);
    this.side.wake();
  }

  /** Without a reader only an orphan: its bytes then stand in the stream for whoever reads next. */
  private mayAnswer(controller: Controller): boolean {
    return this.stream.locked || Boolean(controller.byobRequest);
  }

  private answer(controller: Controller): boolean {
    const request = controller.byobRequest ?? null;
    const view = request?.view ?? null;
    // Only a read that is known to have its reader may be answered in place: an orphan would swallow the bytes, while
    // enqueue() ends it and serves the reader that is there now.
    const inPlace = this.hasByobReader && !this.hasOrphan;
    if (request === null || view === null || !inPlace) {
      const chunk = this.side.next(view === null ? largestChunk : view.byteLength);
      if (chunk === undefined) return false;
      if (chunk === null) return this.close(controller);
      this.wanted = false;
      this.hasOrphan = false;
      this.isPartial = false;
      controller.enqueue(chunk.slice());
    } else {
      const count = this.side.take(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
      if (count === undefined) return false;
      if (count === null) return this.close(controller);
      const [at, left] = [view.byteOffset + count, view.byteLength - count];
      this.wanted = false;
      request.respond(count);
      const next = controller.byobRequest?.view;
      this.isPartial = left > 0 && next?.byteOffset === at && next.byteLength === left;
    }
    // Engines do not call pull() again for what is left of a read whose reader lets go in the same turn.
    if (controller.byobRequest) this.wanted = true;
    return true;
  }

  private close(controller: Controller): boolean {
    if (!this.stream.locked) {
      // What an orphan holds is read before the end.
      void this.takeBack();
      return false;
    }
    this.ended = true;
    if (this.hasOrphan && this.isPartial) {
      // The standard has no way to give its bytes to the reader that came after.
      throw new TypeError("Cannot read: bytes were left in a BYOB read that was let go");
    }
    const isRequested = Boolean(controller.byobRequest);
    controller.close();
    if (isRequested) controller.byobRequest?.respond(0);
    return true;
  }

  /** The standard tells a source nothing of readers; whether a BYOB read still has its own decides how to answer. */
  private watchReaders(): void {
    const { stream } = this;
    const getReader = stream.getReader as (options?: ReadableStreamGetReaderOptions) => Reader;
    const watched = (options?: ReadableStreamGetReaderOptions): Reader => {
      const reader = getReader.call(stream, options);
      if (reader instanceof ReadableStreamDefaultReader) return reader;
      this.hasByobReader = true;
      const { releaseLock } = reader;
      define(reader, "releaseLock", () => {
        releaseLock.call(reader);
        this.byobReaderLeft();
      });
      return reader;
    };
    define(stream, "getReader", watched);
  }

  private byobReaderLeft(): void {
    if (this.stream.locked) return;
    this.hasByobReader = false;
    if (!this.controller?.byobRequest) return;
    this.hasOrphan = true;
    this.used = true;
    this.wanted = true;
    this.serve();
  }
}

type Reader = ReadableStreamDefaultReader<Bytes> | ReadableStreamBYOBReader;

function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
}

/** Safari before 26 has no byte streams: there, plain ones of the same chunks. */
function byteStream(source: {
  start(controller: ReadableStreamController<Bytes>): void;
  pull(controller: ReadableStreamController<Bytes>): void;
  cancel(): void;
}): ReadableStream<Bytes> {
  try {
    return new ReadableStream({ ...source, type: "bytes" }, { highWaterMark: 0 });
  } catch {
    return new ReadableStream<Bytes>(source, { highWaterMark: 0 });
  }
}

/** A byte in the middle of a buffer of three: no chunk of the stream has this shape. */
function stopper(): Bytes {
  return new Uint8Array(new ArrayBuffer(3), 1, 1);
}

function isStopper({ byteOffset, byteLength, buffer }: Bytes): boolean {
  return byteOffset === 1 && byteLength === 1 && buffer.byteLength === 3;
}

const largestChunk = 65_536;
