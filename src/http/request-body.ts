// The body of one request on its way to the handler: a stream that reads only when it is read, with the account of
// how long the client was waited for, and what to do with the rest when the handler left it.
import type { Bytes } from "../core/net/index.ts";
import type { BodyDecoder } from "./body-decoder.ts";
import { HttpError } from "./http-error.ts";
import type { ServeLimits } from "./serve-options.ts";

export interface RequestBodyHooks {
  /** Somebody wants the first byte of a body that the client keeps until it is told to go on. */
  sendContinue(): void;
  /** The last byte was read. */
  ended(): void;
  /** Monotonic milliseconds. */
  now(): number;
}

export class RequestBody {
  /** What the handler reads. */
  readonly stream: ReadableStream<Bytes>;
  /** The client waits for 100 Continue before it sends the body. */
  private awaitsContinue: boolean;
  /** After an error it is not known where the next message begins. */
  private broken = false;
  /** The response was sent, and the rest is read away. */
  draining = false;
  private readonly decoder: BodyDecoder;
  private readonly hooks: RequestBodyHooks;
  private controller: ReadableStreamDefaultController<Bytes> | null = null;
  private reading: Promise<void> | null = null;
  private waitingSince = Number.POSITIVE_INFINITY;
  private waited = 0;
  private bytes = 0;

  constructor(decoder: BodyDecoder, awaitsContinue: boolean, hooks: RequestBodyHooks) {
    this.decoder = decoder;
    this.awaitsContinue = awaitsContinue && !decoder.ended;
    this.hooks = hooks;
    this.stream = new ReadableStream<Bytes>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => (this.reading = this.pull()),
        cancel: () => {
          this.controller = null;
        },
      },
      // Nothing is read ahead: an unread body costs no memory, and 100 Continue waits until it is wanted.
      { highWaterMark: 0 },
    );
  }

  get ended(): boolean {
    return this.decoder.ended;
  }

  /**
   * Whether another message can follow this one. Without 100 Continue the client may send the body or not
   * (RFC 9110 10.1.1), so that nobody can tell what comes next.
   */
  get resumable(): boolean {
    return !this.broken && !this.awaitsContinue;
  }

  /** Makes reads fail with `error`, those under way too. */
  fail(error: unknown): void {
    this.broken = true;
    this.controller?.error(error);
    this.controller = null;
  }

  /** The error to fail with when the client sends too slowly; null while it does not. */
  overdue(now: number, limits: ServeLimits): HttpError | null {
    if (this.waitingSince === Number.POSITIVE_INFINITY) return null;
    const waiting = now - this.waitingSince;
    if (waiting >= limits.bodyTimeout) {
      return new HttpError(408, `No byte of the request body came for ${limits.bodyTimeout / 1000} s`);
    }
    // Only time spent waiting counts: a handler that reads slowly is not the client's fault.
    const total = this.waited + waiting;
    if (total >= RATE_GRACE && (this.bytes * 1000) / total < limits.minBodyRate) {
      return new HttpError(408, `The request body came at less than ${limits.minBodyRate} bytes/s`);
    }
    return null;
  }

  /**
   * Reads what the handler left, so that the connection can be kept.
   *
   * @returns false when there is more than `limit` bytes, or it cannot be read
   */
  async drain(limit: number): Promise<boolean> {
    this.draining = true;
    // From here on the handler reads no more; what it is reading now goes through first.
    this.controller?.error(new HttpError(500, "The response was sent, the request body is gone"));
    this.controller = null;
    await this.reading;
    if (!this.resumable) return false;
    try {
      for (let total = 0; !this.decoder.ended; ) {
        const piece = await this.next();
        if (piece === null) break;
        total += piece.length;
        if (total > limit) return false;
      }
      return true;
    } catch {
      this.broken = true;
      return false;
    }
  }

  private async pull(): Promise<void> {
    if (this.awaitsContinue) {
      this.awaitsContinue = false;
      this.hooks.sendContinue();
    }
    try {
      const piece = await this.next();
      if (piece !== null) this.controller?.enqueue(piece);
      // The decoder knows the last piece: closing at once spares a consumer one more round.
      if (piece === null || this.decoder.ended) {
        this.controller?.close();
        this.controller = null;
        this.hooks.ended();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private async next(): Promise<Bytes | null> {
    this.waitingSince = this.hooks.now();
    try {
      const piece = await this.decoder.read();
      this.bytes += piece?.length ?? 0;
      return piece;
    } finally {
      this.waited += this.hooks.now() - this.waitingSince;
      this.waitingSince = Number.POSITIVE_INFINITY;
    }
  }
}

/** Milliseconds of waiting before a rate says anything. */
const RATE_GRACE = 10_000;
