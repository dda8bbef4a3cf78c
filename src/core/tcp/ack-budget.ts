// Budgets for ACKs that answer something unacceptable, RFC 5961 §7: one budget for challenges, another for corrections,
// so that neither starves the other and two confused ends cannot answer each other for ever.
// Linux: tcp_invalid_ratelimit. May use nothing.

const INTERVAL = 500_000;

export class AckBudget {
  private last = Number.NEGATIVE_INFINITY;

  /** True once per half second. */
  take(now: number): boolean {
    if (now - this.last < INTERVAL) return false;
    this.last = now;
    return true;
  }
}
