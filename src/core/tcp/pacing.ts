// Pacing: a window's segments leave spread over its round trip, by a token bucket that is refilled when it is asked.
// Timers of an event loop are a millisecond late and more, so credit that comes while the timer runs is kept for some
// milliseconds; what comes while nothing waits is bounded by one burst. Linux's sk_pacing_rate. May use nothing.

/** RTTs are guesses: slow start sends twice, later 1.2 times as fast as the window asks for (tcp_pacing_*_ratio). */
const SLOW_START_RATIO = 2;
const AVOIDANCE_RATIO = 1.2;
/** What a burst may be, and a timer should be worth. */
const BURST_TIME = 1_000;
/** How late a timer may be without costing throughput. */
const CATCH_UP_TIME = 10_000;

export class Pacer {
  /** Bytes per second; infinity until a round trip is known. */
  rate: number = Number.POSITIVE_INFINITY;
  private credit = 0;
  private refilledAt = 0;
  private isWaiting = false;

  /** The rate of a controller that has none of its own. */
  static rateOf(window: number, threshold: number, srtt: number): number {
    if (srtt <= 0) return Number.POSITIVE_INFINITY;
    const ratio = window < threshold / 2 ? SLOW_START_RATIO : AVOIDANCE_RATIO;
    return (ratio * window * 1_000_000) / srtt;
  }

  /**
   * Microseconds until `size` bytes may leave; 0: they may now.
   * @param burst bytes that may leave at once after a pause, where a millisecond is less
   */
  wait(now: number, size: number, burst: number): number {
    const { rate } = this;
    if (rate === Number.POSITIVE_INFINITY) return 0;
    const millisecond = (rate * BURST_TIME) / 1_000_000;
    if (now > this.refilledAt) {
      const most = this.isWaiting ? (rate * CATCH_UP_TIME) / 1_000_000 : 0;
      const earned = (rate * (now - this.refilledAt)) / 1_000_000;
      this.credit = Math.min(this.credit + earned, Math.max(burst, millisecond, most));
      this.refilledAt = now;
    }
    this.isWaiting = this.credit < size;
    if (!this.isWaiting) return 0;
    // A timer for each segment would be a timer too many: the next one is for what a millisecond brings.
    const wanted = Math.max(size, Math.min(millisecond, burst));
    return Math.max(1, Math.ceil(((wanted - this.credit) * 1_000_000) / rate));
  }

  sent(size: number): void {
    if (this.rate !== Number.POSITIVE_INFINITY) this.credit -= size;
  }
}
