// Links come and go; the connection stays (DESIGN §3). A dead link's segments are resent at once, without backoff or
// congestion response; every connection, idle ones too, tells its window, since bare ACKs and window updates that
// went down with a link are in no record. Also ICMP's word on a path (RFC 5927).

import type { CloseReason, Connection } from "./connection.ts";
import { tooBigArrives } from "./pmtu.ts";
import { enterRecovery } from "./recovery.ts";
import { isSynchronized } from "./tcp-state.ts";
import { Timer } from "./timers.ts";

/** What left on `linkId` is lost; other links go on. */
export function linkDied(connection: Connection, now: number, linkId: number): void {
  if (connection.state === "SYN-SENT" || connection.state === "SYN-RECEIVED") {
    if (connection.synLink === linkId && connection.timers.isSet(Timer.retransmit))
      connection.synPending = true;
  } else if (isSynchronized(connection.state)) {
    connection.ackPending = true;
    // Its ACKs are gone too: what left elsewhere is acknowledged late.
    connection.sampleBarrier = now;
    if (connection.sending.records.markLinkLost(linkId)) forgetOutage(connection, now);
  }
  connection.host.ready(connection);
}

/** The route has a link again, or the other side is back: everything unacknowledged goes again. */
export function thaw(connection: Connection, now: number): void {
  connection.timers.thaw(now);
  if (connection.state === "SYN-SENT" || connection.state === "SYN-RECEIVED") {
    if (connection.timers.isSet(Timer.retransmit)) connection.synPending = true;
  } else if (isSynchronized(connection.state)) {
    connection.sending.records.markAllLost();
    connection.ackPending = true;
    connection.timers.clear(Timer.reorder);
    forgetOutage(connection, now);
  }
  connection.host.ready(connection);
  connection.host.rearm(connection);
}

/** No round-trip sample reaches across, no backoff is kept, and no recovery is entered for it. */
function forgetOutage(connection: Connection, now: number): void {
  const { sending, roundTrip, timers, rack } = connection;
  connection.sampleBarrier = now;
  rack.pathChanged();
  roundTrip.resetBackoff();
  connection.attempts = 0;
  if (sending.records.lostBytes > 0) {
    // A recovery from loss goes on: its window was cut once, and is not cut again for the same flight.
    if (connection.recovery === "none") enterRecovery(connection, "outage");
    connection.fastRetransmit = true;
  }
  timers.clear(Timer.pong);
  // An outage is not the peer's silence: the user timeout counts anew.
  connection.oldestUnacked = now;
  if (sending.records.count > 0) timers.set(Timer.retransmit, connection.retransmitAt(now));
  sending.probes = 0;
}

/**
 * All links of the route have answered: nothing sent up to `askedAt` is still under way, nor is word of it.
 * @returns false when that decides nothing here: the segment in question left later
 */
export function linksAnswered(connection: Connection, now: number, askedAt: number): boolean {
  const { oldest } = connection.sending.records;
  if (oldest === null) return true;
  if (oldest.sentAt > askedAt) return false;
  connection.answeredUpTo = askedAt;
  connection.timers.set(Timer.pong, now + connection.options.delayedAck);
  return true;
}

/** ICMP unreachable and the like: fatal for a handshake, a hint for later afterwards (RFC 1122 §4.2.3.9, RFC 5461). */
export function unreachable(connection: Connection, offset: number, reason: CloseReason): void {
  const { sending } = connection;
  // Only a message about something in flight counts (RFC 5927 §4.1).
  if (offset < sending.una || offset > sending.next) return;
  if (connection.state === "SYN-SENT") connection.enterClosed(reason);
  else connection.softError = reason;
}

/** ICMP too big. What was too big was dropped, not lost to congestion: it goes again in smaller pieces, and no more. */
export function pathTooSmall(connection: Connection, now: number, offset: number, payload: number): void {
  if (!tooBigArrives(connection, now, offset, payload)) return;
  connection.sampleBarrier = now;
  if (connection.recovery === "none") enterRecovery(connection, "outage");
  connection.host.ready(connection);
}
