// What follows from loss: entering and leaving recovery (RFC 6582, RFC 6675 with RACK as the judge), and the timer of
// RACK's reordering window. On a reliable route none of this runs: there a link's death or a pong decides.

import type { Connection, Recovery } from "./connection.ts";
import { delivery } from "./delivery.ts";
import { FrtoStep } from "./frto.ts";
import { pathTimedOut, probeWasLost } from "./pmtu.ts";
import { Prr } from "./prr.ts";
import { Timer } from "./timers.ts";
import { Undo } from "./undo.ts";

/** RFC 5681 §3.2, for peers without SACK. */
const DUPLICATE_THRESHOLD = 3;

/**
 * After an ACK that delivered something, or when the reordering timer fired. `now` is the arrival or the deadline.
 * @returns whether anything was found lost that was not before
 */
export function detectLosses(connection: Connection, now: number): boolean {
  if (connection.route.reliable) return false;
  const { sending, rack, roundTrip, timers } = connection;
  const { records } = sending;
  const lostBefore = records.lostBytes;
  if (!connection.sackOk) {
    // Duplicates up to the end of the last recovery may be answers to what was resent in it (RFC 6582 §3.2 step 1).
    const found =
      connection.duplicateAcks >= DUPLICATE_THRESHOLD &&
      connection.recovery === "none" &&
      sending.una > connection.recoveryPoint;
    if (found && records.first !== null) records.markRecordLost(records.first);
  } else {
    const resending = connection.recovery === "loss" || connection.recovery === "timeout";
    const wait = rack.detect(records, now, roundTrip.srtt, resending);
    if (wait > 0) timers.set(Timer.reorder, now + wait);
    else timers.clear(Timer.reorder);
  }
  if (records.lostBytes <= lostBefore) return false;
  const resendsAnyway = connection.recovery === "loss" || connection.recovery === "timeout";
  if (!resendsAnyway) {
    if (probeWasLost(connection, now, records.lostBytes - lostBefore)) enterRecovery(connection, "outage");
    else reduce(connection, now, "loss");
  }
  return true;
}

/**
 * Loss was found, or ECN told of congestion (RFC 3168 §6.1.2): the window goes down, once per round trip. Loss within
 * a round trip that ECN told of is resent, but reduces nothing more.
 */
export function reduce(connection: Connection, now: number, cause: "loss" | "congestion"): void {
  const { recovery, sending, controller } = connection;
  const isReduced = recovery === "congestion" || recovery === "loss" || recovery === "timeout";
  if (isReduced && (recovery !== "congestion" || cause === "congestion")) return;
  enterRecovery(connection, cause);
  if (isReduced) return;
  const { records } = sending;
  controller.congested(now, records.outstanding);
  connection.ecn.windowReduced();
  // What ECN told of was true, whatever becomes of what is resent.
  if (cause === "loss") connection.undo = new Undo(sending.una, records.resentBytes);
  else connection.undo = null;
  // RFC 9937 §6.2: what the ACK at hand delivered is the first that counts, what was SACKed before does not.
  const flight = records.outstanding - records.sackedBytes + delivery.bytes;
  if (controller.lossBased) connection.prr = new Prr(controller.slowStartThreshold, flight, sending.pipe);
}

/** A tail loss probe repaired a loss that nobody else saw: one reduction, and no recovery (RFC 8985 §7.4.2). */
export function answerRepairedTail(connection: Connection, now: number, acknowledged: number): void {
  if (connection.recovery !== "none") return;
  connection.controller.congested(now, connection.sending.records.outstanding + acknowledged);
  connection.controller.recovered(now);
  connection.ecn.windowReduced();
  connection.undo = null;
}

/** Everything sent so far decides when it is over. */
export function enterRecovery(connection: Connection, cause: Recovery): void {
  connection.recovery = cause;
  connection.recoveryPoint = connection.sending.next;
  connection.fastRetransmit = cause !== "congestion";
}

/** Without SACK a partial ACK tells of the next hole (RFC 6582 §3.2 step 3). */
export function partialAcknowledgment(connection: Connection): void {
  const { records } = connection.sending;
  if (records.first !== null) records.markRecordLost(records.first);
  connection.fastRetransmit = true;
}

export function leaveRecovery(connection: Connection, now: number): void {
  if (connection.recovery === "loss" || connection.recovery === "congestion")
    connection.controller.recovered(now);
  if (connection.recovery === "loss" || connection.recovery === "timeout") connection.rack.recovered();
  connection.recovery = "none";
  connection.prr = null;
  connection.sending.duplicateBytes = 0;
  connection.fastRetransmit = false;
}

/** The peer acknowledges up to what it had SACKed and no further: unless more comes soon it has dropped that. */
const RENEGING_WAIT = 10_000;

/** RFC 2018 §8, as Linux: a peer that took back its SACK does not wait for a whole timeout. */
export function watchForReneging(connection: Connection, now: number): void {
  const { sending, roundTrip, timers } = connection;
  if (sending.records.first?.sacked !== true) return;
  const at = now + Math.max(roundTrip.srtt / 2, RENEGING_WAIT);
  if (at < timers.deadline(Timer.retransmit)) timers.set(Timer.retransmit, at);
}

/**
 * RFC 6298 §5.4 to §5.6 with RFC 5681 §3.1: what was sent a round trip ago is presumed lost, one segment leaves, slow
 * start follows; what was SACKed is not sent again.
 */
export function retransmitTimeout(connection: Connection, now: number): void {
  const { sending, roundTrip, controller } = connection;
  const { records } = sending;
  const first = records.first;
  if (first === null) return;
  // The first segment is SACKed and yet not acknowledged: the peer has taken its SACK back (RFC 2018 §8).
  const reneged = first.sacked;
  if (reneged) {
    records.reneged();
    connection.sackSeen = null;
  }
  const isFirst = connection.attempts === 0;
  const resending = connection.recovery === "loss" || connection.recovery === "timeout";
  // One that fires within a recovery proves that what was resent is lost, unless all of it waits for an answer.
  const isOpen = !reneged && (!resending || !isFirst);
  if (isFirst) connection.undo = new Undo(sending.una, records.resentBytes);
  if (reneged) connection.undo = null;
  controller.timedOut(now, records.outstanding, isFirst);
  connection.ecn.windowReduced();
  const { rack } = connection;
  rack.timedOut();
  const window = rack.reorderingWindow(records, roundTrip.srtt, resending);
  records.markAllLost(connection.sackOk ? now - (rack.rtt || roundTrip.srtt) - window : now);
  enterRecovery(connection, "timeout");
  connection.frto = isOpen ? FrtoStep.resent : FrtoStep.off;
  connection.prr = null;
  connection.tail.forget();
  connection.attempts++;
  connection.timeouts++;
  connection.host.counters.timeouts++;
  connection.duplicateAcks = 0;
  sending.duplicateBytes = 0;
  roundTrip.backOff();
  connection.timers.clear(Timer.reorder);
  connection.timers.clear(Timer.tailLoss);
  connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
  pathTimedOut(connection, now);
  connection.host.ready(connection);
}
