// What TCP_INFO tells, as far as a network knows it: a kernel's socket knows less than our own TCP. The protocol core
// has its own structurally identical type.

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
  /** How many times the timeout was doubled. */
  readonly backoffs?: number | undefined;
  /** Congestion window. */
  readonly cwnd?: number | undefined;
  readonly ssthresh?: number | undefined;
  /** What the peer lets us send. */
  readonly sendWindow?: number | undefined;
  /** What we let the peer send. */
  readonly receiveWindow?: number | undefined;
  readonly mss?: number | undefined;
  /** Largest payload that has come, and what our MSS option said. */
  readonly receiveMss?: number | undefined;
  readonly advertisedMss?: number | undefined;
  /** Largest IP packet that is sent. */
  readonly pathMtu?: number | undefined;
  /** Buffers as they are now, where they tune themselves. */
  readonly sendBuffer?: number | undefined;
  readonly receiveBuffer?: number | undefined;
  readonly bytesSent?: number | undefined;
  readonly bytesReceived?: number | undefined;
  readonly bytesAcked?: number | undefined;
  readonly bytesRetransmitted?: number | undefined;
  readonly segmentsSent?: number | undefined;
  readonly segmentsReceived?: number | undefined;
  /** Segments sent again. */
  readonly retransmits?: number | undefined;
  /** Times that the retransmission timer fired. */
  readonly timeouts?: number | undefined;
  /** Probes of a zero window, and of keepalive, that are not answered yet. */
  readonly windowProbes?: number | undefined;
  readonly keepAliveProbes?: number | undefined;
  /** Milliseconds since data or a SYN last left, and since the peer was last heard. */
  readonly lastSent?: number | undefined;
  readonly lastReceived?: number | undefined;
  /** Bytes sent and not yet acknowledged. */
  readonly unacknowledged?: number | undefined;
  /** Of those: under way; held by the peer although earlier ones are missing (SACK). */
  readonly inFlight?: number | undefined;
  readonly sacked?: number | undefined;
  /** Bytes accepted and not yet sent. */
  readonly notSent?: number | undefined;
  /** Bytes received and not yet read, and bytes that wait for an earlier segment. */
  readonly unread?: number | undefined;
  readonly outOfOrder?: number | undefined;
  /** Bytes that the path delivered, by ACK or SACK. */
  readonly delivered?: number | undefined;
  /** Bytes per second of the last sample, and whether the application's pace limited it. */
  readonly deliveryRate?: number | undefined;
  readonly appLimited?: boolean | undefined;
  /** What was lost is being sent again. */
  readonly recovering?: boolean | undefined;
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
  /** Bytes now held to be lost. */
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
