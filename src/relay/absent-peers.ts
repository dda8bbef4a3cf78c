// Peers that are not there but may come back: after the relay was started anew, and for a session that has just moved
// here, a tunnel without a session counts as detached for one grace period. Who asked for it is told that it is
// detached, then that it is attached, or at the end of that time that it is gone.
import type { Clock, Micros, TimerHandle } from "../core/link/clock.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import type { RouteState } from "../tunnel/session-messages.ts";

interface Waiting<Session> {
  readonly address: IpAddress;
  readonly sessions: Set<Session>;
  until: Micros;
}

export interface AbsentOptions<Session> {
  readonly clock: Clock;
  tell(session: Session, address: IpAddress, state: RouteState): void;
}

export class AbsentPeers<Session> {
  private readonly options: AbsentOptions<Session>;
  private readonly waiting = new Map<string, Waiting<Session>>();
  private timer: TimerHandle | null = null;

  constructor(options: AbsentOptions<Session>) {
    this.options = options;
  }

  /** `session` sent something to an address that nobody has: it waits until then. False: too many are awaited. */
  wait(session: Session, address: IpAddress, until: Micros): boolean {
    const key = address.toString();
    let waiting = this.waiting.get(key);
    if (waiting === undefined) {
      if (this.waiting.size >= mostAddresses) return false;
      waiting = { address, sessions: new Set(), until };
      this.waiting.set(key, waiting);
    }
    waiting.until = Math.max(waiting.until, until);
    if (!waiting.sessions.has(session)) {
      waiting.sessions.add(session);
      this.options.tell(session, address, "detached");
    }
    this.arm();
    return true;
  }

  /** A session with this address is there. */
  arrived(address: IpAddress): void {
    this.settle(address.toString(), "attached");
  }

  /** A session has ended, or has a new link and forgot what it was told: it asks again when it needs to. */
  forget(session: Session): void {
    for (const [key, { sessions }] of this.waiting) {
      if (sessions.delete(session) && sessions.size === 0) this.waiting.delete(key);
    }
    if (this.waiting.size === 0) this.disarm();
  }

  private settle(key: string, state: RouteState): void {
    const waiting = this.waiting.get(key);
    if (waiting === undefined) return;
    this.waiting.delete(key);
    for (const session of waiting.sessions) this.options.tell(session, waiting.address, state);
    if (this.waiting.size === 0) this.disarm();
  }

  private look(): void {
    this.timer = null;
    const now = this.options.clock.now();
    for (const [key, { until }] of this.waiting) if (until <= now) this.settle(key, "gone");
    this.arm();
  }

  private arm(): void {
    if (this.timer !== null || this.waiting.size === 0) return;
    let first = Number.POSITIVE_INFINITY;
    for (const { until } of this.waiting.values()) first = Math.min(first, until);
    const { clock } = this.options;
    this.timer = clock.schedule(first, () => this.look());
    clock.unref?.(this.timer);
  }

  private disarm(): void {
    if (this.timer !== null) this.options.clock.cancel(this.timer);
    this.timer = null;
  }
}

/** Addresses that are awaited at once; packets to others are answered as ever. */
const mostAddresses = 16_384;
