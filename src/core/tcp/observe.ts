// Fills the one segment event and hands it to whoever observes the stack.

import { seqDifference } from "../wire/seq.ts";
import { Flag, type TcpSegment } from "../wire/tcp-segment.ts";
import type { Connection } from "./connection.ts";
import type { ResendCause, SegmentEvent } from "./segment-event.ts";
import { isSynchronized } from "./tcp-state.ts";

const event: SegmentEvent = {
  connection: null as unknown as Connection, // set before every use
  direction: "in",
  now: 0,
  offset: 0,
  length: 0,
  flags: 0,
  ack: 0,
  window: 0,
  retransmission: false,
  cause: "none",
  cwnd: 0,
  ssthresh: 0,
  inFlight: 0,
  srtt: 0,
  rto: 0,
  recovery: "none",
  linkId: 0,
};

export function observe(
  connection: Connection,
  direction: "in" | "out",
  now: number,
  segment: TcpSegment,
  linkId: number,
  retransmission: boolean,
): void {
  const observer = connection.host.observer;
  if (observer === null) return;
  const { sending, receiving } = connection;
  const syn = (segment.flags & Flag.syn) !== 0;
  const outgoing = direction === "out";
  const ours = (seq: number): number => sending.next + seqDifference(seq, sending.seq(sending.next));
  const theirs = (seq: number): number =>
    receiving.next + seqDifference(seq, (receiving.irs + 1 + receiving.next) >>> 0);
  event.connection = connection;
  event.direction = direction;
  event.now = now;
  event.offset = syn ? -1 : outgoing ? ours(segment.seq) : theirs(segment.seq);
  event.length = segment.dataEnd - segment.dataStart;
  event.flags = segment.flags;
  event.ack = (segment.flags & Flag.ack) === 0 ? 0 : outgoing ? theirs(segment.ack) : ours(segment.ack);
  event.window = segment.window * (syn ? 1 : 1 << (outgoing ? receiving.scale : sending.scale));
  event.retransmission = retransmission;
  event.cause = retransmission ? causeOf(connection) : "none";
  event.cwnd = connection.congestionWindow;
  event.ssthresh = connection.route.reliable
    ? Number.POSITIVE_INFINITY
    : connection.controller.slowStartThreshold;
  event.inFlight = sending.records.inFlight;
  event.srtt = connection.roundTrip.srtt;
  event.rto = connection.roundTrip.rto;
  event.recovery = connection.recovery;
  event.linkId = linkId;
  observer(event);
}

function causeOf(connection: Connection): ResendCause {
  const { recovery } = connection;
  if (recovery === "congestion") return "loss";
  if (recovery !== "none") return recovery;
  // Outside of a recovery only a SYN goes again, or the probe for a lost tail.
  return isSynchronized(connection.state) ? "tail-loss-probe" : "timeout";
}
