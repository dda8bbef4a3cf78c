// The ACK of a segment, RFC 9293 §3.10.7.4 fifth: what it newly covers, the window it offers, its SACK blocks
// (RFC 2018), then loss (RACK), the congestion window and the retransmission timer. Work is proportional to what is
// newly acknowledged, never to the window.

import { seqDifference } from "../wire/seq.ts";
import { Flag, type TcpSegment } from "../wire/tcp-segment.ts";
import { challenge } from "./challenge.ts";
import type { Connection } from "./connection.ts";
import { deliveredRoundTrip, delivery, noteDelivered, startDelivery } from "./delivery.ts";
import { echoArrives } from "./ecn.ts";
import { pathAcknowledged } from "./pmtu.ts";
import { updateController } from "./rate-control.ts";
import {
  answerRepairedTail,
  detectLosses,
  leaveRecovery,
  partialAcknowledgment,
  watchForReneging,
} from "./recovery.ts";
import { takeSackBlocks } from "./sack.ts";
import { Timer } from "./timers.ts";
import { rememberTimestamp } from "./timestamps.ts";
import { probeAnswered, scheduleProbe } from "./tlp.ts";
import { undoIfSpurious } from "./undo.ts";

/** @returns false when the segment must not be looked at further */
export function acknowledgmentArrives(
  connection: Connection,
  now: number,
  segment: TcpSegment,
  start: number,
  hasData: boolean,
): boolean {
  const { sending } = connection;
  const ack = sending.next + seqDifference(segment.ack, sending.seq(sending.next));
  // RFC 5961 §5: an ACK of what was never sent, or from further back than any window, is not the peer's.
  // An old ACK within that range is nothing new, but its data is good (dropping it stalls reordered paths). On a reliable
  // route a link may stand still for any time while the others go on: there no ACK is too old.
  const oldest = connection.route.reliable ? Number.NEGATIVE_INFINITY : sending.una - sending.maxWindow;
  if (ack > sending.max || ack < oldest) {
    challenge(connection, now);
    return false;
  }
  // Not before: a guess at the window alone must not plant a timestamp from the future (RFC 7323 §4.3, RFC 5961).
  rememberTimestamp(connection, now, segment, start);
  const advanced = ack - sending.una;
  const inFlightBefore = sending.records.inFlight;
  const windowBefore = sending.edge;
  startDelivery(connection.timestampsOk && segment.hasTimestamps ? segment.tsEcr : -1);
  if (advanced >= 0) takeWindowUpdate(connection, segment, start, ack);
  if (advanced > 0) {
    sending.una = ack;
    if (ack > sending.next) sending.next = ack; // a zero-window probe's octet was taken
    takeCumulative(connection, now, ack);
  }
  if (connection.sackOk && segment.sackCount > 0) takeSackBlocks(connection, now, segment, ack);
  const duplicateBytes = sending.duplicateBytes;
  const repeats =
    advanced === 0 && !hasData && (segment.flags & Flag.fin) === 0 && sending.edge === windowBefore;
  if (advanced > 0) {
    connection.attempts = 0;
    connection.duplicateAcks = 0;
    // A partial ACK takes back what it covers of what duplicates stood for (RFC 6582 §3.2 step 3).
    if (connection.recovery === "loss")
      sending.duplicateBytes = Math.max(0, sending.duplicateBytes - advanced);
    else if (connection.recovery !== "timeout") sending.duplicateBytes = 0;
  } else if (repeats && !connection.sackOk && sending.records.count > 0) {
    connection.duplicateAcks++;
    // Each tells that a segment has left the path (RFC 5681 §3.2 step 4), the first two too (RFC 3042).
    sending.duplicateBytes = Math.min(sending.duplicateBytes + sending.mss, mayHaveLeft(connection));
  }
  sending.probes = 0;
  if (probeAnswered(connection, ack, repeats && segment.sackCount === 0))
    answerRepairedTail(connection, now, advanced);
  if (delivery.bytes > 0 || connection.duplicateAcks > 0 || delivery.duplicateEnd >= 0) {
    connection.tail.pending = false;
    updateRoundTrip(connection, now, advanced);
    undoIfSpurious(connection, now, ack, advanced);
    const foundLoss = detectLosses(connection, now);
    if (connection.ecn.isAgreed && (segment.flags & Flag.ece) !== 0) echoArrives(connection, now);
    if (connection.prr !== null) {
      const delivered = connection.sackOk
        ? delivery.bytes
        : Math.max(0, advanced) + sending.duplicateBytes - duplicateBytes;
      connection.prr.acknowledged(delivered, sending.pipe, advanced > 0 && !foundLoss, sending.mss);
    }
    updateController(connection, now, Math.max(0, advanced), inFlightBefore);
  }
  if (advanced > 0) {
    if (connection.recovery !== "none") {
      if (ack >= connection.recoveryPoint) leaveRecovery(connection, now);
      else if (!connection.sackOk && connection.recovery === "loss") partialAcknowledgment(connection);
    }
    restartRetransmit(connection, now);
    if (sending.records.sackedCount > 0) watchForReneging(connection, now);
    scheduleProbe(connection, now);
    if (connection.path !== null) pathAcknowledged(connection, now);
    connection.acknowledgedBytes();
    if (sending.finAcknowledged) connection.enterFinAcknowledged(now);
  }
  if (sending.edge > sending.next || advanced > 0) {
    connection.timers.clear(Timer.persist);
    sending.probePending = false;
    // A peer that takes a probe's octet and stays closed is probed no faster for it.
    if (sending.edge > sending.next) sending.probeBackoff = 0;
  }
  if (sending.records.lostBytes > 0 || sending.hasUnsent) connection.host.ready(connection);
  return true;
}

