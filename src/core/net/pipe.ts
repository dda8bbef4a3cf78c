// Joins two streams, both ways: half close for half close, reset for reset, each side as slow as the other.
// Works on the sources, below the promises: a chunk costs a receive and a send, a wake costs no promise at all.

import { NetError } from "./net-error.ts";
import { Pump } from "./pump.ts";
import { SourceStream } from "./source-stream.ts";
import type { TcpStream } from "./tcp-stream.ts";
import { systemTimers } from "./timers.ts";

export interface PipeOptions {
  /** Resets both streams; `pipe` rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds that a reset waits for bytes that came before it to be acknowledged by the other side; then it is
   * passed on without them. Default 5,000.
   */
  readonly resetDelay?: number | undefined;
}

export interface PipeResult {
  /** Bytes from the first stream to the second. */
  readonly aToB: number;
  /** Bytes from the second stream to the first. */
  readonly bToA: number;
  /** Null when both directions came to their end; else what happened first. */
  readonly error: NetError | null;
}

/**
 * Copies both ways until both directions have ended, then closes both streams. A reset of one is passed on to the
 * other, after the bytes that came before it. Owns both streams while it runs; direct calls throw a TypeError.
 *
 * @returns How much was copied and what ended it. Does not reject for what happens to the connections.
 * @throws {TypeError} when a stream is locked, or something waits on it.
 *
 * Cancel safety: an abort resets both streams.
 */
export function pipe(a: TcpStream, b: TcpStream, options: PipeOptions = {}): Promise<PipeResult> {
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  if (!(a instanceof SourceStream && b instanceof SourceStream)) return pipeForeign(a, b, options);
  const obstacle = busy(a) ?? busy(b);
  if (obstacle !== undefined) return Promise.reject(obstacle);
  return new Promise((resolve, reject) => new Pipe(a, b, options, resolve, reject).start());
}

class Pipe {
  private readonly streams: readonly [SourceStream, SourceStream];
  private readonly options: PipeOptions;
  private readonly resolve: (result: PipeResult) => void;
  private readonly reject: (reason: unknown) => void;
  private readonly pumps: readonly [Pump, Pump];
  private error: NetError | null = null;
  private isOver = false;
  private timer: unknown = null;

  constructor(
    a: SourceStream,
    b: SourceStream,
    options: PipeOptions,
    resolve: (result: PipeResult) => void,
    reject: (reason: unknown) => void,
  ) {
    this.streams = [a, b];
    this.options = options;
    this.resolve = resolve;
    this.reject = reject;
    const onDone = (error: NetError | null): void => this.fail(error);
    this.pumps = [new Pump(a, b, onDone), new Pump(b, a, onDone)];
  }

  start(): void {
    for (const pump of this.pumps) pump.claim(() => this.wake(pump));
    this.options.signal?.addEventListener("abort", this.onAbort, { once: true });
    for (const pump of this.pumps) this.wake(pump);
  }

  private wake(pump: Pump): void {
    if (this.isOver) return;
    // A stream may fail while a slow peer keeps its pump from reading that far.
    for (const stream of this.streams) {
      const failed = stream.endings.lifetime.error;
      if (failed !== null) this.fail(failed);
    }
    pump.run();
    if (this.isOver || !this.pumps.every((each) => each.isDone)) return;
    if (this.error === null || this.streams.every(isFlushed)) this.end();
  }

  /** From here on there is a time limit: what is left is delivered, then both streams are reset. */
  private fail(error: NetError | null): void {
    if (error === null || this.error !== null) return;
    this.error = error;
    const timers = this.streams[0].source.timers ?? systemTimers;
    this.timer = timers.set(this.options.resetDelay ?? defaultResetDelay, () => this.end());
  }

  private end(): void {
    this.release();
    for (const stream of this.streams) {
      if (this.error !== null) stream.abort(this.error);
      void stream.close();
    }
    this.resolve({ aToB: this.pumps[0].bytes, bToA: this.pumps[1].bytes, error: this.error });
  }

  private readonly onAbort = (): void => {
    const reason: unknown = this.options.signal?.reason;
    this.release();
    for (const stream of this.streams) stream.abort(reason);
    this.reject(reason);
  };

  private release(): void {
    this.isOver = true;
    for (const pump of this.pumps) pump.release();
    this.options.signal?.removeEventListener("abort", this.onAbort);
    if (this.timer !== null) (this.streams[0].source.timers ?? systemTimers).clear(this.timer);
  }
}

function isFlushed(stream: SourceStream): boolean {
  return stream.endings.lifetime.isOver || stream.source.unacknowledged === 0;
}

function busy(stream: SourceStream): TypeError | undefined {
  const { reading, writing } = stream;
  const obstacle = reading.obstacle ?? writing.obstacle;
  if (obstacle !== undefined) return new TypeError(obstacle.message.replace(/^Cannot \w+/, "Cannot pipe"));
  if (reading.queue.idle && writing.queue.idle && !writing.web?.holdsChunks) return undefined;
  return new TypeError("Cannot pipe: a read or write is pending");
}

/** Streams of another implementation, or of another copy of this one: the same through their public face. */
async function pipeForeign(a: TcpStream, b: TcpStream, options: PipeOptions): Promise<PipeResult> {
  const { signal, resetDelay: timeout = defaultResetDelay } = options;
  const bytes = [0, 0];
  let failed: unknown = null;
  const copy = async (from: TcpStream, to: TcpStream, direction: 0 | 1): Promise<void> => {
    try {
      for (;;) {
        const chunk = await from.readChunk({ signal });
        if (chunk === null) break;
        await to.writeAll(chunk, { signal });
        bytes[direction] += chunk.length;
      }
      await to.closeWrite();
    } catch (error) {
      failed ??= error;
      if (!signal?.aborted)
        await Promise.allSettled([a.flush({ timeout, signal }), b.flush({ timeout, signal })]);
      a.abort(failed);
      b.abort(failed);
    }
  };
  await Promise.all([copy(a, b, 0), copy(b, a, 1)]);
  if (signal?.aborted) throw signal.reason;
  void a.close().catch(() => undefined);
  void b.close().catch(() => undefined);
  const error =
    failed === null || NetError.is(failed)
      ? failed
      : new NetError("EPROTO", "Cannot pipe", { cause: failed });
  return { aToB: bytes[0], bToA: bytes[1], error };
}

const defaultResetDelay = 5_000;
