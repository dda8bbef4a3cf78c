// A rate limit: so many at once, so many a second. Time is an argument.
import type { Micros } from "../core/link/clock.ts";

export class TokenBucket {
  private readonly perMicro: number;
  private readonly burst: number;
  private tokens: number;
  private at: Micros;

  constructor(perSecond: number, burst: number, now: Micros) {
    this.perMicro = perSecond / 1_000_000;
    this.burst = burst;
    this.tokens = burst;
    this.at = now;
  }

  /** Takes one; false when there is none. */
  take(now: Micros): boolean {
    this.refill(now);
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** Milliseconds until there is one. */
  wait(now: Micros): number {
    this.refill(now);
    return this.tokens >= 1 ? 0 : Math.ceil((1 - this.tokens) / this.perMicro / 1_000);
  }

  /** Whether nothing was taken lately, so that forgetting it changes nothing. */
  isFull(now: Micros): boolean {
    this.refill(now);
    return this.tokens >= this.burst;
  }

  private refill(now: Micros): void {
    this.tokens = Math.min(this.burst, this.tokens + (now - this.at) * this.perMicro);
    this.at = now;
  }
}
