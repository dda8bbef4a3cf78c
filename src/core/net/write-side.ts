// The sending direction of a stream: writes in order, each whole; FIN behind them; the Web stream and a pipe, all
// over one source. Only one of direct writes, Web stream and pipe has it at a time.

import type { Bytes } from "../wire/bytes.ts";
import type { LocalEnd } from "./local-end.ts";
import { NetError, type NetErrorCode } from "./net-error.ts";
import { failure, failureOf } from "./net-error-messages.ts";
import { type Operation, OperationQueue } from "./operation.ts";
import type { OpOptions } from "./options.ts";
import type { StreamSource } from "./stream-source.ts";
import { systemTimers } from "./timers.ts";
import type { WritableBytes } from "./writable-bytes.ts";
import { Finish } from "./write-operations.ts";

export type WriteOperationName = "write" | "shutdown" | "close";

export class WriteSide {
  readonly queue: OperationQueue;
  readonly source: StreamSource;
  /** Bytes accepted from writers. */
  bytesWritten = 0;
  /** The Web stream, once somebody asked for it. */
  web: WritableBytes | null = null;
  /** A pipe that has taken this direction: called at every wake. */
  pump: (() => void) | null = null;
  /** What follows the last write. Set at the call, so that no later write slips in before it. */
  private ending: "finish" | "close" | null = null;
  private ended = false;
  private resets = false;
  /** close() or abort() on this side. */
  private stopped: LocalEnd | null = null;
  private over: { readonly error: NetError | null } | null = null;

  constructor(source: StreamSource) {
    this.source = source;
    this.queue = new OperationQueue(source.timers ?? systemTimers);
  }

  /** Why a direct write may not begin now. */
  get obstacle(): TypeError | undefined {
    if (this.pump !== null) return new TypeError("Cannot write: stream is being piped");
    if (this.web?.locked) return new TypeError("Cannot write: stream is locked by writable");
    return undefined;
  }

  /** Everything that waits may go on: there is room, all is acknowledged, a failure. */
  wake(): void {
    this.pump?.();
    this.queue.run();
  }

  /** Begins an operation behind everything that was written before, the chunks in the Web stream too. */
  start<Result>(operation: Operation<Result>): Promise<Result> {
    const { web } = this;
    if (web === null || !web.holdsChunks) return this.queue.start(operation);
    web.behindChunks(
      () => void this.queue.start(operation),
      () => operation.reject(operation.explain(sendingHasEnded)),
    );
    return operation.promise;
  }

  /** Bytes accepted, 0 when the source is full; the source may keep the array. */
  sendOwned(data: Bytes): number {
    this.throwFailure();
    const count = this.source.sendOwned === undefined ? this.source.send(data) : this.source.sendOwned(data);
    this.bytesWritten += count;
    return count;
  }

  /** FIN behind everything that was written before. */
  finish(options: OpOptions | undefined): Promise<void> {
    const broken = this.brokenFor("shutdown");
    if (broken !== undefined) return Promise.reject(broken);
    const operation = new Finish(this, options);
    const begin = (): void => {
      this.endAfterQueue("finish");
      void this.queue.start(operation);
    };
    if (this.web?.holdsChunks) this.web.behindChunks(begin, begin);
    else begin();
    return operation.promise;
  }

  /**
   * Release of the connection behind everything that was written before. `resets`: bytes that a peek has taken from
   * the source are still unread, which the source cannot know.
   */
  close(how: LocalEnd, resets: boolean): void {
    this.stopped ??= how;
    this.resets = resets;
    const begin = (): void => this.endAfterQueue("close");
    if (this.web?.holdsChunks && !this.web.locked) this.web.behindChunks(begin, begin);
    else begin();
  }

  /** Closed or aborted on this side, or failed. */
  brokenFor(op: WriteOperationName): NetError | undefined {
    if (this.stopped !== null) return this.error(this.stopped.code, op, this.stopped.cause);
    return this.over?.error ? this.told(this.over.error, op) : undefined;
  }

  /** Throws what the network ended the connection with, if it has. */
  throwFailure(): void {
    if (this.over?.error) throw this.over.error;
  }

  /** Why nothing more can be written, or undefined. */
  refusal(op: WriteOperationName): NetError | undefined {
    const isOver = this.ending !== null || this.over !== null;
    return this.brokenFor(op) ?? (isOver ? this.error("EPIPE", op) : undefined);
  }

  /** Why a chunk of the Web stream comes too late, or undefined. */
  get chunkRefusal(): NetError | undefined {
    return this.ended || this.over !== null ? this.refusal("write") : undefined;
  }

  /**
   * Bytes accepted, 0 when the source is full. Throws what ended the connection: also where a reader was told first,
   * after which the source itself only says EPIPE.
   */
  send(data: Uint8Array): number {
    this.throwFailure();
    const count = this.source.send(data);
    if (count === 0 && this.over !== null) throw sendingHasEnded;
    this.bytesWritten += count;
    return count;
  }

  /** FIN, or the release of the connection, once everything queued was accepted. No write may begin from now on. */
  private endAfterQueue(how: "finish" | "close"): void {
    if (this.ending === how || this.ending === "close") return;
    this.ending = how;
    this.queue.whenIdle ??= () => this.endNow();
    this.ended = false;
    if (this.queue.idle) this.endNow();
  }

  /** Everything that was queued before has been accepted. */
  endNow(): void {
    if (this.ended || this.ending === null) return;
    this.ended = true;
    if (this.ending === "close" && this.resets) this.source.reset();
    else if (this.ending === "close") this.source.close();
    else if (this.over === null) this.source.finish();
  }

  /** What is queued will not be sent. */
  drop(how: LocalEnd): void {
    this.stopped ??= how;
    this.web?.stop(this.error(how.code, "write", how.cause));
    this.queue.fail(how);
    this.pump?.();
  }

  /** The connection is over. */
  end(error: NetError | null): void {
    this.over ??= { error };
    if (error !== null) this.web?.stop(this.told(error, "write"));
    this.wake();
    // What waits even now, waits for a source that will not call again.
    this.queue.fail(error ?? sendingHasEnded);
  }

  /** What an operation tells of an error: the network's own, or how the stream was ended here. */
  explain(error: unknown, op: WriteOperationName, bytesWritten: number): unknown {
    if (NetError.is(error)) return this.told(error, op, bytesWritten);
    if (error instanceof Error) return error;
    const { code, cause } = error as LocalEnd;
    return this.error(code, op, cause, bytesWritten);
  }

  /** The error of an operation on this direction. */
  error(code: NetErrorCode, op: WriteOperationName, cause?: unknown, bytesWritten?: number): NetError {
    const { localAddr, peerAddr } = this.source;
    return failure(code, { op, localAddr, peerAddr, cause, bytesWritten });
  }

  /** What ended the connection, told of one operation. */
  told(error: NetError, op: WriteOperationName, bytesWritten?: number): NetError {
    const { localAddr, peerAddr } = this.source;
    return failureOf(error, { op, localAddr, peerAddr, bytesWritten });
  }
}

const sendingHasEnded: LocalEnd = { code: "EPIPE" };