/**
 * Bytes that duplicates may stand for. After a timeout they may only answer what was resent, but for the new data of
 * F-RTO: it stays unacknowledged until all before it is repaired, and must not fill a window of its size meanwhile.
 */
function mayHaveLeft({ recovery, recoveryPoint, sending }: Connection): number {
  if (recovery === "outage") return 0;
  return recovery === "timeout" ? Math.max(0, sending.next - recoveryPoint) : sending.records.inFlight;
}

/** RFC 9293 §3.10.7.4: only a segment at least as new as the last update may change the window. */
function takeWindowUpdate(connection: Connection, segment: TcpSegment, start: number, ack: number): void {
  const { sending } = connection;
  if (start < sending.wl1 || (start === sending.wl1 && ack < sending.wl2)) return;
  const window = segment.window * ((segment.flags & Flag.syn) !== 0 ? 1 : 1 << sending.scale);
  if (window > sending.maxWindow) sending.maxWindow = window;
  sending.edge = ack + window;
  sending.wl1 = start;
  sending.wl2 = ack;
}

function takeCumulative(connection: Connection, now: number, ack: number): void {
  const { sending } = connection;
  const { records } = sending;
  let ambiguous = false;
  for (;;) {
    const record = records.popAcknowledged(ack);
    if (record === null) break;
    if (!record.sacked) {
      noteDelivered(connection, now, record, ambiguous);
      if (record.retransmissions > 0) ambiguous = true;
    }
    records.recycle(record);
  }
  // What came with a hole that was filled waited for that: its round trip is no measure of the path.
  if (ambiguous) delivery.sampleSentAt = -1;
  records.trimFirst(ack);
  const before = sending.buffer.length;
  sending.buffer.acknowledge(ack);
  connection.host.memory.used -= before - sending.buffer.length;
}

function updateRoundTrip(connection: Connection, now: number, advanced: number): void {
  // An echo without new data acknowledged may be of any age.
  const rtt = advanced > 0 || delivery.sampleSentAt >= 0 ? deliveredRoundTrip(connection, now) : -1;
  if (rtt < 0) return;
  const segments = connection.sending.records.inFlight / connection.sending.mss;
  connection.roundTrip.sample(rtt, segments);
  connection.tail.measured = true;
}

/** RFC 6298 §5.2 and §5.3: new data acknowledged restarts the timer; only that does, or it would never fire. */
function restartRetransmit(connection: Connection, now: number): void {
  const { timers, sending } = connection;
  connection.oldestUnacked = now;
  if (sending.records.count === 0) timers.clear(Timer.retransmit);
  else timers.set(Timer.retransmit, connection.retransmitAt(now));
  timers.clear(Timer.pong);
}
