// What leaves next, RFC 9293 §3.8: one whole IP packet written straight into the caller's message, or nothing. The
// order: reset, SYN, what was lost, new data, a probe, a bare ACK. State moves only when a packet was written.

import { ipHeaderLength, writeIpHeader, writeTcpChecksum } from "../wire/ip-header.ts";
import { Protocol } from "../wire/protocol.ts";
import { Flag, TcpSegment, tcpHeaderLength, writeTcpHeader } from "../wire/tcp-segment.ts";
import type { Connection } from "./connection.ts";
import { codepoint, Ecn, reducedFlag, synFlags } from "./ecn.ts";
import { FrtoStep } from "./frto.ts";
import { offerOptions } from "./handshake.ts";
import { observe } from "./observe.ts";
import { probeLeaves, probeSize } from "./pmtu.ts";
import { endPause, hasNothingToSend, paceAllows } from "./rate-control.ts";
import type { SentRecord } from "./sent-records.ts";
import { isSynchronized } from "./tcp-state.ts";
import { Timer } from "./timers.ts";
import { timestampValue } from "./timestamps.ts";
import { probeSent, scheduleProbe } from "./tlp.ts";

/** Nothing to send now. */
export const IDLE = 0;
/** Something to send, but it does not fit in the room that is left. */
export const NO_ROOM = -1;

/** A reliable route may cut a segment to what is left of a message, but not into crumbs. */
const SMALLEST_CUT = 4096;
/** Linux resends nothing larger than what the path took; a probe is one octet (RFC 9293 §3.8.6.1). */
const PROBE_LENGTH = 1;

/** One segment is built at a time, so one object serves all connections, and one says where it goes. */
const segment = new TcpSegment();
const sackOffsets: number[] = [];
const place: { out: Uint8Array; at: number; room: number; linkId: number } = {
  out: new Uint8Array(0),
  at: 0,
  room: 0,
  linkId: 0,
};

function setPlace(out: Uint8Array, at: number, room: number, linkId: number): void {
  place.out = out;
  place.at = at;
  place.room = room;
  place.linkId = linkId;
}

/** Bytes in front of the payload of `segment`. */
function headersOf(connection: Connection): number {
  return ipHeaderLength(connection.remote.family) + tcpHeaderLength(segment);
}

/**
 * Writes at most one packet at out[at..at+room).
 * @param segmentLimit largest payload that this link should carry at once
 * @returns its length, IDLE or NO_ROOM
 */
export function transmit(
  connection: Connection,
  now: number,
  out: Uint8Array,
  at: number,
  room: number,
  linkId: number,
  segmentLimit: number,
): number {
  if (connection.timers.frozen) return IDLE;
  setPlace(out, at, room, linkId);
  if (connection.resetPending) return sendReset(connection, now);
  if (connection.state === "CLOSED" || connection.state === "TIME-WAIT") return IDLE;
  if (connection.synPending) return sendSyn(connection, now);
  if (connection.state === "SYN-SENT") return IDLE;

  startSegment(connection, now);
  if (connection.state === "SYN-RECEIVED") {
    const answers = connection.ackPending && connection.sending.next >= 0;
    return answers ? sendAck(connection, now) : IDLE;
  }
  const { sending } = connection;
  const largest = Math.min(sending.mss - (tcpHeaderLength(segment) - 20), segmentLimit);

  const lost = sending.records.nextLost();
  const newFirst = connection.frto === FrtoStep.newData;
  if (lost !== null && !newFirst && mayResend(connection, now, lost)) {
    return resend(connection, now, lost, largest);
  }
  const limit = probeSize(connection, now, largest, segmentLimit);
  const size = sendable(connection, now, limit);
  if (size > largest && size <= room - headersOf(connection)) probeLeaves(connection, size, largest);
  const fin = finFits(connection, size);
  if (size > 0 || fin) return sendNew(connection, now, size, fin);
  if (lost !== null && newFirst && sending.pipe === 0) {
    return resend(connection, now, lost, largest);
  }
  const { last } = sending.records;
  if (connection.tail.pending && last !== null) {
    return resend(connection, now, last, largest);
  }
  if (sending.probePending) return sendProbe(connection, now);
  if (connection.ackPending) return sendAck(connection, now);
  if (connection.keepAlivePending) return sendKeepAlive(connection, now);
  return IDLE;
}

