// Taking back the answer to a loss that was none. Four witnesses: the ACK of the first sending echoes a timestamp from
// before the second one (Eifel, RFC 3522), or comes sooner after the second than any round trip; DSACK blocks call what
// was sent again a duplicate (RFC 3708); F-RTO saw data arrive that went once (RFC 5682, frto.ts). The response is RFC
// 4015's.

import { seqLess } from "../wire/seq.ts";
import type { Connection } from "./connection.ts";
import { deliveredRoundTrip, delivery } from "./delivery.ts";
import { judgeTimeout } from "./frto.ts";
import { Timer } from "./timers.ts";

/** What is known of the last reduction of the window. */
export class Undo {
  /** SND.UNA when it came. */
  private readonly from: number;
  /** Bytes sent again since, which nothing has shown to be duplicates yet; negative when none were sent again. */
  private unproven: number;
  /** Bytes of which that was known before their DSACK came: it says nothing new. */
  private foretold = 0;
  /** Our timestamp when the first of them left; negative when there is none. */
  private stamp = -1;

  /** @param underWay bytes that went again before and may yet be called duplicates */
  constructor(una: number, underWay: number) {
    this.from = una;
    this.unproven = underWay > 0 ? underWay : -1;
  }

  /** @param timestamp negative when segments carry none */
  resent(bytes: number, timestamp: number): void {
    this.unproven = Math.max(this.unproven, 0) + bytes;
    if (this.stamp < 0) this.stamp = timestamp;
  }

  /** A DSACK. */
  duplicate(end: number, bytes: number): void {
    const known = Math.min(bytes, this.foretold);
    this.foretold -= known;
    this.prove(end, bytes - known);
  }

  /** The answer came sooner than any round trip after the last sending. */
  arrivedEarly(end: number, bytes: number): void {
    if (this.prove(end, bytes)) this.foretold += bytes;
  }

  private prove(end: number, bytes: number): boolean {
    if (end <= this.from || this.unproven <= 0) return false;
    this.unproven = Math.max(0, this.unproven - bytes);
    return true;
  }

  /** Some of it rests on answers that came early, and no DSACK has said so too. */
  get isForetold(): boolean {
    return this.foretold > 0;
  }

  get allDuplicates(): boolean {
    return this.unproven === 0;
  }

  /** What answers a timestamp from before the first resending answers the first sending. */
  isDelayed(echo: number): boolean {
    return this.stamp >= 0 && echo >= 0 && seqLess(echo, this.stamp);
  }
}

/** After an ACK was taken in and before losses are looked for. */
export function undoIfSpurious(connection: Connection, now: number, ack: number, advanced: number): void {
  const { undo, recovery } = connection;
  if (undo === null) return;
  const isDelayed = advanced > 0 && undo.isDelayed(delivery.echo);
  if (recovery === "timeout") {
    const isOriginal = judgeTimeout(connection, ack, advanced);
    if (isOriginal || isDelayed || undo.allDuplicates) undoTimeout(connection, now);
  } else if (recovery === "loss") {
    // One hole was late and not lost. Of others that were resent nothing is known before they are answered.
    const isLate = isDelayed && connection.sending.records.resentBytes === 0;
    if (isLate || undo.allDuplicates) undoFastRecovery(connection, now);
  } else if (undo.allDuplicates) takeBack(connection, now);
}

function takeBack(connection: Connection, now: number): void {
  if (connection.undo?.isForetold) connection.rack.earlyBelieved();
  connection.undo = null;
  connection.spuriousRecoveries++;
  connection.controller.undo(now);
}

function undoFastRecovery(connection: Connection, now: number): void {
  // It was not loss, so it was reordering: from now on RACK waits (RFC 8985 §6.2 step 4).
  if (connection.rack.reorderings === 0) connection.rack.reordered();
  resume(connection, now);
}

function undoTimeout(connection: Connection, now: number): void {
  const { roundTrip, rack } = connection;
  // Without timestamps RACK took the first sending's answer for the second's.
  rack.forget();
  // RFC 4015 §3.2 step 5 wants a timeout that would have waited: the round trip was longer than it.
  const rtt = deliveredRoundTrip(connection, now);
  if (rtt > 0) roundTrip.timedOutTooEarly(rtt);
  connection.attempts = 0;
  resume(connection, now);
  connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
}

/** As if nothing had been judged lost: what was is under way again. */
function resume(connection: Connection, now: number): void {
  takeBack(connection, now);
  connection.sending.records.restoreLost();
  connection.sending.duplicateBytes = 0;
  connection.duplicateAcks = 0;
  connection.prr = null;
  connection.recovery = "none";
  connection.fastRetransmit = false;
}
