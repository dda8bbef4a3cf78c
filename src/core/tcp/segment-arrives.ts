// A segment arrives, RFC 9293 §3.10.7 with RFC 5961 (blind attacks) and RFC 7323 (timestamps, PAWS): the checks in the
// order of the RFC, then acknowledgment and text. Time is the segment's arrival.

import type { Packet } from "../wire/packet.ts";
import { seqDifference } from "../wire/seq.ts";
import { Flag, type TcpSegment } from "../wire/tcp-segment.ts";
import { acknowledgmentArrives } from "./acknowledgment.ts";
import { challenge, mayCorrect } from "./challenge.ts";
import type { Connection } from "./connection.ts";
import { agreeEcn, noteCongestion, repeatedSyn } from "./ecn.ts";
import { agreeOptions } from "./handshake.ts";
import { observe } from "./observe.ts";
import { textArrives } from "./segment-text.ts";
import { isSynchronized } from "./tcp-state.ts";
import { acceptTimestamp } from "./timestamps.ts";

export function segmentArrives(connection: Connection, now: number, packet: Packet, linkId: number): void {
  const segment = packet.tcp;
  connection.segmentsReceived++;
  connection.host.counters.segmentsReceived++;
  if (connection.state === "CLOSED" || connection.state === "TIME-WAIT") return;
  if (connection.host.observer !== null) observe(connection, "in", now, segment, linkId, false);
  if (connection.state === "SYN-SENT") inSynSent(connection, now, packet, segment);
  else inOtherStates(connection, now, packet, segment);
}

/** §3.10.7.3 */
function inSynSent(connection: Connection, now: number, packet: Packet, segment: TcpSegment): void {
  const hasAck = (segment.flags & Flag.ack) !== 0;
  const sending = connection.sending;
  // Only the SYN is out: the one acceptable ACK is ISN + 1; none is before it has left.
  const ackValid = hasAck && segment.ack === sending.seq(0) && sending.next >= 0;
  if (hasAck && !ackValid) {
    connection.host.refuse(packet, connection.route);
    return;
  }
  if ((segment.flags & Flag.rst) !== 0) {
    if (ackValid) {
      connection.host.counters.resetsReceived++;
      connection.enterClosed({ code: "ECONNREFUSED", text: "connection refused" });
    }
    return;
  }
  if ((segment.flags & Flag.syn) === 0) return;
  connection.lastHeard = now;
  synArrives(connection, now, segment, packet.trafficClass);
  if (ackValid) {
    handshakeDone(connection, now);
    connection.ackPending = true;
    connection.enterEstablished(now);
    takeWindow(connection, segment);
    textArrives(connection, now, packet, 0, segment.dataEnd - segment.dataStart);
    return;
  }
  // Simultaneous open (§3.5 figure 8): our SYN goes again, now with an ACK.
  connection.state = "SYN-RECEIVED";
  connection.synPending = true;
  takeWindow(connection, segment);
  connection.host.ready(connection);
}

/** The peer's SYN: where its numbers begin and what it can do. Also for a listener's SYN. */
export function synArrives(
  connection: Connection,
  now: number,
  segment: TcpSegment,
  trafficClass: number,
): void {
  const receiving = connection.receiving;
  receiving.irs = segment.seq;
  receiving.next = 0;
  receiving.acknowledged = 0;
  // Our SYN's window is never scaled (RFC 7323 §2.2), so that much is granted by the handshake.
  receiving.edge = Math.min(receiving.limit, 65535);
  agreeOptions(connection, now, segment);
  agreeEcn(connection, segment, trafficClass);
}

function takeWindow(connection: Connection, segment: TcpSegment): void {
  const sending = connection.sending;
  // The window of a SYN is not scaled.
  sending.edge = segment.window;
  sending.maxWindow = segment.window;
  sending.wl1 = -1;
  sending.wl2 = sending.una;
}

