// What a connection tells of itself: the fields of Linux's TCP_INFO that make sense here. Times are milliseconds for
// people, sizes bytes. The public type in core/net has the same shape. May use this room's types.

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
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly bytesAcked: number;
  readonly bytesRetransmitted: number;
  readonly segmentsSent: number;
  readonly segmentsReceived: number;
  readonly retransmits: number;
  readonly timeouts: number;
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
  readonly reordering: boolean;
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
