// What waits on one direction of a stream, or on a listener: operations in order, each with its abort signal and
// its deadline, all on one timer. Cancel safety rests on one rule: an operation takes something from the source
// only within attempt(), so one that is removed while it waits has taken nothing since.

import type { OpOptions } from "./options.ts";
import type { Timers } from "./timers.ts";

/** What a queue needs to know of an operation, whatever its result. */
interface Waiting {
  startedAt: number;
  onAbort: (() => void) | null;
  readonly timeout: number | null;
  readonly signal: AbortSignal | undefined;
  attempt(): boolean;
  expired(): unknown;
  explain(error: unknown): unknown;
  reject(error: unknown): void;
}

/** A waiting call. Subclasses say how to try, and what a deadline or a dead stream looks like to the caller. */
export abstract class Operation<Result> implements Waiting {
  readonly promise: Promise<Result>;
  startedAt = 0;
  /** The timeout of this call; null: the one set on the queue. */
  readonly timeout: number | null;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | null = null;
  private settle: ((result: Result) => void) | null = null;
  private refuse: ((error: unknown) => void) | null = null;

  /** Options must have passed `optionsError`. */
  constructor(options: OpOptions | undefined) {
    this.timeout = options?.timeout ?? null;
    this.signal = options?.signal;
    this.promise = new Promise<Result>((resolve, reject) => {
      this.settle = resolve;
      this.refuse = reject;
    });
  }

  /** Goes as far as the source lets it. True: resolved. False: must wait. A throw is a failure. */
  abstract attempt(): boolean;
  /** The error of a passed deadline. */
  abstract expired(): unknown;
  /** What the caller is told of an error that `attempt` threw or the queue was failed with. */
  explain(error: unknown): unknown {
    return error;
  }

  protected resolve(result: Result): true {
    this.settle?.(result);
    return true;
  }

  reject(error: unknown): void {
    this.refuse?.(error);
  }
}

/** Operations of one direction, first come, first served. */
export class OperationQueue {
  /** Milliseconds for operations without a timeout of their own; null: none. */
  private limit: number | null = null;
  /** Called when nothing waits any more. */
  whenIdle: (() => void) | null = null;
  /** An idle queue gives up its timer at once: for streams that must not keep the process alive. */
  private releasesTimer = false;
  private readonly timers: Timers;
  /** Shared while empty: most of the streams of a process wait for nothing. */
  private operations: Waiting[] = none;
  private timer: unknown = null;
  private timerAt: number = Number.POSITIVE_INFINITY;
  private running = false;
  private again = false;

  constructor(timers: Timers) {
    this.timers = timers;
  }

  get idle(): boolean {
    return this.operations.length === 0;
  }

  get timeout(): number | null {
    return this.limit;
  }

  set timeout(timeout: number | null) {
    this.limit = timeout;
    this.expire();
  }

  /** Whether an idle queue may leave its timer to run out (the default), or must not keep the process alive. */
  holdTimer(on: boolean): void {
    this.releasesTimer = !on;
    if (!on && this.idle) this.releaseTimer();
  }

  /** Begins an operation: at once if nothing is before it, else behind the others. */
  start<Result>(operation: Operation<Result>): Promise<Result> {
    if (operation.signal?.aborted) {
      operation.reject(operation.signal.reason);
      return operation.promise;
    }
    if (this.idle && !this.running && this.attempt(operation)) return operation.promise;
    operation.startedAt = this.timers.now();
    if (this.operations === none) this.operations = [];
    this.operations.push(operation);
    this.watch(operation);
    this.arm(this.deadlineOf(operation));
    return operation.promise;
  }

  /** Lets operations go on, in order, until one must wait. */
  run(): void {
    if (this.running) {
      // A source called its sink from within attempt(): the answer it gave there may be out of date.
      this.again = true;
      return;
    }
    while (!this.idle) {
      const first = this.operations[0];
      if (this.attempt(first)) {
        // While it ran, the operation may have been taken out, by a fail() from within.
        if (this.operations[0] === first) this.operations.shift();
        this.unwatch(first);
      } else if (!this.again) {
        break;
      }
      this.again = false;
    }
    this.again = false;
    if (!this.idle) return;
    if (this.releasesTimer) this.releaseTimer();
    this.whenIdle?.();
  }

  /** Rejects everything that waits and gives up the timer. */
  fail(error: unknown): void {
    const failed = this.operations;
    this.operations = none;
    this.releaseTimer();
    for (const operation of failed) {
      this.unwatch(operation);
      operation.reject(operation.explain(error));
    }
  }

  releaseTimer(): void {
    if (this.timer !== null) this.timers.clear(this.timer);
    this.timer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  private attempt(operation: Waiting): boolean {
    this.running = true;
    try {
      return operation.attempt();
    } catch (error) {
      operation.reject(operation.explain(error));
      return true;
    } finally {
      this.running = false;
    }
  }

  private remove(operation: Waiting): boolean {
    const index = this.operations.indexOf(operation);
    if (index < 0) return false;
    this.operations.splice(index, 1);
    this.unwatch(operation);
    return true;
  }

  private watch(operation: Waiting): void {
    if (operation.signal === undefined) return;
    operation.onAbort = () => {
      if (!this.remove(operation)) return;
      operation.reject(operation.signal?.reason);
      // It may have been first and stood in the way of the next.
      this.run();
    };
    operation.signal.addEventListener("abort", operation.onAbort, { once: true });
  }

  private unwatch(operation: Waiting): void {
    if (operation.onAbort !== null) operation.signal?.removeEventListener("abort", operation.onAbort);
    operation.onAbort = null;
  }

  private deadlineOf(operation: Waiting): number {
    return operation.startedAt + (operation.timeout ?? this.limit ?? Number.POSITIVE_INFINITY);
  }

  /**
   * The timer is set to the earliest deadline there was and is left alone when that operation ends: a stream with
   * a timeout and a thousand reads a second sets a timer once in a timeout, not a thousand times a second.
   */
  private arm(at: number): void {
    if (at >= this.timerAt) return;
    this.releaseTimer();
    this.timerAt = at;
    this.timer = this.timers.set(Math.max(0, at - this.timers.now()), () => {
      this.timer = null;
      this.timerAt = Number.POSITIVE_INFINITY;
      this.expire();
    });
  }

  private expire(): void {
    const now = this.timers.now();
    let next = Number.POSITIVE_INFINITY;
    let expired = false;
    for (const operation of this.operations.slice()) {
      const deadline = this.deadlineOf(operation);
      if (deadline > now) {
        next = Math.min(next, deadline);
      } else if (this.remove(operation)) {
        operation.reject(operation.expired());
        expired = true;
      }
    }
    this.arm(next);
    if (expired) this.run();
  }
}

/** What is wrong with the options of a call, or with its moment: the reason to reject it with, or undefined. */
export function optionsError(options: OpOptions | undefined): { readonly error: unknown } | undefined {
  if (options === undefined) return undefined;
  if (options.timeout !== undefined) {
    const error = timeoutError(options.timeout);
    if (error !== undefined) return { error };
  }
  return options.signal?.aborted ? { error: options.signal.reason } : undefined;
}

/** @throws what optionsError() gives. */
export function requireValidOptions(options: OpOptions): void {
  const wrong = optionsError(options);
  if (wrong !== undefined) throw wrong.error;
}

/** A timeout of 0 is a mistake rather than a wish (Rust has it so). */
export function timeoutError(timeout: number): RangeError | undefined {
  if (timeout > 0) return undefined;
  return new RangeError(`Invalid timeout ${timeout}: expected milliseconds above 0, or null for none`);
}

const none: Waiting[] = [];
