// The timers of one connection: a small fixed array of deadlines, no callbacks. The stack asks for the earliest one.
// A frozen set keeps what was left of each deadline and continues from there when it thaws (DESIGN §3).
// May use nothing: time is an argument.

export const Timer = {
  /** RFC 6298. On a reliable route it asks for a ping instead of resending. */
  retransmit: 0,
  /** Zero-window probes, RFC 9293 §3.8.6.1, and the sender's silly-window override, §3.8.6.2.1. */
  persist: 1,
  delayedAck: 2,
  /** RACK's reordering window, RFC 8985 §6.2. */
  reorder: 3,
  keepAlive: 4,
  /** FIN-WAIT-2 without a user. */
  finWait2: 5,
  /** Reliable routes: the pong has come, one delayed ACK later what it overtook counts as lost. */
  pong: 6,
  /** RFC 8985 §7. */
  tailLoss: 7,
  /** The next segment may leave by its pace. */
  pacing: 8,
} as const;
export type Timer = (typeof Timer)[keyof typeof Timer];

const COUNT = 9;
const NEVER: readonly number[] = /* @__PURE__ */ new Array<number>(COUNT).fill(Number.POSITIVE_INFINITY);

export class Timers {
  private readonly deadlines: number[] = NEVER.slice();
  private earliest = Number.POSITIVE_INFINITY;
  private stale = false;
  private frozenAt = -1;

  set(timer: Timer, at: number): void {
    this.deadlines[timer] = at;
    this.stale = true;
  }

  clear(timer: Timer): void {
    if (this.deadlines[timer] === Number.POSITIVE_INFINITY) return;
    this.deadlines[timer] = Number.POSITIVE_INFINITY;
    this.stale = true;
  }

  clearAll(): void {
    for (let slot = 0; slot < COUNT; slot++) this.deadlines[slot] = Number.POSITIVE_INFINITY;
    this.stale = true;
  }

  isSet(timer: Timer): boolean {
    return this.deadlines[timer] !== Number.POSITIVE_INFINITY;
  }

  deadline(timer: Timer): number {
    return this.deadlines[timer];
  }

  /** The earliest deadline; infinity when nothing is armed or the set is frozen. */
  next(): number {
    if (this.frozenAt >= 0) return Number.POSITIVE_INFINITY;
    if (this.stale) {
      let earliest = Number.POSITIVE_INFINITY;
      for (let slot = 0; slot < COUNT; slot++) {
        if (this.deadlines[slot] < earliest) earliest = this.deadlines[slot];
      }
      this.earliest = earliest;
      this.stale = false;
    }
    return this.earliest;
  }

  get frozen(): boolean {
    return this.frozenAt >= 0;
  }

  freeze(now: number): void {
    if (this.frozenAt < 0) this.frozenAt = now;
  }

  thaw(now: number): void {
    if (this.frozenAt < 0) return;
    const outage = now - this.frozenAt;
    for (let slot = 0; slot < COUNT; slot++) this.deadlines[slot] += outage;
    this.frozenAt = -1;
    this.stale = true;
  }
}
