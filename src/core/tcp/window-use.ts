// Congestion window validation, RFC 7661 as Linux has it: a window grows only while it is what holds the sender back,
// and one that was not used for an RTO says nothing of the path any more. May use nothing; times are arguments.

export class WindowUse {
  /** SND.NXT when the window last held something back: until that is acknowledged the window is in use. */
  limitedUntil = -1;
  /** Most that was in flight since the window was last used whole, and when that was. */
  private most = 0;
  private since = 0;

  /**
   * An ACK has come: notes whether the window was used.
   * @param una SND.UNA before it
   * @param inFlight bytes in flight before it
   */
  isUsed(now: number, una: number, inFlight: number, window: number, isSlowStart: boolean): boolean {
    // In slow start half of it is enough: the other half comes with the ACKs of the first.
    const used = this.limitedUntil > una || (isSlowStart && window < 2 * inFlight);
    if (used) this.restart(now);
    else this.most = Math.max(this.most, inFlight);
    return used;
  }

  /** Bytes of it that were used, once for each `rto` in which it was not used whole; else -1. */
  underuse(now: number, rto: number): number {
    if (now - this.since < rto) return -1;
    const { most } = this;
    this.restart(now);
    return most;
  }

  restart(now: number): void {
    this.most = 0;
    this.since = now;
  }
}
