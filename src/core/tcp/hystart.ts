// Slow start that ends before the queue is full: HyStart++, RFC 9406. When the round trip grows from one round to the
// next, growth goes on at a quarter (conservative slow start); if the round trip falls again it was chance, and slow
// start resumes, else five rounds later congestion avoidance begins. For the first slow start of a connection alone.
// May use nothing.

import type { AckSample } from "./congestion.ts";

// RFC 9406 §4.3.
const MIN_RTT_THRESHOLD = 4_000;
const MAX_RTT_THRESHOLD = 16_000;
const MIN_RTT_DIVISOR = 8;
const ENOUGH_SAMPLES = 8;
const CONSERVATIVE_DIVISOR = 4;
const CONSERVATIVE_ROUNDS = 5;

export class HyStart {
  /** It has seen enough: the caller sets its threshold to its window, and calls no more. */
  isOver = false;
  /** Most segments that one ACK may add: no bound for a sender that paces, 8 for others. */
  private readonly mostSegments: number;
  /** Least round trips of the last round and of this one. */
  private lastRtt: number = Number.POSITIVE_INFINITY;
  private rtt: number = Number.POSITIVE_INFINITY;
  private samples = 0;
  /** SND.NXT when the round began. */
  private roundEnd = 0;
  /** Least round trip of the round that slow start was left in; infinity while in it. */
  private baseline: number = Number.POSITIVE_INFINITY;
  private conservativeRounds = 0;

  constructor(isPaced: boolean) {
    this.mostSegments = isPaced ? Number.POSITIVE_INFINITY : 8;
  }

  /** By how many bytes this ACK lets the window grow. */
  growth(sample: AckSample, mss: number): number {
    const bytes = Math.min(sample.acknowledged, this.mostSegments * mss);
    const conservative = this.baseline !== Number.POSITIVE_INFINITY;
    this.measure(sample);
    return conservative ? bytes / CONSERVATIVE_DIVISOR : bytes;
  }

  private measure(sample: AckSample): void {
    if (sample.rtt > 0) {
      this.rtt = Math.min(this.rtt, sample.rtt);
      this.samples++;
      if (this.samples >= ENOUGH_SAMPLES) this.judge();
    }
    if (sample.una < this.roundEnd) return;
    if (this.baseline !== Number.POSITIVE_INFINITY && ++this.conservativeRounds >= CONSERVATIVE_ROUNDS)
      this.isOver = true;
    this.roundEnd = sample.next;
    this.lastRtt = this.rtt;
    this.rtt = Number.POSITIVE_INFINITY;
    this.samples = 0;
  }

  private judge(): void {
    if (this.baseline !== Number.POSITIVE_INFINITY) {
      if (this.rtt < this.baseline) this.baseline = Number.POSITIVE_INFINITY;
      return;
    }
    if (this.lastRtt === Number.POSITIVE_INFINITY) return;
    const eighth = this.lastRtt / MIN_RTT_DIVISOR;
    const threshold = Math.max(MIN_RTT_THRESHOLD, Math.min(eighth, MAX_RTT_THRESHOLD));
    if (this.rtt < this.lastRtt + threshold) return;
    this.baseline = this.rtt;
    this.conservativeRounds = 0;
  }
}
