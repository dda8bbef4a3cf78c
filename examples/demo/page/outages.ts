// When the tunnel had no link: for the strip, the plot and the figures. Bounded, as everything on this page.

import type { Tunnel } from "fourtuple";
import { systemClock } from "fourtuple/core";

/** Microseconds of the page's clock; `to` is null while it lasts. */
export interface Outage {
  readonly from: number;
  to: number | null;
}

export class Outages {
  /** The oldest first. */
  readonly all: Outage[] = [];
  count = 0;
  /** Microseconds without a link: of the last outage that is over, and of the longest. */
  last = 0;
  longest = 0;

  observe(tunnel: Tunnel): void {
    tunnel.addEventListener("detached", () => {
      this.count++;
      this.all.push({ from: systemClock.now(), to: null });
      if (this.all.length > MOST_OUTAGES) this.all.shift();
    });
    tunnel.addEventListener("attached", () => {
      const outage = this.all.at(-1);
      if (outage === undefined || outage.to !== null) return;
      outage.to = systemClock.now();
      this.last = outage.to - outage.from;
      this.longest = Math.max(this.longest, this.last);
    });
  }
}

const MOST_OUTAGES = 1_000;
