// Sessions without a link, the longest-detached first: each ends when its grace is over, and before that when all
// of them together hold more memory than the relay gives them.
import type { Clock, Micros, TimerHandle } from "../core/link/clock.ts";

/** The part of a session that matters here. */
export interface Detachable {
  readonly memoryUsed: number;
  expire(text: string): void;
}

export interface DetachedOptions {
  readonly clock: Clock;
  /** Milliseconds that a session outlives its last link. */
  readonly grace: number;
  /** Bytes that all of them may hold. */
  readonly memory: number;
  /** One had to go before its time. */
  evicted(): void;
}

export class DetachedSessions<Session extends Detachable> {
  private readonly options: DetachedOptions;
  /** Since when; a Map keeps the order in which they came. */
  private readonly since = new Map<Session, Micros>();
  private timer: TimerHandle | null = null;
  private isMeasuring = false;

  constructor(options: DetachedOptions) {
    this.options = options;
  }

  get size(): number {
    return this.since.size;
  }

  add(session: Session): void {
    this.since.set(session, this.options.clock.now());
    this.measureSoon();
    this.arm();
  }

  remove(session: Session): void {
    if (!this.since.delete(session) || this.since.size > 0) return;
    this.disarm();
  }

  /** Ends the longest-detached of those that `may` go. False: there is none. */
  evict(text: string, may: (session: Session) => boolean = () => true): boolean {
    for (const session of this.since.keys()) {
      if (!may(session)) continue;
      this.since.delete(session);
      this.options.evicted();
      session.expire(text);
      return true;
    }
    return false;
  }

  /** Once in a turn: a relay's network may take all its sessions at once. */
  private measureSoon(): void {
    if (this.isMeasuring) return;
    this.isMeasuring = true;
    this.options.clock.defer(() => {
      this.isMeasuring = false;
      this.keepWithinMemory();
    });
  }

  /** While they are detached, real connections go on filling their buffers: looked at now and then. */
  private keepWithinMemory(): void {
    let total = 0;
    for (const session of this.since.keys()) total += session.memoryUsed + sessionMemory;
    for (const session of this.since.keys()) {
      if (total <= this.options.memory) return;
      total -= session.memoryUsed + sessionMemory;
      this.since.delete(session);
      this.options.evicted();
      session.expire("the relay needed the memory that detached sessions held");
    }
  }

  private look(): void {
    this.timer = null;
    const { clock, grace } = this.options;
    const now = clock.now();
    for (const [session, since] of this.since) {
      if (now - since < grace * 1_000) break;
      this.since.delete(session);
      session.expire(`no link came back within ${grace} ms`);
    }
    this.keepWithinMemory();
    this.arm();
  }

  private arm(): void {
    if (this.timer !== null || this.since.size === 0) return;
    const { clock, grace } = this.options;
    let first = Number.POSITIVE_INFINITY;
    for (const since of this.since.values()) {
      first = since + grace * 1_000;
      break;
    }
    this.timer = clock.schedule(Math.min(first, clock.now() + lookAgain), () => this.look());
    clock.unref?.(this.timer);
  }

  private disarm(): void {
    if (this.timer !== null) this.options.clock.cancel(this.timer);
    this.timer = null;
  }
}

/** What a session holds beside its streams' bytes, about. */
const sessionMemory = 16_384;
/** Microseconds between two looks at the memory. */
const lookAgain: Micros = 1_000_000;
