// What follows from loss: entering and leaving recovery (RFC 6582, RFC 6675 with RACK as the judge), and the timer of
// RACK's reordering window. On a reliable route none of this runs: there a link's death or a pong decides.

import type { Connection, Recovery } from "./connection.ts";
import { Timer } from "./timers.ts";

/** RFC 5681 §3.2, for peers without SACK. */
const DUPLICATE_THRESHOLD = 3;

/** After an ACK that delivered something, or when the reordering timer fired. `now` is the arrival or the deadline. */
export function detectLosses(connection: Connection, now: number): void {
  if (connection.route.reliable) return;
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
  const resendsAnyway = connection.recovery === "loss" || connection.recovery === "timeout";
  if (records.lostBytes > lostBefore && !resendsAnyway) reduce(connection, now, "loss");
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
  if (!isReduced) controller.congested(now, sending.records.outstanding);
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
  connection.recovery = "none";
  connection.sending.duplicateBytes = 0;
  connection.fastRetransmit = false;
}

/** RFC 6298 §5.4 to §5.6 with RFC 5681 §3.1: all is presumed lost, one segment leaves, slow start follows. */
export function retransmitTimeout(connection: Connection, now: number): void {
  const { sending, roundTrip, controller } = connection;
  const { records } = sending;
  const first = records.first;
  if (first === null) return;
  // The first segment is SACKed and yet not acknowledged: the peer has taken its SACK back (RFC 2018 §8).
  if (first.sacked) {
    records.reneged();
    connection.sackSeen.length = 0;
  }
  controller.timedOut(now, records.outstanding, connection.attempts === 0);
  records.markAllLost();
  enterRecovery(connection, "timeout");
  connection.attempts++;
  connection.timeouts++;
  connection.host.counters.timeouts++;
  connection.duplicateAcks = 0;
  sending.duplicateBytes = 0;
  roundTrip.backOff();
  connection.timers.clear(Timer.reorder);
  connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
  connection.host.ready(connection);
}
