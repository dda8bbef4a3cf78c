// Seeded randomness (sfc32, Chris Doty-Humphrey's PractRand): the same seed, the same run. Not for keys.

import type { Bytes } from "../wire/bytes.ts";

export class Random {
  /** What it was seeded with: print it when a test fails. */
  readonly seed: number | string;
  private a: number;
  private b: number;
  private c: number;
  private counter: number = 1;

  constructor(seed: number | string) {
    this.seed = seed;
    // FNV-1a spreads seeds that differ in one digit; the first outputs are thrown away for the same reason.
    const text = String(seed);
    let hash = 0x811c_9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
    this.a = hash;
    this.b = Math.imul(hash ^ 0x9e37_79b9, 0x85eb_ca6b);
    this.c = Math.imul(hash ^ 0xc2b2_ae35, 0x27d4_eb2f);
    for (let i = 0; i < 16; i++) this.bits();
  }

  /** 32 random bits, as an unsigned integer. */
  bits(): number {
    const result = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + result;
    return result >>> 0;
  }

  /** From 0, below 1. */
  next(): number {
    return this.bits() / 0x1_0000_0000;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** True with this probability. No randomness is used up for 0 and 1. */
  chance(probability: number): boolean {
    return probability > 0 && (probability >= 1 || this.next() < probability);
  }

  /** One of the items. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)];
  }

  /** Fills bytes: fits RandomBytes, a stack's secret, payloads. */
  fill(into: Bytes): void {
    for (let i = 0; i < into.length; i++) into[i] = this.bits() >>> 24;
  }

  /** Another generator, which does not move when this one is used more or less. */
  fork(): Random {
    return new Random(`${this.seed}/${this.bits()}`);
  }
}