/** The ACK that is due, although data waits to carry it: at most one packet at out[at..at+room). */
export function acknowledge(
  connection: Connection,
  now: number,
  out: Uint8Array,
  at: number,
  room: number,
  linkId: number,
): number {
  if (!connection.ackPending || connection.timers.frozen || !isSynchronized(connection.state)) return IDLE;
  setPlace(out, at, room, linkId);
  startSegment(connection, now);
  return sendAck(connection, now);
}

// --- which

/** Bytes of new data that may leave in one segment now; 0 when none may. */
function sendable(connection: Connection, now: number, largest: number): number {
  const { sending, timers } = connection;
  const unsent = sending.unsent;
  if (unsent === 0) {
    if (hasNothingToSend(connection)) connection.rate.markAppLimited(sending.records.inFlight);
    return 0;
  }
  const usable = sending.edge - sending.next;
  const size = Math.min(unsent, usable, largest);
  // A tail loss probe goes beyond the window and waits for nobody (RFC 8985 §7.3).
  if (size > 0 && connection.tail.pending) return size;
  if (size <= 0 || !worthSending(connection, size, unsent, usable, largest)) {
    // Nothing in flight will bring an ACK: a timer must (RFC 9293 §3.8.6.1 and §3.8.6.2.1).
    if (sending.records.count === 0 && !timers.isSet(Timer.persist)) armPersist(connection, now, size > 0);
    return 0;
  }
  if (!connection.route.reliable) {
    const inFlight = sending.pipe;
    if (inFlight > 0 && inFlight + size > connection.congestionWindow) {
      connection.windowUse.limitedUntil = sending.next;
      return 0;
    }
    if (!paceAllows(connection, now, size)) return 0;
  }
  return size;
}

/** Nagle and the sender's silly-window avoidance, RFC 9293 §3.8.6.2.1. */
function worthSending(
  connection: Connection,
  size: number,
  unsent: number,
  usable: number,
  largest: number,
): boolean {
  const { sending, options } = connection;
  if (size >= largest || sending.forceSmall) return true;
  if (options.cork && sending.fin < 0) return false;
  // All that is queued fits: it waits only for Nagle, and not when it is the last of the stream.
  if (size === unsent) return options.noDelay || sending.records.count === 0 || sending.fin >= 0;
  return usable >= sending.maxWindow / 2;
}

function finFits(connection: Connection, size: number): boolean {
  const { sending } = connection;
  if (sending.fin < 0 || sending.finSent || sending.next + size !== sending.fin) return false;
  // A FIN takes one number of the window; alone it may go into a closed one, where it serves as the probe.
  return sending.next + size < sending.edge || (size === 0 && sending.records.count === 0);
}

function mayResend(connection: Connection, now: number, lost: SentRecord): boolean {
  if (connection.route.reliable || connection.fastRetransmit) return true;
  const { sending } = connection;
  const inFlight = sending.pipe;
  if (inFlight > 0 && inFlight + lost.length > connection.congestionWindow) {
    connection.windowUse.limitedUntil = sending.next;
    return false;
  }
  return inFlight === 0 || paceAllows(connection, now, lost.length);
}

function armPersist(connection: Connection, now: number, override: boolean): void {
  const delay = override
    ? SILLY_WINDOW_OVERRIDE
    : connection.roundTrip.baseRto * 2 ** connection.sending.probeBackoff;
  connection.timers.set(Timer.persist, now + Math.min(delay, connection.options.maxRto));
  connection.host.rearm(connection);
}

/** RFC 9293 §3.8.6.2.1 (4): 0.1 to 1 s. */
const SILLY_WINDOW_OVERRIDE = 100_000;

// --- how

/** The fields that all segments of a synchronized connection have. */
function startSegment(connection: Connection, now: number): void {
  const { receiving } = connection;
  segment.clear();
  segment.sourcePort = connection.localPort;
  segment.destinationPort = connection.remotePort;
  segment.flags = Flag.ack | (connection.ecn.mustEcho ? Flag.ece : 0);
  segment.ack = (receiving.irs + 1 + receiving.next) >>> 0;
  if (connection.timestampsOk) {
    segment.hasTimestamps = true;
    segment.tsVal = timestampValue(connection, now);
    segment.tsEcr = connection.tsRecent;
  }
  if (connection.sackOk && (!receiving.reassembly.empty || receiving.duplicates !== null)) {
    const blocks = receiving.sackBlocks(sackOffsets, connection.timestampsOk ? 3 : 4);
    for (let index = 0; index < blocks * 2; index++) {
      segment.sackEdges[index] = (receiving.irs + 1 + sackOffsets[index]) >>> 0;
    }
    segment.sackCount = blocks;
  }
}

