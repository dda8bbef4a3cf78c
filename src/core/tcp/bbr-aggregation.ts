// ACKs that come in lumps, as Wi-Fi and event loops make them: how much more than expected was acknowledged at once
// within the last five to ten round trips. BBR lets so much more be in flight, or it would stall between the lumps.
// Linux's tcp_bbr.c. May use nothing.

import type { AckSample } from "./congestion.ts";

const WINDOW_ROUNDS = 5;
/** No more than this much time's worth. */
const MOST_SECONDS = 0.1;

export class AckAggregation {
  private epochAt = 0;
  private epochBytes = 0;
  /** Two halves of the window: the one that is filled, and the one before it. */
  private current = 0;
  private previous = 0;
  private rounds = 0;

  update(sample: AckSample, bandwidth: number, isRoundStart: boolean, window: number): void {
    if (isRoundStart && ++this.rounds >= WINDOW_ROUNDS) {
      this.rounds = 0;
      this.previous = this.current;
      this.current = 0;
    }
    let expected = (bandwidth * (sample.now - this.epochAt)) / 1_000_000;
    if (this.epochBytes <= expected) {
      this.restart(sample.now);
      expected = 0;
    }
    this.epochBytes += sample.delivered;
    this.current = Math.max(this.current, Math.min(this.epochBytes - expected, window));
  }

  restart(now: number): void {
    this.epochAt = now;
    this.epochBytes = 0;
  }

  /** Bytes to let in flight beyond the path's own. */
  extra(bandwidth: number): number {
    return Math.min(Math.max(this.current, this.previous), bandwidth * MOST_SECONDS);
  }
}
