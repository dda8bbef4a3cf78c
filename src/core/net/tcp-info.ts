// What TCP_INFO tells, as far as a network knows it. The protocol core has its own structurally identical type.

/** The states of RFC 9293, 3.3.2. */
export type TcpState =
  | "CLOSED"
  | "LISTEN"
  | "SYN-SENT"
  | "SYN-RECEIVED"
  | "ESTABLISHED"
  | "FIN-WAIT-1"
  | "FIN-WAIT-2"
  | "CLOSE-WAIT"
  | "CLOSING"
  | "LAST-ACK"
  | "TIME-WAIT";

/** Times in milliseconds, sizes in bytes. A field that the network cannot tell (a kernel socket) is undefined. */
export interface TcpInfo {
  readonly state: TcpState;
  /** Smoothed round-trip time (RFC 6298). */
  readonly rtt?: number | undefined;
  readonly rttVariance?: number | undefined;
  readonly minRtt?: number | undefined;
  /** Retransmission timeout. */
  readonly rto?: number | undefined;
  /** Congestion window. */
  readonly cwnd?: number | undefined;
  readonly ssthresh?: number | undefined;
  /** What the peer lets us send. */
  readonly sendWindow?: number | undefined;
  /** What we let the peer send. */
  readonly receiveWindow?: number | undefined;
  readonly mss?: number | undefined;
  readonly bytesSent?: number | undefined;
  readonly bytesReceived?: number | undefined;
  readonly bytesAcked?: number | undefined;
  readonly bytesRetransmitted?: number | undefined;
  readonly segmentsSent?: number | undefined;
  readonly segmentsReceived?: number | undefined;
  /** Segments sent again. */
  readonly retransmits?: number | undefined;
  /** Bytes sent and not yet acknowledged. */
  readonly unacknowledged?: number | undefined;
  /** Bytes accepted and not yet sent. */
  readonly notSent?: number | undefined;
  /** Segments that later sent ones overtook. */
  readonly reordering?: number | undefined;
  /** Answers to a loss that were taken back, since there was none (RFC 4015, RFC 5682). */
  readonly spuriousRecoveries?: number | undefined;
  /** Tail loss probes sent (RFC 8985). */
  readonly tailLossProbes?: number | undefined;
  /** Segments that the peer says it had twice (DSACK, RFC 2883). */
  readonly duplicatesReported?: number | undefined;
  /** Times that a segment which had been sent again was lost again. */
  readonly lostRetransmits?: number | undefined;
  /** Segments now held to be lost. */
  readonly lost?: number | undefined;
  /** `"cubic"`, `"newreno"`, `"bbr"`, or what the system calls its own; `"none"` where nothing is lost. */
  readonly congestionControl?: string | undefined;
  readonly options?: TcpInfoOptions | undefined;
}

/** What was negotiated in the SYNs. */
export interface TcpInfoOptions {
  readonly timestamps: boolean;
  readonly sack: boolean;
  readonly windowScale: { readonly send: number; readonly receive: number } | null;
  readonly ecn: boolean;
}
