// NewReno's window, RFC 5681 and RFC 6582, counting bytes (RFC 3465). Which segments are lost is RACK's business.
// May use nothing.

import type { AckSample, CongestionController } from "./congestion.ts";

export class NewReno implements CongestionController {
  readonly name = "newreno";
  readonly lossBased = true;
  window: number;
  slowStartThreshold: number = Number.POSITIVE_INFINITY;
  private mss: number;
  private readonly initialSegments: number;
  /** Bytes acknowledged towards the next segment of growth in congestion avoidance. */
  private credit = 0;
  /** As it was before the last reduction. */
  private priorWindow = 0;
  private priorThreshold = 0;

  constructor(mss: number, initialSegments: number) {
    this.mss = mss;
    this.initialSegments = initialSegments;
    this.window = this.initialWindow();
  }

  acknowledged(sample: AckSample): void {
    if (sample.recovering || sample.appLimited) return;
    let bytes = sample.acknowledged;
    if (this.window < this.slowStartThreshold) {
      const room = this.slowStartThreshold - this.window;
      const used = Math.min(bytes, room);
      this.window += used;
      bytes -= used;
      if (bytes === 0) return;
    }
    // RFC 5681 §3.1 (3): one segment for each window of bytes acknowledged.
    this.credit += bytes;
    while (this.credit >= this.window) {
      this.credit -= this.window;
      this.window += this.mss;
    }
  }

  congested(_now: number, inFlight: number): void {
    this.remember();
    this.slowStartThreshold = Math.max(inFlight / 2, 2 * this.mss);
    this.window = this.slowStartThreshold;
    this.credit = 0;
  }

  recovered(_now: number): void {
    this.window = Math.min(this.window, this.slowStartThreshold);
  }

  timedOut(_now: number, inFlight: number, first: boolean): void {
    // §3.1: the threshold stays when data that was resent already times out again.
    if (first) {
      this.remember();
      this.slowStartThreshold = Math.max(inFlight / 2, 2 * this.mss);
    }
    this.window = this.mss;
    this.credit = 0;
  }

  undo(_now: number): void {
    this.window = Math.max(this.window, this.priorWindow);
    this.slowStartThreshold = Math.max(this.slowStartThreshold, this.priorThreshold);
  }

  idled(): void {
    this.window = Math.min(this.window, this.initialWindow());
  }

  segmentSizeChanged(mss: number): void {
    const pristine = this.window === this.initialWindow();
    this.mss = mss;
    this.window = pristine ? this.initialWindow() : Math.max(this.window, mss);
  }

  private remember(): void {
    this.priorWindow = this.window;
    this.priorThreshold = this.slowStartThreshold;
  }

  private initialWindow(): number {
    const { mss, initialSegments } = this;
    // RFC 6928 §2: ten segments, but no more than 14,600 bytes or two segments when those are large.
    return Math.min(initialSegments * mss, Math.max(2 * mss, initialSegments * 1460));
  }
}
