// What controllers that answer loss by a smaller window have in common: slow start with HyStart++ and its end, bytes
// of growth below one, restart after idle (RFC 5681 §4.1), a window that was not used (RFC 7661), undo. Growth in
// congestion avoidance and the size of a reduction are each algorithm's own. May use nothing.

import type { AckSample, CongestionController } from "./congestion.ts";
import { HyStart } from "./hystart.ts";
import { initialWindow } from "./initial-window.ts";

export abstract class LossBased implements CongestionController {
  abstract readonly name: string;
  readonly lossBased = true;
  readonly pacingRate = 0;
  readonly selfLimited = false;
  window: number;
  slowStartThreshold: number = Number.POSITIVE_INFINITY;
  protected mss: number;
  private readonly initialSegments: number;
  private hystart: HyStart | null;
  /** Bytes of growth below one. */
  private credit = 0;
  /** As it was before the last reduction. */
  private priorWindow = 0;
  private priorThreshold = 0;

  constructor(mss: number, initialSegments: number, isPaced: boolean) {
    this.mss = mss;
    this.initialSegments = initialSegments;
    this.hystart = new HyStart(isPaced);
    this.window = initialWindow(mss, initialSegments);
  }

  acknowledged(sample: AckSample): void {
    if (sample.recovering || sample.appLimited) return;
    const left = this.window < this.slowStartThreshold ? this.slowStart(sample) : sample.acknowledged;
    if (left > 0) this.avoid(sample, left);
  }

  congested(now: number, inFlight: number): void {
    this.remember(now);
    this.reduce(inFlight);
    this.window = this.slowStartThreshold;
  }

  recovered(_now: number): void {
    this.window = Math.min(this.window, this.slowStartThreshold);
  }

  timedOut(now: number, inFlight: number, first: boolean): void {
    // RFC 5681 §3.1: the threshold stays when data that was resent already times out again.
    if (first) {
      this.remember(now);
      this.reduce(inFlight);
    }
    this.window = this.mss;
    this.beginAnew();
  }

  undo(_now: number): void {
    this.window = Math.max(this.window, this.priorWindow);
    this.slowStartThreshold = Math.max(this.slowStartThreshold, this.priorThreshold);
  }

  resumed(_now: number, _idle: number, _appLimited: boolean): void {}

  idled(): void {
    const restart = Math.min(this.window, initialWindow(this.mss, this.initialSegments));
    if (restart < this.window) this.shrink(restart);
  }

  underused(used: number): void {
    const least = Math.max(used, initialWindow(this.mss, this.initialSegments));
    if (least < this.window) this.shrink(Math.floor((this.window + least) / 2));
  }

  segmentSizeChanged(mss: number): void {
    const pristine = this.window === initialWindow(this.mss, this.initialSegments);
    this.mss = mss;
    this.window = pristine ? initialWindow(mss, this.initialSegments) : Math.max(this.window, mss);
  }

  /** Congestion avoidance: `bytes` were acknowledged. */
  protected abstract avoid(sample: AckSample, bytes: number): void;

  /** The threshold that follows congestion. */
  protected abstract threshold(inFlight: number): number;

  /** Congestion avoidance will begin at another window than it ended at. */
  protected beginAnew(): void {
    this.credit = 0;
  }

  protected remember(_now: number): void {
    this.priorWindow = this.window;
    this.priorThreshold = this.slowStartThreshold;
  }

  protected grow(bytes: number): void {
    this.credit += bytes;
    const whole = Math.floor(this.credit);
    if (whole <= 0) return;
    this.credit -= whole;
    this.window += whole;
  }

  private reduce(inFlight: number): void {
    // HyStart++ is for the first slow start, which a reduction undone gives back.
    if (this.slowStartThreshold !== Number.POSITIVE_INFINITY) this.hystart = null;
    this.slowStartThreshold = Math.max(Math.floor(this.threshold(inFlight)), 2 * this.mss);
    this.beginAnew();
  }

  /** What the path had room for is remembered, so that slow start is soon back there (RFC 2861 §3.1, as in Linux). */
  private shrink(window: number): void {
    this.slowStartThreshold = Math.max(this.slowStartThreshold, 0.75 * this.window);
    this.window = window;
    this.beginAnew();
  }

  /** @returns bytes acknowledged that are left for congestion avoidance */
  private slowStart(sample: AckSample): number {
    const first = this.slowStartThreshold === Number.POSITIVE_INFINITY ? this.hystart : null;
    const growth = first?.growth(sample, this.mss) ?? sample.acknowledged;
    const used = Math.min(growth, this.slowStartThreshold - this.window);
    this.grow(used);
    if (first?.isOver) {
      this.slowStartThreshold = this.window;
      this.hystart = null;
    }
    return used < growth ? sample.acknowledged - used : 0;
  }
}
