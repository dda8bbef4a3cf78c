// NewReno's window, RFC 5681 and RFC 6582, counting bytes (RFC 3465). Which segments are lost is RACK's business.
// May use nothing.

import type { AckSample } from "./congestion.ts";
import { LossBased } from "./loss-based.ts";

export class NewReno extends LossBased {
  readonly name = "newreno";
  /** Bytes acknowledged towards the next segment of growth. */
  private counted = 0;

  /** RFC 5681 §3.1 (3): one segment for each window of bytes acknowledged. */
  protected avoid(_sample: AckSample, bytes: number): void {
    this.counted += bytes;
    while (this.counted >= this.window) {
      this.counted -= this.window;
      this.window += this.mss;
    }
  }

  protected threshold(inFlight: number): number {
    return inFlight / 2;
  }

  protected override beginAnew(): void {
    super.beginAnew();
    this.counted = 0;
  }
}
