// Tail loss probe, RFC 8985 §7: when the last segments of a flight are lost no later one tells of it. Two round trips
// after the last sending one more segment asks, so that RACK finds the loss and not the timer. May use this room's types.

import type { Connection } from "./connection.ts";
import { delivery } from "./delivery.ts";
import { Timer } from "./timers.ts";

/** A peer may delay the ACK of a lone segment this long (§7.2's TLP.max_ack_delay; Linux's TCP_RTO_MIN). */
const DELAYED_ACK = 200_000;
/** The probe timeout while no round trip is known. */
const WITHOUT_ROUND_TRIP = 1_000_000;

export class TailLossProbe {
  /** SND.NXT when the probe left; negative while none is out. */
  end = -1;
  /** It is to leave. */
  pending = false;
  /** Probes that left. */
  sent = 0;
  /** When it is due. Data that leaves moves this; the timer looks here when it fires and is not moved each time. */
  due = 0;
  /** The one that is out carried old data. */
  isResent = false;
  /** A round trip was measured since the last probe: else two lost ones would follow each other (§7.3). */
  measured = true;

  forget(): void {
    this.end = -1;
    this.pending = false;
  }
}

/** §7.2: after new data has left, and after an ACK that advanced. */
export function scheduleProbe(connection: Connection, now: number): void {
  const { tail, timers } = connection;
  if (!mayProbe(connection)) {
    timers.clear(Timer.tailLoss);
    return;
  }
  const at = Math.min(now + probeTimeout(connection), timers.deadline(Timer.retransmit));
  tail.due = at;
  if (timers.deadline(Timer.tailLoss) <= at) return;
  timers.set(Timer.tailLoss, at);
  connection.host.rearm(connection);
}

function mayProbe(connection: Connection): boolean {
  const { recovery, tail, sending, options } = connection;
  if (!options.tailLossProbe || !connection.sackOk || connection.route.reliable) return false;
  const { records } = sending;
  if (records.inFlight === 0 || records.sackedCount > 0 || records.lostBytes > 0 || tail.end >= 0)
    return false;
  return recovery === "none" || recovery === "congestion";
}

function probeTimeout(connection: Connection): number {
  const { roundTrip, sending, options } = connection;
  if (!roundTrip.sampled) return WITHOUT_ROUND_TRIP;
  // Both ends of the wait may be off by a tick (Linux's TCP_TIMEOUT_MIN).
  return 2 * roundTrip.srtt + (sending.records.count === 1 ? DELAYED_ACK : 2 * options.clockResolution);
}

/** The timer fired. The retransmission timer starts anew, behind the probe (§7.3). */
export function probeDue(connection: Connection, at: number, now: number): void {
  const { tail, timers } = connection;
  if (at < tail.due) {
    timers.set(Timer.tailLoss, tail.due);
    return;
  }
  if (!tail.measured || !mayProbe(connection)) return;
  tail.pending = true;
  timers.set(Timer.retransmit, connection.retransmitAt(now));
  connection.host.ready(connection);
}

export function probeSent(connection: Connection, now: number, isResent: boolean): void {
  const { tail, timers, sending } = connection;
  tail.pending = false;
  tail.end = sending.next;
  tail.isResent = isResent;
  tail.measured = false;
  tail.sent++;
  timers.clear(Timer.tailLoss);
  timers.set(Timer.retransmit, connection.retransmitAt(now));
}

/**
 * §7.4: what an ACK says of the probe that is out.
 * @param repeats it moved nothing, carried neither data nor SACK
 * @returns true when the probe has repaired a loss: nobody else saw it, so nobody else has answered it
 */
export function probeAnswered(connection: Connection, ack: number, repeats: boolean): boolean {
  const { tail } = connection;
  if (ack < tail.end) return false;
  const { end } = tail;
  if (!tail.isResent || delivery.duplicateEnd === end) tail.end = -1;
  else if (ack > end) {
    tail.end = -1;
    return true;
  } else if (repeats) tail.end = -1;
  return false;
}