function resend(connection: Connection, now: number, record: SentRecord, largest: number): number {
  const { sending } = connection;
  const data = record.length - (record.fin ? 1 : 0);
  const size = payloadThatFits(connection, Math.min(data, largest));
  if (size < 0) return NO_ROOM;
  // The route's segments have become smaller, or the message is nearly full: the record is cut anew.
  if (size < data) sending.records.split(record, record.start + size);
  segment.seq = sending.seq(record.start);
  if (record.fin) segment.flags |= Flag.fin;
  sending.records.resent(record, now, place.linkId);
  connection.path?.resent(record.start);
  connection.undo?.resent(record.length, segment.hasTimestamps ? segment.tsVal : -1);
  connection.prr?.sent(record.length);
  sending.bytesRetransmitted += size;
  connection.retransmits++;
  connection.host.counters.retransmissions++;
  connection.fastRetransmit = false;
  connection.rate.sent(record, now, false);
  if (connection.tail.pending) probeSent(connection, now, true);
  // As Linux: what the timer waits for has just left. Else it fires while RACK still mends what was lost again.
  else if (record === sending.records.first)
    connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
  armRetransmit(connection, now);
  return emit(connection, now, record.start, size, true);
}

function sendNew(connection: Connection, now: number, wanted: number, wantsFin: boolean): number {
  const { sending } = connection;
  const size = payloadThatFits(connection, wanted);
  if (size < 0) return NO_ROOM;
  const fin = wantsFin && size === wanted;
  const start = sending.next;
  const end = start + size + (fin ? 1 : 0);
  segment.seq = sending.seq(start);
  if (fin) segment.flags |= Flag.fin;
  if (size > 0 && start + size === sending.buffer.end) segment.flags |= Flag.psh;
  const first = sending.records.count === 0;
  if (first) {
    connection.oldestUnacked = now;
    endPause(connection, now);
  }
  const record = sending.records.push(start, end, fin, now, place.linkId);
  connection.rate.sent(record, now, first);
  sending.next = end;
  sending.finSent = sending.finSent || fin;
  sending.forceSmall = false;
  sending.bytesSent += size;
  // Before all of it has left, and not at the next ACK that advances: behind a hole that may be a round trip away.
  if (!connection.route.reliable) connection.offerRoom();
  connection.prr?.sent(end - start);
  connection.timers.clear(Timer.persist);
  armRetransmit(connection, now);
  if (connection.tail.pending) probeSent(connection, now, false);
  else scheduleProbe(connection, now);
  if (size > 0) segment.flags |= reducedFlag(connection, end);
  return emit(connection, now, start, size, false, codepoint(connection, size > 0));
}

/** One octet of new data beyond the window. It is no record: an ACK that covers it moves SND.NXT. */
function sendProbe(connection: Connection, now: number): number {
  const { sending } = connection;
  sending.probePending = false;
  if (sending.unsent === 0) return IDLE;
  if (place.room < headersOf(connection) + PROBE_LENGTH) {
    sending.probePending = true;
    return NO_ROOM;
  }
  segment.seq = sending.seq(sending.next);
  sending.probed = Math.max(sending.probed, sending.next + PROBE_LENGTH);
  return emit(connection, now, sending.next, PROBE_LENGTH, false);
}

function sendAck(connection: Connection, now: number): number {
  if (place.room < headersOf(connection)) return NO_ROOM;
  segment.seq = connection.sending.seq(connection.sending.next);
  return emit(connection, now, 0, 0, false);
}

/** RFC 9293 §3.8.4: a number just acknowledged, which the peer answers with an ACK. */
function sendKeepAlive(connection: Connection, now: number): number {
  if (place.room < headersOf(connection)) return NO_ROOM;
  segment.seq = connection.sending.seq(connection.sending.una - 1);
  connection.keepAlivePending = false;
  return emit(connection, now, 0, 0, false);
}

