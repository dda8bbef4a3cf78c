// The text and FIN of a segment, RFC 9293 §3.10.7.4 seventh and eighth: in order to the receive buffer, early to
// reassembly, and when to acknowledge (§3.8.6.3, RFC 5681 §4.2).

import type { Bytes } from "../wire/bytes.ts";
import type { Packet } from "../wire/packet.ts";
import { Flag } from "../wire/tcp-segment.ts";
import { type Connection, Event } from "./connection.ts";
import { canReceive } from "./tcp-state.ts";
import { Timer } from "./timers.ts";

/** @param start offset of the first byte of the segment; `length` its payload bytes */
export function textArrives(
  connection: Connection,
  now: number,
  packet: Packet,
  start: number,
  length: number,
): void {
  const { receiving, host } = connection;
  const segment = packet.tcp;
  const hasFin = (segment.flags & Flag.fin) !== 0;
  if (length === 0 && !hasFin) return;
  if (!canReceive(connection.state)) {
    // The peer sent FIN already: what it repeats is acknowledged, anything more is ignored (§3.10.7.4).
    acknowledgeNow(connection);
    return;
  }
  if (connection.released && start + length > receiving.next) {
    // Nobody will read it: RFC 1122 §4.2.2.13 asks for a reset.
    connection.abort(now, { code: "ECONNRESET", text: "data arrived after close" });
    return;
  }
  // Nothing follows a FIN: bytes beyond one are nobody's, and one that would cut off what has arrived is none.
  const end = start + length;
  const from = Math.max(start, receiving.next);
  const to = Math.min(end, receiving.edge, receiving.fin >= 0 ? receiving.fin : end);
  const whole = to === end;
  if (hasFin && whole && receiving.fin < 0 && end >= receiving.reassembly.end) receiving.fin = end;
  const before = receiving.next;
  const hadGap = !receiving.reassembly.empty;
  if (connection.sackOk) noteDuplicates(connection, start, end);
  if (to > from) {
    const begin = segment.dataStart + (from - start);
    if (length > receiving.segmentSize) receiving.segmentSize = Math.min(length, connection.sending.mss);
    // Packets are parsed out of messages, which are plain arrays of their own.
    if (!take(connection, from, packet.bytes as Bytes, begin, begin + (to - from))) {
      host.counters.reassemblyDrops++;
    }
  }
  if (receiving.next > before) {
    receiving.bytesReceived += receiving.next - before;
    receiving.tuning?.arrived(now, receiving.next, receiving.edge);
    connection.raise(Event.readable);
  }
  const finNow = receiving.fin >= 0 && receiving.next === receiving.fin && !receiving.finReceived;
  if (finNow) {
    receiving.finReceived = true;
    receiving.next++;
    if (receiving.edge < receiving.next) receiving.edge = receiving.next;
    connection.enterPeerClosed(now);
  }
  const gap = !receiving.reassembly.empty;
  // What is out of order, fills a gap, was cut or came twice is acknowledged at once (RFC 5681 §4.2).
  if (finNow || gap || hadGap || !whole || from > start || connection.route.reliable)
    acknowledgeNow(connection);
  else delayAcknowledgment(connection, now);
}

/** RFC 2883 §4: what of the segment came before, in order or early. */
function noteDuplicates(connection: Connection, start: number, end: number): void {
  const { receiving } = connection;
  const arrived = Math.min(
    end,
    receiving.fin >= 0 ? Math.min(receiving.next, receiving.fin) : receiving.next,
  );
  if (arrived > start) receiving.duplicated(start, arrived);
  else if (!receiving.reassembly.empty && receiving.reassembly.overlap(overlap, start, end))
    receiving.duplicated(overlap[0], overlap[1]);
}

const overlap: number[] = [0, 0];

function take(connection: Connection, offset: number, bytes: Bytes, begin: number, end: number): boolean {
  const { receiving, host } = connection;
  if (offset > receiving.next) {
    const before = receiving.reassembly.length;
    const kept = receiving.earlySegments(connection.tsRecent).insert(offset, bytes, begin, end);
    host.memory.used += receiving.reassembly.length - before;
    return kept;
  }
  // What moves over from reassembly is counted already; what was there twice is not.
  const before = receiving.buffer.length + receiving.reassembly.length;
  receiving.buffer.push(bytes, begin, end);
  receiving.next += end - begin;
  if (!receiving.reassembly.empty) {
    receiving.next = receiving.reassembly.drain(receiving.next, receiving.buffer);
    if (receiving.reassembly.empty) receiving.forgetEarly();
    else receiving.disorderGoesOn(connection.tsRecent);
  }
  host.memory.used += receiving.buffer.length + receiving.reassembly.length - before;
  return true;
}

function acknowledgeNow(connection: Connection): void {
  connection.ackPending = true;
  connection.timers.clear(Timer.delayedAck);
  connection.host.ready(connection);
}

/** An ACK at least every second full segment, at once while the peer's window is young, else within the delay. */
function delayAcknowledgment(connection: Connection, now: number): void {
  const { receiving, timers, options } = connection;
  const unacknowledged = receiving.next - receiving.acknowledged;
  if (
    connection.quickAcks > 0 ||
    unacknowledged >= 2 * receiving.segmentSize ||
    receiving.worthTelling(connection.sending.mss)
  ) {
    if (connection.quickAcks > 0) connection.quickAcks--;
    acknowledgeNow(connection);
  } else if (!timers.isSet(Timer.delayedAck)) timers.set(Timer.delayedAck, now + options.delayedAck);
}
