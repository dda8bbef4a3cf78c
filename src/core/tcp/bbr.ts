// BBR, version 1 as Linux's tcp_bbr.c has it: sends at the rate the path was seen to deliver, and keeps in flight what
// the path holds, whatever is lost. STARTUP doubles until the rate grows no more, DRAIN empties the queue that made,
// PROBE_BW cycles around the rate, PROBE_RTT now and then empties the pipe to see its least round trip.
// Left out: sampling of policers ("lt_bw"). ECN is not honoured, so none is offered. May use nothing.

import { AckAggregation } from "./bbr-aggregation.ts";
import { BottleneckBandwidth } from "./bbr-bandwidth.ts";
import type { AckSample, CongestionController } from "./congestion.ts";
import { initialWindow } from "./initial-window.ts";

/** 2 / ln 2: the least gain that doubles the rate each round trip. */
const HIGH_GAIN = 2.885;
const DRAIN_GAIN: number = 1 / HIGH_GAIN;
const WINDOW_GAIN = 2;
const CYCLE: readonly number[] = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
/** A little below the rate, so that queues do not build for good. */
const PACING_MARGIN = 0.99;
const MIN_RTT_WINDOW = 10_000_000;
const PROBE_RTT_TIME = 200_000;
const LEAST_SEGMENTS = 4;
/** What leaves at once at low and at higher rates, segments: below 1.2 Mbit/s it is one. */
const SLOW = 150_000;
const MOST_AT_ONCE = 65_536;

export type BbrState = "startup" | "drain" | "probe-bandwidth" | "probe-rtt";

export class Bbr implements CongestionController {
  readonly name = "bbr";
  readonly lossBased = false;
  window: number;
  slowStartThreshold: number = Number.POSITIVE_INFINITY;
  pacingRate = 0;
  state: BbrState = "startup";
  private mss: number;
  private readonly initialSegments: number;
  private readonly bandwidth: BottleneckBandwidth = new BottleneckBandwidth();
  private readonly aggregation: AckAggregation = new AckAggregation();
  private minRtt: number = Number.POSITIVE_INFINITY;
  /** Negative until there is one. */
  private minRttAt = -1;
  private pacingGain: number = HIGH_GAIN;
  private windowGain: number = HIGH_GAIN;
  private phase = 0;
  private phaseAt = 0;
  private random: number;
  /** When PROBE_RTT may end; negative until the pipe is empty enough. */
  private probeDoneAt = -1;
  private probeRoundDone = false;
  private isIdleRestart = false;
  /** Window before recovery or PROBE_RTT, to go back to. */
  private priorWindow = 0;
  private wasResending = false;
  /** The first round of a recovery: what leaves is what arrived. */
  private isConserving = false;

  /** @param seed Any number, other for other connections: where in its cycle each begins. */
  constructor(mss: number, initialSegments: number, seed: number) {
    this.mss = mss;
    this.initialSegments = initialSegments;
    this.window = initialWindow(mss, initialSegments);
    this.random = seed >>> 0;
  }

  /** It sends less than it might, to measure: delivery rates of now are its own doing. */
  get selfLimited(): boolean {
    return this.state === "probe-rtt";
  }

  acknowledged(sample: AckSample): void {
    const { bandwidth } = this;
    bandwidth.update(sample);
    if (bandwidth.isRoundStart) this.isConserving = false;
    if (sample.rate > 0)
      this.aggregation.update(sample, bandwidth.value, bandwidth.isRoundStart, this.window);
    if (this.state === "probe-bandwidth") this.cycle(sample);
    if (this.state === "startup" && bandwidth.isFull) {
      this.state = "drain";
      this.slowStartThreshold = this.inFlightFor(1);
    }
    if (this.state === "drain" && sample.inFlight <= this.inFlightFor(1)) this.probeBandwidth(sample.now);
    this.updateMinRtt(sample);
    this.setGains();
    this.setPacingRate(sample);
    this.setWindow(sample);
  }

  congested(_now: number, _inFlight: number): void {
    this.saveWindow();
  }

  recovered(_now: number): void {}

  timedOut(_now: number, _inFlight: number, first: boolean): void {
    if (first) this.saveWindow();
    this.bandwidth.forgetGrowth();
    this.wasResending = true;
    this.isConserving = false;
    this.window = this.mss;
  }

  undo(_now: number): void {
    this.bandwidth.forgetGrowth();
    this.isConserving = false;
    this.window = Math.max(this.window, this.priorWindow);
  }

  resumed(now: number, _idle: number, appLimited: boolean): void {
    if (!appLimited) return;
    this.isIdleRestart = true;
    this.aggregation.restart(now);
    // At the rate of the path, no faster, for nothing is known of its queue.
    if (this.state === "probe-bandwidth") this.pacingRate = this.rateFor(1);
    else if (this.state === "probe-rtt") this.endProbeRtt(now);
  }

  idled(): void {}

  underused(): void {}

  segmentSizeChanged(mss: number): void {
    const pristine = this.window === initialWindow(this.mss, this.initialSegments);
    this.mss = mss;
    this.window = pristine ? initialWindow(mss, this.initialSegments) : Math.max(this.window, mss);
  }

  // --- states

  private probeBandwidth(now: number): void {
    this.state = "probe-bandwidth";
    // Any phase but the one that drains, as if at the end of the one before it.
    this.random = (Math.imul(this.random, 1664525) + 1013904223) >>> 0;
    const start = Math.floor((this.random / 2 ** 32) * (CYCLE.length - 1));
    this.phase = start === 0 ? 0 : start + 1;
    this.phaseAt = now;
  }

