// An ACK as a congestion controller is told of it: what a test does not say is of no interest to it.

import type { AckSample } from "../../../src/core/tcp/congestion.ts";

export function ack(acknowledged: number, more: Partial<AckSample> = {}): AckSample {
  return {
    now: 0,
    delivered: acknowledged,
    totalDelivered: 0,
    lost: 0,
    acknowledged,
    una: 0,
    next: 0,
    rtt: 0,
    srtt: 0,
    inFlight: 0,
    priorInFlight: 0,
    appLimited: false,
    recovering: false,
    resending: false,
    rate: 0,
    priorDelivered: -1,
    rateAppLimited: false,
    ...more,
  };
}