function sendSyn(connection: Connection, now: number): number {
  const { sending, receiving, options } = connection;
  const answering = connection.state !== "SYN-SENT";
  segment.clear();
  segment.sourcePort = connection.localPort;
  segment.destinationPort = connection.remotePort;
  segment.seq = sending.seq(-1);
  segment.flags = Flag.syn | synFlags(connection, answering);
  if (answering) {
    segment.flags |= Flag.ack;
    segment.ack = (receiving.irs + 1 + receiving.next) >>> 0;
  }
  segment.window = Math.min(receiving.limit, 65535);
  offerOptions(connection, now, segment, answering);
  if (place.room < headersOf(connection)) return NO_ROOM;
  connection.synPending = false;
  connection.ackPending = false;
  connection.synWentTwice = sending.next >= 0;
  sending.next = 0;
  connection.lastSent = now;
  connection.synLink = place.linkId;
  // Linux doubles from 1 s; the SYN-ACK likewise. One that answers a SYN again does not put off the end of it.
  if (!connection.timers.isSet(Timer.retransmit)) {
    connection.timers.set(
      Timer.retransmit,
      now + options.initialRto * 2 ** Math.min(connection.synAttempts, 10),
    );
    connection.host.rearm(connection);
  }
  return write(connection, now, 0, 0, connection.synAttempts > 0);
}

function sendReset(connection: Connection, now: number): number {
  const { sending, receiving } = connection;
  segment.clear();
  segment.sourcePort = connection.localPort;
  segment.destinationPort = connection.remotePort;
  segment.seq = sending.seq(sending.next);
  segment.flags = Flag.rst;
  // Before the peer's SYN there is nothing to acknowledge; after it a peer in SYN-SENT insists on it.
  if (sending.una >= 0 || connection.passive) {
    segment.flags |= Flag.ack;
    segment.ack = (receiving.irs + 1 + receiving.next) >>> 0;
  }
  if (place.room < headersOf(connection)) return NO_ROOM;
  connection.resetPending = false;
  connection.host.counters.resetsSent++;
  const length = write(connection, now, 0, 0, false);
  connection.host.closed(connection);
  return length;
}

/** Finishes a segment of a synchronized connection: it carries the ACK and the window of now. */
function emit(
  connection: Connection,
  now: number,
  offset: number,
  size: number,
  retransmission: boolean,
  ecn: number = Ecn.notCapable,
): number {
  const { receiving, sending, timers } = connection;
  segment.window = receiving.advertise(sending.mss);
  receiving.acknowledged = receiving.next;
  connection.ackPending = receiving.duplicateTold();
  timers.clear(Timer.delayedAck);
  if (size > 0) {
    connection.lastSent = now;
    connection.pacer.sent(size);
  }
  return write(connection, now, offset, size, retransmission, ecn);
}

function write(
  connection: Connection,
  now: number,
  offset: number,
  size: number,
  retransmission: boolean,
  ecn: number = Ecn.notCapable,
): number {
  const { out, at, linkId } = place;
  const ip = ipHeaderLength(connection.remote.family);
  const tcp = writeTcpHeader(out, at + ip, segment);
  const { options, route } = connection;
  const data = at + ip + tcp;
  const sum = size > 0 ? connection.sending.buffer.copyTo(out, data, offset, size, route.checksum) : 0;
  connection.identification = (connection.identification + 1) & 0xffff;
  writeIpHeader(
    out,
    at,
    connection.local,
    connection.remote,
    Protocol.tcp,
    tcp + size,
    (options.trafficClass & ~Ecn.mask) | ecn,
    options.hopLimit,
    connection.identification,
  );
  const end = data + size;
  if (route.checksum) writeTcpChecksum(out, at, end, data, sum);
  connection.segmentsSent++;
  connection.host.counters.segmentsSent++;
  if (connection.host.observer !== null) {
    segment.dataStart = 0;
    segment.dataEnd = size;
    observe(connection, "out", now, segment, linkId, retransmission);
  }
  return end - at;
}

/** How many payload bytes fit: all that is wanted, a worthwhile part of it on a reliable route, or -1. */
function payloadThatFits(connection: Connection, wanted: number): number {
  const space = place.room - headersOf(connection);
  if (wanted <= space) return wanted;
  return connection.route.reliable && space >= SMALLEST_CUT ? space : -1;
}

function armRetransmit(connection: Connection, now: number): void {
  if (connection.timers.isSet(Timer.retransmit)) return;
  connection.timers.set(Timer.retransmit, connection.retransmitAt(now));
  connection.host.rearm(connection);
}
