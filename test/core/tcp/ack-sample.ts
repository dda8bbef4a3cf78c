// An ACK as a congestion controller is told of it: what a test does not say is of no interest to it.

import { type AckSample, newAckSample } from "../../../src/core/tcp/congestion.ts";

export function ack(acknowledged: number, more: Partial<AckSample> = {}): AckSample {
  return { ...newAckSample(), delivered: acknowledged, acknowledged, ...more };
}
