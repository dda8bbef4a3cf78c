// How many segments that fit nowhere all connections of a stack together answer in a second (RFC 5961 §10 on what an
// attacker can make of it). The number is another one each second, as Linux had it: with a fixed one whoever counts the
// answers that he gets learns what others cost (CVE-2016-5696). May use no clock: time is an argument.

import type { SipHash } from "../tcp/siphash.ts";

const SECOND = 1_000_000;
/** Sets these hashes apart from others under the same key. */
const DOMAIN = 0x616e_7377;

export class AnswerBudget {
  private readonly hash: SipHash;
  private readonly limit: number;
  private second = -1;
  private left = 0;

  constructor(hash: SipHash, limit: number) {
    this.hash = hash;
    this.limit = limit;
  }

  /** Whether one more may be given: half of the limit in each second at least, once and a half at most. */
  take(now: number): boolean {
    const second = Math.floor(now / SECOND);
    if (second !== this.second) {
      this.second = second;
      this.left =
        Math.floor(this.limit / 2) +
        (this.hash.start().word(DOMAIN).word(second).finish() % (this.limit + 1));
    }
    if (this.left <= 0) return false;
    this.left--;
    return true;
  }
}
