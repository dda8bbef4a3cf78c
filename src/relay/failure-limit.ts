// How often one remote address may fail to show who it is: so many at once, so many a minute.
import type { Clock } from "../core/link/clock.ts";
import { TokenBucket } from "./token-bucket.ts";

export class FailureLimit {
  private readonly perMinute: number;
  private readonly clock: Clock;
  private readonly buckets = new Map<string, TokenBucket>();

  constructor(perMinute: number, clock: Clock) {
    this.perMinute = perMinute;
    this.clock = clock;
  }

  add(address: string): void {
    const now = this.clock.now();
    let bucket = this.buckets.get(address);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.perMinute / 60, this.perMinute, now);
      this.buckets.set(address, bucket);
      if (this.buckets.size > mostAddresses) this.forgetOldest(now);
    }
    bucket.take(now);
  }

  isReached(address: string): boolean {
    const bucket = this.buckets.get(address);
    return bucket !== undefined && bucket.wait(this.clock.now()) > 0;
  }

  private forgetOldest(now: number): void {
    for (const [address, bucket] of this.buckets) {
      if (bucket.isFull(now) || this.buckets.size > mostAddresses) this.buckets.delete(address);
      if (this.buckets.size <= mostAddresses / 2) break;
    }
  }
}

const mostAddresses = 10_000;
