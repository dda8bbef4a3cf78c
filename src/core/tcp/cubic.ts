// CUBIC, RFC 9438: the window follows a cubic curve around the size at which the last loss came, in time and not in
// round trips, and never falls behind what Reno would have. Bytes; fractions of growth are kept. Slow start and what
// else loss-based controllers share is in loss-based.ts, the window within a recovery in prr.ts. May use nothing.

import type { AckSample } from "./congestion.ts";
import { LossBased } from "./loss-based.ts";

/** Segments per second cubed, §5. */
const C = 0.4;
const BETA = 0.7;
/** Reno's growth that is fair with a decrease to BETA, §4.3. */
const ALPHA: number = (3 * (1 - BETA)) / (1 + BETA);
/** §4.2: no more than half the window in a round trip. */
const MOST_GROWTH = 1.5;

export class Cubic extends LossBased {
  readonly name = "cubic";
  /** Window at the last congestion, or less by fast convergence: the plateau of the curve. */
  private plateau = 0;
  /** Window at the last congestion as it was: above it the estimate grows as Reno does. */
  private before = 0;
  /** When congestion avoidance began; negative until the next ACK begins it. */
  private epoch = -1;
  /** Seconds from there to the plateau. */
  private k = 0;
  /** What Reno's window would be, §4.3. */
  private reno = 0;
  private lastAckAt = 0;
  private prior: Prior | null = null;

  override acknowledged(sample: AckSample): void {
    // §4.2: the time in which the window was not needed does not count, or it would jump afterwards.
    if (sample.appLimited && this.epoch >= 0) this.epoch += sample.now - this.lastAckAt;
    this.lastAckAt = sample.now;
    super.acknowledged(sample);
  }

  override timedOut(now: number, inFlight: number, first: boolean): void {
    super.timedOut(now, inFlight, first);
    // §4.8: the next epoch begins at its own plateau.
    this.plateau = 0;
  }

  override undo(now: number): void {
    super.undo(now);
    const { prior } = this;
    if (prior === null) return;
    this.prior = null;
    this.plateau = prior.plateau;
    this.before = prior.before;
    this.k = prior.k;
    this.reno = prior.reno;
    // The time since then was not spent growing.
    this.epoch = prior.epoch < 0 ? -1 : prior.epoch + (now - prior.at);
  }

  override resumed(now: number, idle: number, _appLimited: boolean): void {
    if (this.epoch >= 0) this.epoch = Math.min(this.epoch + idle, now);
    this.lastAckAt = now;
  }

  protected avoid(sample: AckSample, bytes: number): void {
    if (this.epoch < 0) this.beginEpoch(sample.now);
    const { window, mss } = this;
    const time = (sample.now - this.epoch) / 1_000_000;
    this.reno += ((this.reno >= this.before ? 1 : ALPHA) * mss * bytes) / window;
    if (this.curve(time) < this.reno) {
      if (this.reno > window) this.grow(this.reno - window);
      return;
    }
    const target = Math.min(this.curve(time + sample.srtt / 1_000_000), MOST_GROWTH * window);
    if (target > window) this.grow(Math.min(((target - window) * bytes) / window, target - window));
  }

  /** §4.6 and §4.7: the plateau is lower when the last one was not reached again, to make room for others. */
  protected threshold(_inFlight: number): number {
    const { window } = this;
    this.before = window;
    this.plateau = window < this.plateau ? (window * (1 + BETA)) / 2 : window;
    return window * BETA;
  }

  protected override beginAnew(): void {
    super.beginAnew();
    this.epoch = -1;
  }

  protected override remember(now: number): void {
    super.remember(now);
    const { plateau, before, epoch, k, reno } = this;
    this.prior = { at: now, plateau, before, epoch, k, reno };
  }

  /** W_cubic of §4.2. */
  private curve(time: number): number {
    return this.plateau + C * this.mss * (time - this.k) ** 3;
  }

  private beginEpoch(now: number): void {
    this.epoch = now;
    this.reno = this.window;
    if (this.window < this.plateau) {
      this.k = Math.cbrt((this.plateau - this.window) / this.mss / C);
    } else {
      this.k = 0;
      this.plateau = this.window;
    }
  }
}

/** As it was before the last reduction. */
interface Prior {
  readonly at: number;
  readonly plateau: number;
  readonly before: number;
  readonly epoch: number;
  readonly k: number;
  readonly reno: number;
}