  private cycle(sample: AckSample): void {
    const gain = CYCLE[this.phase];
    const isLong = sample.now - this.phaseAt > this.minRtt;
    let isOver = isLong;
    // Probing lasts until there is as much in flight as it wants to see, unless that does not fit; draining no
    // longer than it takes.
    if (gain > 1) isOver = isLong && (sample.lost > 0 || sample.priorInFlight >= this.inFlightFor(gain));
    else if (gain < 1) isOver = isLong || sample.priorInFlight <= this.inFlightFor(1);
    if (!isOver) return;
    this.phase = (this.phase + 1) % CYCLE.length;
    this.phaseAt = sample.now;
  }

  private updateMinRtt(sample: AckSample): void {
    const { now, rtt } = sample;
    // A connection that begins has none that could be out of date.
    const isExpired = this.minRttAt >= 0 && now - this.minRttAt > MIN_RTT_WINDOW;
    if (rtt > 0 && (rtt <= this.minRtt || isExpired)) {
      this.minRtt = rtt;
      this.minRttAt = now;
    }
    if (isExpired && !this.isIdleRestart && this.state !== "probe-rtt") {
      this.saveWindow();
      this.state = "probe-rtt";
      this.probeDoneAt = -1;
    }
    if (this.state === "probe-rtt") {
      if (this.probeDoneAt < 0) {
        if (sample.inFlight <= LEAST_SEGMENTS * this.mss) {
          this.probeDoneAt = now + PROBE_RTT_TIME;
          this.probeRoundDone = false;
          this.bandwidth.beginRound(sample.totalDelivered);
        }
      } else {
        if (this.bandwidth.isRoundStart) this.probeRoundDone = true;
        if (this.probeRoundDone) this.endProbeRtt(now);
      }
    }
    if (sample.delivered > 0) this.isIdleRestart = false;
  }

  private endProbeRtt(now: number): void {
    if (this.probeDoneAt < 0 || now <= this.probeDoneAt) return;
    this.minRttAt = now;
    this.window = Math.max(this.window, this.priorWindow);
    if (this.bandwidth.isFull) this.probeBandwidth(now);
    else this.state = "startup";
  }

  private setGains(): void {
    switch (this.state) {
      case "startup":
        this.pacingGain = this.windowGain = HIGH_GAIN;
        break;
      case "drain":
        this.pacingGain = DRAIN_GAIN;
        this.windowGain = HIGH_GAIN;
        break;
      case "probe-bandwidth":
        this.pacingGain = CYCLE[this.phase];
        this.windowGain = WINDOW_GAIN;
        break;
      case "probe-rtt":
        this.pacingGain = this.windowGain = 1;
        break;
    }
  }

  // --- rate and window

  private rateFor(gain: number): number {
    return this.bandwidth.value * gain * PACING_MARGIN;
  }

  private setPacingRate(sample: AckSample): void {
    if (this.pacingRate === 0 && sample.srtt > 0)
      this.pacingRate = (HIGH_GAIN * this.window * 1_000_000) / sample.srtt;
    const rate = this.rateFor(this.pacingGain);
    if (rate > 0 && (this.bandwidth.isFull || rate > this.pacingRate)) this.pacingRate = rate;
  }

  /** What the path holds at that gain, and what the ends need to keep it busy. */
  private inFlightFor(gain: number): number {
    if (this.minRtt === Number.POSITIVE_INFINITY) return initialWindow(this.mss, this.initialSegments);
    return this.quantized((this.bandwidth.value * gain * this.minRtt) / 1_000_000);
  }

  private quantized(bytes: number): number {
    const { mss } = this;
    const least = this.pacingRate < SLOW ? mss : 2 * mss;
    const atOnce = Math.max(least, Math.min(this.pacingRate / 1_000, MOST_AT_ONCE));
    let budget = bytes + 3 * atOnce;
    if (this.state === "probe-bandwidth" && this.phase === 0) budget += 2 * mss;
    return Math.ceil(budget);
  }

  private setWindow(sample: AckSample): void {
    const { delivered, inFlight } = sample;
    const least = LEAST_SEGMENTS * this.mss;
    if (delivered > 0) {
      let window = Math.max(this.window - sample.lost, this.mss);
      if (sample.resending && !this.wasResending) {
        this.isConserving = true;
        this.bandwidth.beginRound(sample.totalDelivered);
        window = inFlight + delivered;
      } else if (this.wasResending && !sample.resending) {
        window = Math.max(window, this.priorWindow);
        this.isConserving = false;
      }
      this.wasResending = sample.resending;
      if (this.isConserving) window = Math.max(window, inFlight + delivered);
      else {
        const target = this.targetWindow();
        if (this.bandwidth.isFull) window = Math.min(window + delivered, target);
        else if (window < target || sample.totalDelivered < initialWindow(this.mss, this.initialSegments))
          window += delivered;
        window = Math.max(window, least);
      }
      this.window = window;
    }
    if (this.state === "probe-rtt") this.window = Math.min(this.window, least);
  }

  private targetWindow(): number {
    if (this.minRtt === Number.POSITIVE_INFINITY) return initialWindow(this.mss, this.initialSegments);
    const path = (this.bandwidth.value * this.windowGain * this.minRtt) / 1_000_000;
    const extra = this.bandwidth.isFull ? this.aggregation.extra(this.bandwidth.value) : 0;
    return this.quantized(path + extra);
  }

  private saveWindow(): void {
    const isWhole = !this.wasResending && this.state !== "probe-rtt";
    this.priorWindow = isWhole ? this.window : Math.max(this.priorWindow, this.window);
  }
}
