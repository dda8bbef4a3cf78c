// How a stream ends: close() flushes, abort() resets, the source says when it is over. One teardown point for both
// directions. close() never hangs: without progress the connection is reset.

import type { Bytes } from "../wire/bytes.ts";
import { Lifetime } from "./lifetime.ts";
import type { LocalEnd } from "./local-end.ts";
import type { NetError } from "./net-error.ts";
import { connectionFailure } from "./net-error-messages.ts";
import { optionsError } from "./operation.ts";
import type { CloseOptions } from "./options.ts";
import type { ReadSide } from "./read-side.ts";
import type { StreamSink, StreamSource } from "./stream-source.ts";
import { systemTimers, type Timers } from "./timers.ts";
import type { WriteSide } from "./write-side.ts";

/** The sink of the source, so that a stream needs no object more for that. */
export class StreamEndings implements StreamSink {
  readonly lifetime: Lifetime = new Lifetime();
  private readonly source: StreamSource;
  private readonly reading: ReadSide;
  private readonly writing: WriteSide;
  private isClosing = false;
  private isWatching = false;
  /** The close is a reset on the wire, and still a close to its user. */
  private dropsBytes = false;

  constructor(source: StreamSource, reading: ReadSide, writing: WriteSide) {
    this.source = source;
    this.reading = reading;
    this.writing = writing;
  }

  close(options: CloseOptions | undefined): Promise<void> {
    const wrong = optionsError(options);
    if (wrong !== undefined && !options?.signal?.aborted) return Promise.reject(wrong.error);
    if (!this.isClosing) {
      this.isClosing = true;
      this.dropsBytes = this.reading.holdsBytes;
      this.reading.stop(closedHere);
      this.writing.close(closedHere, this.dropsBytes);
    }
    if (this.lifetime.isOver) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const signal = options?.signal;
      const onAbort = (): void => {
        reject(signal?.reason);
        this.abort(signal?.reason);
      };
      if (signal?.aborted) {
        onAbort();
        return;
      }
      const timer = this.limit(options?.timeout);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.lifetime.whenOver(() => {
        if (timer !== null) this.timers.clear(timer);
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  }

  abort(reason: unknown): void {
    this.reset({ code: "ECONNABORTED", cause: reason });
  }

  readable(): void {
    this.reading.wake();
  }

  lent(bytes: Bytes): number {
    return this.reading.lent(bytes);
  }

  writable(): void {
    this.writing.wake();
  }

  closed(error: NetError | null): void {
    this.reading.end(error);
    this.writing.end(error);
    const isFailure = error !== null && !this.dropsBytes;
    this.lifetime.end(isFailure ? this.failure(error.code, error) : null);
  }

  private reset(how: LocalEnd): void {
    this.lifetime.end(this.failure(how.code, how.cause));
    this.reading.stop(how);
    this.writing.drop(how);
    this.source.reset(how.cause);
  }

  private failure(code: string, cause: unknown): NetError {
    const { localAddr, peerAddr } = this.source;
    return connectionFailure(code, { localAddr, peerAddr, cause });
  }

  /** Resets the connection after `timeout`, or when the peer stops taking bytes. */
  private limit(timeout: number | undefined): unknown {
    if (timeout === undefined) this.watchProgress();
    if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return null;
    return this.timers.set(timeout, () => this.reset(notFlushed));
  }

  private watchProgress(): void {
    if (this.isWatching) return;
    this.isWatching = true;
    let taken = -1;
    let timer: unknown = null;
    const look = (): void => {
      const before = taken;
      taken = this.writing.bytesWritten - this.source.unacknowledged;
      if (taken === before) this.reset(notFlushed);
      else timer = this.timers.set(patience, look);
    };
    look();
    this.lifetime.whenOver(() => this.timers.clear(timer));
  }

  private get timers(): Timers {
    return this.source.timers ?? systemTimers;
  }
}

const closedHere: LocalEnd = { code: "ERR_SOCKET_CLOSED" };
const notFlushed: LocalEnd = { code: "ETIMEDOUT" };
/** Milliseconds that a close waits for the next acknowledgement. */
const patience = 30_000;
