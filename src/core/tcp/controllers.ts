// Which congestion controllers there are, by their names. May use nothing.

import { Bbr } from "./bbr.ts";
import type { CongestionController } from "./congestion.ts";
import { Cubic } from "./cubic.ts";
import { NewReno } from "./newreno.ts";

/** CUBIC (RFC 9438), NewReno (RFC 5681, RFC 6582), BBR version 1. */
export type CongestionControl = "cubic" | "newreno" | "bbr";

export const congestionControls: readonly CongestionControl[] = ["cubic", "newreno", "bbr"];

/** What of TcpOptions makes a controller. */
interface ControllerOptions {
  readonly congestionControl: CongestionControl;
  readonly initialWindow: number;
  readonly pacing: boolean;
}

/** @param seed Any number that differs from connection to connection */
export function newController(options: ControllerOptions, mss: number, seed: number): CongestionController {
  const { congestionControl, initialWindow, pacing } = options;
  switch (congestionControl) {
    case "cubic":
      return new Cubic(mss, initialWindow, pacing);
    case "newreno":
      return new NewReno(mss, initialWindow, pacing);
    case "bbr":
      return new Bbr(mss, initialWindow, seed);
  }
}
