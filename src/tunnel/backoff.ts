// How long to wait before a lost link is tried again: at once, and after failures a random time below a bound that
// doubles ("full jitter"), so that a thousand clients of one relay do not come back in step. Links that are lost again
// and again have a credit of tries at once, or a broken path would be dialled in a tight loop.
import type { Micros, RandomBytes } from "../core/link/clock.ts";

export class Backoff {
  private readonly random: RandomBytes;
  private failures = 0;
  private credit: number = mostAtOnce;
  private creditAt: Micros;

  constructor(random: RandomBytes, now: Micros) {
    this.random = random;
    this.creditAt = now;
  }

  /** A link that was there is lost: microseconds until the first try. */
  lost(now: Micros): Micros {
    this.credit = Math.min(mostAtOnce, this.credit + (now - this.creditAt) / creditEach);
    this.creditAt = now;
    if (this.credit < 1) return this.failed();
    this.credit--;
    this.failures = 0;
    return 0;
  }

  /** A try failed: microseconds until the next. */
  failed(): Micros {
    const bound = Math.min(longest, first * 2 ** Math.min(this.failures, 16));
    this.failures++;
    return Math.round(fraction(this.random) * bound);
  }
}

/** A random number from 0 to just below 1. */
export function fraction(random: RandomBytes): number {
  const bytes = new Uint8Array(4);
  random(bytes);
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
}

const first: Micros = 250_000;
const longest: Micros = 15_000_000;
/** Tries at once in a row, and how long until one more is allowed. */
const mostAtOnce = 20;
const creditEach: Micros = 250_000;
