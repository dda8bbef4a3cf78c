// The receiving direction of a stream: direct reads in order, bytes that were looked at but not taken, the Web
// stream and a pipe, all over one source. Only one of direct reads, Web stream and pipe has it at a time.

import type { Bytes } from "../wire/bytes.ts";
import type { LocalEnd } from "./local-end.ts";
import { NetError, type NetErrorCode } from "./net-error.ts";
import { failure, failureOf } from "./net-error-messages.ts";
import { OperationQueue } from "./operation.ts";
import type { ReadableBytes } from "./readable-bytes.ts";
import type { StreamSource } from "./stream-source.ts";
import { systemTimers } from "./timers.ts";

export class ReadSide {
  readonly queue: OperationQueue;
  readonly source: StreamSource;
  /** Bytes handed to readers. */
  bytesRead = 0;
  /** The Web stream, once somebody asked for it. */
  web: ReadableBytes | null = null;
  /** A pipe that has taken this direction: called at every wake. */
  pump: (() => void) | null = null;
  /** The same pipe: how many it takes of bytes that are only lent. */
  borrow: ((bytes: Bytes) => number) | null = null;
  /** Looked at by peek, or returned by the Web stream; read before anything else. */
  private held: Bytes[] | null = null;
  /** shutdown("read"): reads give null, what comes is dropped. */
  private discarding = false;
  /** close() or abort() on this side. */
  private stopped: LocalEnd | null = null;
  private over: { readonly error: NetError | null } | null = null;

  constructor(source: StreamSource) {
    this.source = source;
    this.queue = new OperationQueue(source.timers ?? systemTimers);
  }

  /** Why a direct read may not begin now. */
  get obstacle(): TypeError | undefined {
    if (this.pump !== null) return new TypeError("Cannot read: stream is being piped");
    if (this.web?.locked) return new TypeError("Cannot read: stream is locked by readable");
    return undefined;
  }

  /** Why nothing will be read here any more: closed or aborted on this side. */
  get refusal(): NetError | undefined {
    return this.stopped === null ? undefined : this.error(this.stopped.code, this.stopped.cause);
  }

  get holdsBytes(): boolean {
    return this.held !== null;
  }

  /** Everything that waits may go on: bytes came, the end, a failure. */
  wake(): void {
    if (this.discarding) this.discard();
    if (this.pump !== null) {
      this.pump();
      return;
    }
    this.queue.run();
    if (this.web !== null && this.queue.idle) this.web.serve();
  }

  /** Bytes that the source lends: how many were taken, and are read. */
  lent(bytes: Bytes): number {
    if (this.borrow === null || this.held !== null || this.web !== null || this.stopped !== null) return 0;
    const count = this.borrow(bytes);
    this.bytesRead += count;
    return count;
  }

  /** The next bytes, null at the end, undefined when there are none now. Throws what ended the connection. */
  next(max: number): Bytes | null | undefined {
    if (this.stopped !== null) throw this.refusal;
    if (this.web?.reclaim()) return undefined;
    const chunk = this.nextHeld(max) ?? this.pull(max);
    if (chunk) this.bytesRead += chunk.length;
    return chunk;
  }

  /** Fills a buffer with what is there: how many bytes, null at the end, undefined when there are none now. */
  take(buffer: Uint8Array): number | null | undefined {
    let filled = 0;
    while (filled < buffer.length) {
      let chunk: Bytes | null | undefined;
      try {
        chunk = this.next(buffer.length - filled);
      } catch (error) {
        // The error stays with the source; what came before it is told first.
        if (filled > 0) return filled;
        throw error;
      }
      if (chunk === null) return filled > 0 ? filled : null;
      if (chunk === undefined) return filled > 0 ? filled : undefined;
      buffer.set(chunk, filled);
      filled += chunk.length;
    }
    return filled;
  }

  /** As take, but the bytes stay. */
  look(buffer: Uint8Array): number | null | undefined {
    if (this.stopped !== null) throw this.refusal;
    if (this.web?.reclaim()) return undefined;
    let seen = 0;
    for (const chunk of this.held ?? []) {
      const part = chunk.subarray(0, buffer.length - seen);
      buffer.set(part, seen);
      seen += part.length;
    }
    while (seen < buffer.length) {
      let chunk: Bytes | null | undefined;
      try {
        chunk = this.pull(buffer.length - seen);
      } catch (error) {
        if (seen > 0) return seen;
        throw error;
      }
      if (chunk === null) return seen > 0 ? seen : null;
      if (chunk === undefined) return seen > 0 ? seen : undefined;
      this.held ??= [];
      this.held.push(chunk);
      buffer.set(chunk, seen);
      seen += chunk.length;
    }
    return seen;
  }

  /** Bytes that were counted as read, and come before everything that is held. */
  giveBack(chunks: readonly Bytes[]): void {
    if (chunks.length === 0 || this.stopped !== null || this.discarding) return;
    for (const chunk of chunks) this.bytesRead -= chunk.length;
    this.held = [...chunks, ...(this.held ?? [])];
  }

  /** shutdown("read"). */
  shutdown(): void {
    if (this.stopped !== null || this.discarding) return;
    this.discarding = true;
    this.held = null;
    this.wake();
  }

  /** close() or abort() on this side: everything that waits, and everything later, rejects with this. */
  stop(how: LocalEnd): void {
    if (this.stopped !== null) return;
    this.stopped = how;
    this.held = null;
    if (this.queue.idle && this.web === null) {
      // Nobody waits for an error, which would cost more than all else here.
      this.queue.releaseTimer();
    } else {
      const error = this.error(how.code, how.cause);
      this.queue.fail(error);
      this.web?.stop(error);
    }
    this.pump?.();
  }

  /** The connection is over; what it left is still read. */
  end(error: NetError | null): void {
    this.over ??= { error };
    this.wake();
    if (this.queue.idle) this.queue.releaseTimer();
  }

  /** The error of a read. */
  error(code: NetErrorCode, cause?: unknown, reason?: string): NetError {
    const { localAddr, peerAddr } = this.source;
    return failure(code, { op: "read", localAddr, peerAddr, cause, reason });
  }

  private nextHeld(max: number): Bytes | undefined {
    if (this.held === null) return undefined;
    const first = this.held[0];
    if (first.length > max) {
      this.held[0] = first.subarray(max);
      return first.subarray(0, max);
    }
    this.held.shift();
    if (this.held.length === 0) this.held = null;
    return first;
  }

  private pull(max: number): Bytes | null | undefined {
    if (this.discarding) return null;
    let chunk: Bytes | null | undefined;
    try {
      chunk = this.source.receive(max);
    } catch (error) {
      throw this.told(error);
    }
    if (chunk !== undefined || this.over === null) return chunk;
    if (this.over.error === null) return null;
    throw this.told(this.over.error);
  }

  /** What ended the connection, told of a read. */
  private told(error: unknown): unknown {
    if (!NetError.is(error)) return error;
    const { localAddr, peerAddr } = this.source;
    return failureOf(error, { op: "read", localAddr, peerAddr });
  }

  /** Keeps the window open: a peer that goes on sending must still get to its end. */
  private discard(): void {
    try {
      for (;;) {
        const chunk = this.source.receive(discardSize);
        if (chunk === null || chunk === undefined) return;
      }
    } catch {
      // `closed` tells of the failure; nobody reads here any more.
    }
  }
}

const discardSize = 1 << 20;
