// Between an ACK and the congestion controller: what the controller is told of it, whether the window was used at all
// (RFC 7661), and the pace that follows. And before a segment leaves: whether the sender comes back from a pause.
// May use this room's types; time is the segment's arrival.

import { type AckSample, newAckSample } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { delivery } from "./delivery.ts";
import { initialWindow } from "./initial-window.ts";
import { Pacer } from "./pacing.ts";
import { Timer } from "./timers.ts";

/** An ACK that delivered something, or one of a peer without SACK that stands for something delivered. */
export function updateController(
  connection: Connection,
  now: number,
  acknowledged: number,
  inFlightBefore: number,
): void {
  const { controller, rate, sending, recovery } = connection;
  const { records } = sending;
  rate.finish(now, connection.rack.minRtt.value);
  if (connection.route.reliable) return;
  const { window, slowStartThreshold } = controller;
  const { windowUse, roundTrip, options } = connection;
  const una = sending.una - acknowledged;
  const isUsed = windowUse.isUsed(now, una, inFlightBefore, window, window < slowStartThreshold);
  if (recovery !== "none") windowUse.restart(now);
  else if (!isUsed) {
    const used = windowUse.underuse(now, roundTrip.rto);
    if (used >= 0 && options.slowStartAfterIdle) controller.underused(used);
  }
  sample.now = now;
  sample.delivered = delivery.bytes;
  sample.totalDelivered = rate.delivered;
  sample.lost = records.takeLost();
  // An ACK that jumps over what had arrived before a timeout is no leave to send as much at once (RFC 3465 §2.3).
  sample.acknowledged = recovery === "timeout" ? Math.min(acknowledged, sending.mss) : acknowledged;
  sample.una = sending.una;
  sample.next = sending.next;
  sample.rtt = delivery.sampleSentAt < 0 ? 0 : now - delivery.sampleSentAt;
  sample.srtt = roundTrip.srtt;
  sample.inFlight = records.inFlight;
  sample.priorInFlight = inFlightBefore;
  sample.appLimited = !isUsed;
  // After a timeout the window grows again by slow start while what was lost is resent (RFC 5681 §3.1).
  sample.recovering = recovery === "loss" || recovery === "congestion";
  sample.resending = recovery === "loss" || recovery === "timeout";
  sample.rate = rate.sampleRate;
  sample.priorDelivered = rate.samplePrior;
  sample.rateAppLimited = rate.sampleAppLimited;
  controller.acknowledged(sample);
  if (controller.selfLimited || hasNothingToSend(connection)) rate.markAppLimited(records.inFlight);
  setPace(connection);
}

/** The pace follows the window and the round trip, unless the controller sets it. */
function setPace(connection: Connection): void {
  const { pacer, controller } = connection;
  const { slowStartThreshold, pacingRate } = controller;
  const window = Math.max(controller.window, connection.sending.records.outstanding);
  pacer.rate =
    pacingRate > 0 ? pacingRate : Pacer.rateOf(window, slowStartThreshold, connection.roundTrip.srtt);
}

/**
 * Whether a segment may leave now by its pace; if not, the timer is set for when it may. The first ten segments go
 * at once, as in Linux: nothing is known yet that a pace could follow from.
 */
export function paceAllows(connection: Connection, now: number, size: number): boolean {
  const { options, sending, pacer, timers } = connection;
  if (!options.pacing || connection.route.reliable) return true;
  const burst = initialWindow(sending.mss, options.initialWindow);
  if (sending.bytesSent < burst) return true;
  const wait = pacer.wait(now, size, burst);
  if (wait === 0) return true;
  timers.set(Timer.pacing, now + wait);
  connection.host.rearm(connection);
  return false;
}

/** Data leaves and nothing was outstanding: the controller may have a pause to account for. */
export function endPause(connection: Connection, now: number): void {
  const { controller, options, sending, rate } = connection;
  if (sending.bytesSent === 0 || connection.route.reliable) return;
  const idle = now - connection.lastSent;
  controller.resumed(now, idle, rate.isAppLimited);
  // RFC 5681 §4.1.
  if (options.slowStartAfterIdle && idle > connection.roundTrip.rto) controller.idled();
  connection.windowUse.restart(now);
}

/** Draft-cheng-iccrg-delivery-rate-estimation §3.4: neither new data nor lost data waits, and the window has room. */
export function hasNothingToSend(connection: Connection): boolean {
  const { sending } = connection;
  return (
    sending.unsent === 0 && sending.records.lostBytes === 0 && sending.pipe < connection.congestionWindow
  );
}

/** The controller reads it within one call, so all connections share it. */
const sample: AckSample = /* @__PURE__ */ newAckSample();