/** §3.10.7.4 */
function inOtherStates(connection: Connection, now: number, packet: Packet, segment: TcpSegment): void {
  const { receiving, host } = connection;
  const flags = segment.flags;
  const length = segment.dataEnd - segment.dataStart;
  const span = length + (flags & Flag.fin ? 1 : 0) + (flags & Flag.syn ? 1 : 0);
  let start = receiving.next + seqDifference(segment.seq, (receiving.irs + 1 + receiving.next) >>> 0);

  const repeatsSyn =
    connection.state === "SYN-RECEIVED" && (flags & (Flag.syn | Flag.rst)) === Flag.syn && start === -1;
  // A SYN again while our SYN-ACK was lost: it goes again (bug class: answering it with RST or a bare ACK).
  if (repeatsSyn && (flags & Flag.ack) === 0) {
    repeatedSyn(connection, segment);
    if (connection.held) return;
    connection.synPending = true;
    host.ready(connection);
    return;
  }
  // Simultaneous open: the peer's SYN-ACK repeats its SYN, which is no new one, and acknowledges ours.
  if (repeatsSyn) start = 0;
  else if (!acceptable(receiving.next, receiving.edge, start, span)) {
    if (connection.sackOk && length > 0 && start + length <= receiving.next)
      receiving.duplicated(start, start + length);
    unacceptable(connection, now, flags, length);
    // Two ends that took each other's zero-window probe both go on one octet before what the other expects. Unless such
    // ACKs are heard neither gets on (draft-gont-tcpm-tcp-seq-validation §3.4).
    const probed = start === receiving.next - 1 && span <= 1 && isSynchronized(connection.state);
    if (
      probed &&
      (flags & (Flag.syn | Flag.rst | Flag.ack)) === Flag.ack &&
      acceptTimestamp(connection, now, segment)
    ) {
      connection.lastHeard = now;
      acknowledgmentArrives(connection, now, segment, start, length > 0);
    }
    return;
  }
  if (!acceptTimestamp(connection, now, segment)) {
    unacceptable(connection, now, flags, length);
    return;
  }
  if ((flags & Flag.rst) !== 0) {
    resetArrives(connection, now, start);
    return;
  }
  // RFC 5961 §4: a SYN in a synchronized state is answered by a challenge, whatever its number. In SYN-RECEIVED too:
  // a peer that has begun anew resets what is half open here.
  if ((flags & Flag.syn) !== 0 && !repeatsSyn) {
    challenge(connection, now);
    return;
  }
  if ((flags & Flag.ack) === 0) return;
  connection.lastHeard = now;
  if (connection.keepAliveProbes > 0 || connection.options.keepAlive !== null) connection.armKeepAlive(now);

  if (connection.state === "SYN-RECEIVED" && !completesHandshake(connection, now, packet)) return;
  if (!acknowledgmentArrives(connection, now, segment, start, length > 0)) return;
  if (length > 0 && connection.ecn.isAgreed) noteCongestion(connection, segment, packet.trafficClass);
  textArrives(connection, now, packet, start, length);
}

/**
 * §3.10.7.4 first: the four cases of the acceptability test, on offsets. An empty segment right at the edge counts too,
 * as in Linux: it is the ACK of a peer that has filled the window, come before the data. Nobody says it again.
 */
function acceptable(next: number, edge: number, start: number, span: number): boolean {
  if (span === 0) return start >= next && start <= edge;
  // With a closed window the data is not taken, but its ACK is (the special allowance): textArrives cuts it.
  if (start === next) return true;
  return start < edge && start + span > next;
}

function unacceptable(connection: Connection, now: number, flags: number, length: number): void {
  connection.host.counters.unacceptable++;
  if ((flags & Flag.rst) !== 0) return;
  // Data that comes again means that our ACK was lost: that answer has no budget (a limit here made stacks crawl).
  // Empty segments are corrected at most twice a second, else two confused ends answer each other for ever.
  const hasText = length > 0 || (flags & Flag.fin) !== 0;
  if (hasText || mayCorrect(connection, now)) {
    connection.ackPending = true;
    connection.host.ready(connection);
  }
}

/** RFC 5961 §3: only the exact number resets; one elsewhere in the window is challenged. */
function resetArrives(connection: Connection, now: number, start: number): void {
  if (start !== connection.receiving.next) {
    challenge(connection, now);
    return;
  }
  connection.host.counters.resetsReceived++;
  if (connection.state === "SYN-RECEIVED") {
    // A passive open goes back to LISTEN without a word (§3.10.7.4 second); an active one was refused.
    connection.enterClosed(
      connection.passive ? { code: "ECONNRESET", text: "reset during the handshake" } : REFUSED,
    );
    return;
  }
  // After both FINs a reset takes nothing from anybody.
  const harmless = connection.state === "CLOSING" || connection.state === "LAST-ACK";
  connection.enterClosed(harmless && connection.sending.buffer.length === 0 ? null : RESET);
}

const REFUSED = { code: "ECONNREFUSED", text: "connection refused" };
const RESET = { code: "ECONNRESET", text: "connection reset by peer" };

/** SYN-RECEIVED, §3.10.7.4 fifth. False when the segment goes no further. */
function completesHandshake(connection: Connection, now: number, packet: Packet): boolean {
  const sending = connection.sending;
  // Before our SYN-ACK has left (a forwarder still decides) nobody can know its number.
  if (packet.tcp.ack !== sending.seq(0) || sending.next < 0) {
    connection.host.refuse(packet, connection.route);
    return false;
  }
  if (connection.passive && !connection.host.established(connection)) return false;
  handshakeDone(connection, now);
  connection.enterEstablished(now);
  return true;
}

/** Our SYN is acknowledged: its round trip, and what a lost one means for the first data. */
function handshakeDone(connection: Connection, now: number): void {
  const { sending, roundTrip, rack, route } = connection;
  sending.una = 0;
  connection.synPending = false;
  const rtt = now - connection.lastSent;
  // Karn: of a SYN or SYN-ACK that went twice nobody knows which one is acknowledged.
  if (!connection.synWentTwice && connection.lastSent >= connection.sampleBarrier && rtt >= 0) {
    roundTrip.sample(rtt, 1);
    rack.minRtt.update(now, rtt);
  }
  if (route.reliable) return;
  if (connection.synAttempts > 0) roundTrip.synWasRetransmitted();
  // RFC 6928 §2: one loss may be chance or a late timer, two mean a window of one segment.
  if (connection.synAttempts > 1) connection.controller.timedOut(now, 0, false);
}
