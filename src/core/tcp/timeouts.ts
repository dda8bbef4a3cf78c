// What happens when a timer of a connection is due. A timer that fires late is evaluated at its deadline, not at the
// time of its processing (RACK judged by late clocks resends what was never lost). Extra calls change nothing.

import type { Connection } from "./connection.ts";
import { detectLosses, enterRecovery, retransmitTimeout } from "./recovery.ts";
import { Timer } from "./timers.ts";

/** Runs what is due by `now`, earliest first. */
export function timersDue(connection: Connection, now: number): void {
  const { timers } = connection;
  for (let next = timers.next(); next <= now; next = timers.next()) {
    for (const timer of ORDER) {
      if (timers.deadline(timer) !== next) continue;
      timers.clear(timer);
      fire(connection, timer, next);
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

function fire(connection: Connection, timer: Timer, at: number): void {
  switch (timer) {
    case Timer.reorder:
      detectLosses(connection, at);
      if (connection.sending.records.lostBytes > 0) connection.host.ready(connection);
      break;
    case Timer.delayedAck:
      connection.ackPending = true;
      connection.host.ready(connection);
      break;
    case Timer.retransmit:
      retransmitDue(connection, at);
      break;
    case Timer.persist:
      persistDue(connection, at);
      break;
    case Timer.pong:
      pongDue(connection, at);
      break;
    case Timer.keepAlive:
      keepAliveDue(connection, at);
      break;
    case Timer.finWait2:
      connection.enterClosed(null);
      break;
    default:
      break;
  }
}

function retransmitDue(connection: Connection, at: number): void {
  if (connection.state === "SYN-SENT" || connection.state === "SYN-RECEIVED") {
    synDue(connection, at);
    return;
  }
  if (connection.sending.records.count === 0) return;
  if (gaveUp(connection, at)) return;
  if (!connection.route.reliable) {
    retransmitTimeout(connection, at);
    return;
  }
  // On a reliable route silence proves nothing: the link is asked, and its pong decides.
  const oldest = connection.sending.records.oldest;
  if (oldest !== null) connection.host.wantPing(connection, oldest.linkId);
  connection.roundTrip.backOff();
  connection.timers.set(Timer.retransmit, at + connection.roundTrip.rto);
}

/** A SYN on a reliable route is resent only after its link died: the gateway may still be dialling. */
function synDue(connection: Connection, at: number): void {
  const limit = connection.passive ? connection.options.synAckRetries : connection.options.synRetries;
  if (connection.synAttempts >= limit) {
    connection.enterClosed(connection.softError ?? { code: "ETIMEDOUT", text: "no answer to the handshake" });
    return;
  }
  connection.synAttempts++;
  if (!connection.route.reliable) connection.synPending = true;
  else
    connection.timers.set(Timer.retransmit, at + connection.options.initialRto * 2 ** connection.synAttempts);
  connection.host.ready(connection);
}

/** R2 of RFC 9293 §3.8.3, or the user timeout of RFC 5482. */
function gaveUp(connection: Connection, at: number): boolean {
  const { options } = connection;
  const tooLong = options.userTimeout > 0 && at - connection.oldestUnacked >= options.userTimeout;
  const counted = connection.route.reliable ? 0 : connection.attempts;
  if (!tooLong && counted < options.retries) return false;
  connection.enterClosed(
    connection.softError ?? { code: "ETIMEDOUT", text: "the peer does not acknowledge" },
  );
  return true;
}

function persistDue(connection: Connection, at: number): void {
  const { sending, options, timers, roundTrip } = connection;
  if (!sending.hasUnsent || sending.records.count > 0) return;
  if (sending.edge > sending.next) {
    sending.forceSmall = true;
    connection.host.ready(connection);
    return;
  }
  // As long as the peer answers probes its window may stay closed for ever; unanswered ones count like data.
  sending.probes++;
  if (sending.probes > options.retries) {
    connection.enterClosed(
      connection.softError ?? { code: "ETIMEDOUT", text: "zero-window probes are not answered" },
    );
    return;
  }
  sending.probePending = true;
  timers.set(Timer.persist, at + Math.min(roundTrip.baseRto * 2 ** ++sending.probeBackoff, options.maxRto));
  connection.host.ready(connection);
}

/** A delayed ACK after the pong nothing has come: what was sent on that link before the ping is lost. */
function pongDue(connection: Connection, at: number): void {
  const lost = connection.sending.records.markLinkLost(connection.pongLink, connection.pongSentAt);
  if (!lost) return;
  connection.attempts++;
  if (connection.attempts > connection.options.retries) {
    connection.enterClosed({ code: "ETIMEDOUT", text: "the peer does not acknowledge" });
    return;
  }
  enterRecovery(connection, "outage");
  connection.timers.set(Timer.retransmit, at + connection.roundTrip.rto);
  connection.host.ready(connection);
}

function keepAliveDue(connection: Connection, at: number): void {
  const keepAlive = connection.options.keepAlive;
  if (keepAlive === null) return;
  // Data in flight has its own timer and its own limit.
  if (connection.sending.records.count === 0) {
    if (connection.keepAliveProbes >= keepAlive.count) {
      connection.enterClosed({ code: "ETIMEDOUT", text: "keepalive probes are not answered" }, true);
      return;
    }
    connection.keepAliveProbes++;
    connection.keepAlivePending = true;
    connection.host.ready(connection);
  }
  connection.timers.set(Timer.keepAlive, at + keepAlive.interval);
}
