// What happens when a timer of a connection is due. A timer that fires late is evaluated at its deadline, not at the
// time of its processing (RACK judged by late clocks resends what was never lost); but what it sends leaves now, and
// the time for an answer begins now: else a loop that stood still counts answers as missing to questions never asked.
// Extra calls change nothing.

import type { Connection } from "./connection.ts";
import { startDelivery } from "./delivery.ts";
import { detectLosses, enterRecovery, retransmitTimeout } from "./recovery.ts";
import { Timer } from "./timers.ts";
import { probeDue } from "./tlp.ts";

/** Runs what is due by `now`, earliest first. */
export function timersDue(connection: Connection, now: number): void {
  const { timers } = connection;
  for (let next = timers.next(); next <= now; next = timers.next()) {
    for (const timer of ORDER) {
      if (timers.deadline(timer) !== next) continue;
      timers.clear(timer);
      fire(connection, timer, next, now);
      break;
    }
  }
}

/** Among timers due at the same moment, what finds loss goes before what gives up on it. */
const ORDER: readonly Timer[] = [
  Timer.reorder,
  Timer.pong,
  Timer.tailLoss,
  Timer.pacing,
  Timer.delayedAck,
  Timer.retransmit,
  Timer.persist,
  Timer.keepAlive,
  Timer.finWait2,
];

function fire(connection: Connection, timer: Timer, at: number, now: number): void {
  switch (timer) {
    case Timer.reorder:
      startDelivery(-1);
      detectLosses(connection, at);
      if (connection.sending.records.lostBytes > 0) connection.host.ready(connection);
      break;
    case Timer.tailLoss:
      probeDue(connection, at, now);
      break;
    case Timer.pacing:
      connection.host.ready(connection);
      break;
    case Timer.delayedAck:
      connection.ackPending = true;
      connection.host.ready(connection);
      break;
    case Timer.retransmit:
      retransmitDue(connection, at, now);
      break;
    case Timer.persist:
      persistDue(connection, at, now);
      break;
    case Timer.pong:
      pongDue(connection, now);
      break;
    case Timer.keepAlive:
      keepAliveDue(connection, now);
      break;
    case Timer.finWait2:
      connection.enterClosed(null);
      break;
    default:
      break;
  }
}

function retransmitDue(connection: Connection, at: number, now: number): void {
  if (connection.state === "SYN-SENT" || connection.state === "SYN-RECEIVED") {
    synDue(connection, now);
    return;
  }
  const { records } = connection.sending;
  if (records.count === 0) return;
  // All of it waits for a link that takes nothing: what has not left again cannot be late.
  const waits = records.oldest === null && records.lostBytes > 0;
  if (gaveUp(connection, at, waits)) return;
  if (waits) {
    connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
    connection.host.ready(connection);
    return;
  }
  if (!connection.route.reliable) {
    retransmitTimeout(connection, now);
    return;
  }
  // On a reliable route silence proves nothing: its links are asked, and their answers decide.
  if (records.oldest !== null) connection.host.wantPing(connection);
  connection.roundTrip.backOff();
  connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
}

/** A SYN on a reliable route is resent only after its link died: the gateway may still be dialling. */
function synDue(connection: Connection, now: number): void {
  const limit = connection.passive ? connection.options.synAckRetries : connection.options.synRetries;
  if (connection.synAttempts >= limit) {
    connection.enterClosed(connection.softError ?? { code: "ETIMEDOUT", text: "no answer to the handshake" });
    return;
  }
  connection.synAttempts++;
  if (!connection.route.reliable) connection.synPending = true;
  else
    connection.timers.set(
      Timer.retransmit,
      now + connection.options.initialRto * 2 ** connection.synAttempts,
    );
  connection.host.ready(connection);
}

/** R2 of RFC 9293 §3.8.3, or the user timeout of RFC 5482. */
function gaveUp(connection: Connection, at: number, waits: boolean): boolean {
  const { options, sending } = connection;
  const tooLong = options.userTimeout > 0 && at - connection.oldestUnacked >= options.userTimeout;
  const counted = waits || connection.route.reliable ? 0 : connection.attempts;
  if (!tooLong && counted < options.retries) return false;
  // A peer that closed its window over what is in flight makes probes of our retransmissions: as long as it answers
  // they may go on (RFC 9293 §3.8.6.1), unless nobody is left who waits for it.
  const answered = sending.edge <= sending.una && at - connection.lastHeard <= options.maxRto;
  if (answered && !tooLong && !connection.released) return false;
  connection.enterClosed(
    connection.softError ?? { code: "ETIMEDOUT", text: "the peer does not acknowledge" },
  );
  return true;
}

function persistDue(connection: Connection, at: number, now: number): void {
  const { sending, options, timers, roundTrip } = connection;
  if (!sending.hasUnsent || sending.records.count > 0) return;
  if (sending.edge > sending.next) {
    sending.forceSmall = true;
    connection.host.ready(connection);
    return;
  }
  // As long as the peer answers probes its window may stay closed for ever; unanswered ones count like data.
  if (sending.probes === 0) connection.oldestUnacked = now;
  const tooLong =
    sending.probes > 0 && options.userTimeout > 0 && at - connection.oldestUnacked >= options.userTimeout;
  if (tooLong || sending.probes >= options.retries) {
    connection.enterClosed(
      connection.softError ?? { code: "ETIMEDOUT", text: "zero-window probes are not answered" },
    );
    return;
  }
  if (sending.probePending) {
    // The last one has not left yet.
    timers.set(Timer.persist, now + Math.min(roundTrip.baseRto * 2 ** sending.probeBackoff, options.maxRto));
    connection.host.ready(connection);
    return;
  }
  const delay = roundTrip.baseRto * 2 ** (sending.probeBackoff + 1);
  if (connection.released && delay > options.maxRto) {
    // Nobody waits any more: memory is not kept for a peer that never reads (Linux's tcp_orphan_retries).
    connection.enterClosed({ code: "ETIMEDOUT", text: "the peer keeps its window closed" }, true);
    return;
  }
  sending.probes++;
  sending.probeBackoff++;
  sending.probePending = true;
  const next = now + Math.min(delay, options.maxRto);
  const limit = options.userTimeout > 0 ? connection.oldestUnacked + options.userTimeout : next;
  timers.set(Timer.persist, Math.max(Math.min(next, limit), now + 1));
  connection.host.ready(connection);
}

/** A delayed ACK after the links' answers nothing has come: what was sent before they were asked is lost. */
function pongDue(connection: Connection, now: number): void {
  if (!connection.sending.records.markLostBefore(connection.answeredUpTo)) return;
  connection.attempts++;
  if (connection.attempts > connection.options.retries) {
    connection.enterClosed({ code: "ETIMEDOUT", text: "the peer does not acknowledge" });
    return;
  }
  enterRecovery(connection, "outage");
  connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
  connection.host.ready(connection);
}

function keepAliveDue(connection: Connection, now: number): void {
  const keepAlive = connection.options.keepAlive;
  if (keepAlive === null) return;
  // Data in flight has its own timer and its own limit; a probe that has not left yet is not unanswered.
  if (connection.sending.records.count === 0 && !connection.keepAlivePending) {
    if (connection.keepAliveProbes >= keepAlive.count) {
      connection.enterClosed({ code: "ETIMEDOUT", text: "keepalive probes are not answered" }, true);
      return;
    }
    connection.keepAliveProbes++;
    connection.keepAlivePending = true;
    connection.host.ready(connection);
  }
  connection.timers.set(Timer.keepAlive, now + keepAlive.interval);
}
