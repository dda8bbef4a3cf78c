// What a connection tells of itself: the fields of Linux's TCP_INFO that make sense here. Times are milliseconds for
// people, sizes bytes. The public type in core/net has the same shape. May use this room's types.

import type { Connection } from "./connection.ts";
import { headerLength } from "./pmtu.ts";
import type { TcpState } from "./tcp-state.ts";

export interface ConnectionInfo {
  readonly state: TcpState;
  /** Smoothed round trip; 0 before the first sample. */
  readonly rtt: number;
  readonly rttVariance: number;
  readonly minRtt: number;
  readonly rto: number;
  readonly backoffs: number;
  /** Infinity on a reliable route: the peer's window and the link budget limit sending there. */
  readonly cwnd: number;
  readonly ssthresh: number;
  /** What the peer lets us send, and what we let it send. */
  readonly sendWindow: number;
  readonly receiveWindow: number;
  readonly mss: number;
  /** Largest payload that has come, and what our MSS option said. */
  readonly receiveMss: number;
  readonly advertisedMss: number;
  /** Largest IP packet that is sent. */
  readonly pathMtu: number;
  /** Buffers as they are now: they tune themselves. */
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly bytesAcked: number;
  readonly bytesRetransmitted: number;
  readonly segmentsSent: number;
  readonly segmentsReceived: number;
  readonly retransmits: number;
  readonly timeouts: number;
  /** Probes of a zero window, and of keepalive, that are not answered yet. */
  readonly windowProbes: number;
  readonly keepAliveProbes: number;
  /** Milliseconds since data or a SYN last left, and since the peer was last heard. */
  readonly lastSent: number;
  readonly lastReceived: number;
  /** Sent and not acknowledged; of that, in flight; judged lost; SACKed. */
  readonly unacknowledged: number;
  readonly inFlight: number;
  readonly lost: number;
  readonly sacked: number;
  /** Queued and not yet sent. */
  readonly notSent: number;
  /** Received and not yet read; of that, waiting for an earlier segment. */
  readonly unread: number;
  readonly outOfOrder: number;
  /** Segments that later sent ones overtook. */
  readonly reordering: number;
  /** Answers to a loss that were taken back, since there was none (RFC 4015, RFC 5682). */
  readonly spuriousRecoveries: number;
  /** Tail loss probes sent (RFC 8985 §7). */
  readonly tailLossProbes: number;
  /** Segments that the peer says it had twice (DSACK, RFC 2883). */
  readonly duplicatesReported: number;
  /** Times that a segment which had been sent again was lost again. */
  readonly lostRetransmits: number;
  /** Bytes that the path delivered, by ACK or SACK. */
  readonly delivered: number;
  /** Bytes per second. */
  readonly deliveryRate: number;
  readonly appLimited: boolean;
  readonly congestionControl: string;
  readonly recovering: boolean;
  readonly reliable: boolean;
  readonly frozen: boolean;
  readonly options: {
    readonly timestamps: boolean;
    readonly sack: boolean;
    readonly windowScale: { readonly send: number; readonly receive: number } | null;
    readonly ecn: boolean;
  };
}

/** The figures of now. */
export function connectionInfo(connection: Connection, now: number): ConnectionInfo {
  const { sending, receiving, roundTrip, rack, rate } = connection;
  const minRtt = rack.minRtt.value;
  return {
    state: connection.state,
    rtt: roundTrip.srtt / 1000,
    rttVariance: roundTrip.variance / 1000,
    minRtt: Number.isFinite(minRtt) ? minRtt / 1000 : 0,
    rto: roundTrip.rto / 1000,
    backoffs: roundTrip.backoffs,
    cwnd: connection.congestionWindow,
    ssthresh: connection.route.reliable ? Number.POSITIVE_INFINITY : connection.controller.slowStartThreshold,
    sendWindow: Math.max(0, sending.edge - Math.max(sending.una, 0)),
    receiveWindow: receiving.window,
    mss: sending.mss,
    receiveMss: receiving.segmentSize,
    advertisedMss: connection.largestSegment(),
    pathMtu: sending.mss + headerLength(connection.remote.family),
    sendBuffer: sending.limit,
    receiveBuffer: receiving.limit,
    bytesSent: sending.bytesSent,
    bytesReceived: receiving.bytesReceived,
    bytesAcked: Math.max(0, sending.buffer.start),
    bytesRetransmitted: sending.bytesRetransmitted,
    segmentsSent: connection.segmentsSent,
    segmentsReceived: connection.segmentsReceived,
    retransmits: connection.retransmits,
    timeouts: connection.timeouts,
    windowProbes: sending.probes,
    keepAliveProbes: connection.keepAliveProbes,
    lastSent: Math.max(0, now - connection.lastSent) / 1000,
    lastReceived: Math.max(0, now - connection.lastHeard) / 1000,
    unacknowledged: Math.max(0, Math.min(sending.next, sending.buffer.end) - sending.buffer.start),
    inFlight: sending.records.inFlight,
    lost: sending.records.lostBytes,
    sacked: sending.records.sackedBytes,
    notSent: sending.unsent,
    unread: receiving.buffer.length,
    outOfOrder: receiving.reassembly.length,
    reordering: rack.reorderings,
    spuriousRecoveries: connection.spuriousRecoveries,
    tailLossProbes: connection.tail.sent,
    duplicatesReported: connection.duplicatesReported,
    lostRetransmits: sending.records.lostResends,
    delivered: rate.delivered,
    deliveryRate: rate.rate,
    appLimited: rate.appLimited,
    congestionControl: connection.route.reliable ? "none" : connection.controller.name,
    recovering: connection.recovery !== "none",
    reliable: connection.route.reliable,
    frozen: connection.timers.frozen,
    options: {
      timestamps: connection.timestampsOk,
      sack: connection.sackOk,
      windowScale: connection.scalingOk ? { send: sending.scale, receive: receiving.scale } : null,
      ecn: connection.ecn.isAgreed,
    },
  };
}
