// What BBR knows of the path's rate: the greatest delivery rate of the last ten round trips, and the count of round
// trips itself (the round of a segment ends when what was sent after it is delivered). v1, as in Linux's tcp_bbr.c.
// May use nothing.

import type { AckSample } from "./congestion.ts";
import { WindowedMax } from "./windowed-max.ts";

/** Round trips that a maximum is good for: a whole gain cycle and a little. */
const WINDOW = 10;
/** Growth in a round trip that says the pipe is not full yet, and rounds without it that say it is. */
const STILL_GROWING = 1.25;
const FULL_ROUNDS = 3;

export class BottleneckBandwidth {
  /** This ACK began a round trip. */
  isRoundStart = false;
  /** Three rounds without growth: what is measured is the path, not our slow start. */
  isFull = false;
  private round = 0;
  /** Delivered bytes at which the next round begins. */
  private roundEnd = 0;
  private readonly filter: WindowedMax = new WindowedMax(WINDOW);
  private full = 0;
  private fullRounds = 0;

  /** Bytes per second; 0 before the first sample. */
  get value(): number {
    return this.filter.value;
  }

  update(sample: AckSample): void {
    this.isRoundStart = false;
    if (sample.rate <= 0) return;
    if (sample.priorDelivered >= this.roundEnd) {
      this.beginRound(sample.totalDelivered);
      this.round++;
      this.isRoundStart = true;
    }
    // A sample that the user's own pace limited says only that the path is not slower.
    if (!sample.rateAppLimited || sample.rate >= this.value) this.filter.add(this.round, sample.rate);
    if (this.isRoundStart && !this.isFull && !sample.rateAppLimited) this.lookWhetherFull();
  }

  /** A round trip begins now. */
  beginRound(delivered: number): void {
    this.roundEnd = delivered;
  }

  /** The growth so far was held back by something that is over: it is measured anew. */
  forgetGrowth(): void {
    this.full = 0;
    this.fullRounds = 0;
  }

  private lookWhetherFull(): void {
    if (this.value >= this.full * STILL_GROWING) {
      this.full = this.value;
      this.fullRounds = 0;
    } else if (++this.fullRounds >= FULL_ROUNDS) this.isFull = true;
  }
}
