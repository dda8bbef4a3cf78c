// The event of one segment, sent or received, for traces and plots. One object is filled again and again, and only
// when somebody observes: it costs nothing else. May use nothing.

import type { Connection, Recovery } from "./connection.ts";

export interface SegmentEvent {
  connection: Connection;
  direction: "in" | "out";
  /** Microseconds: arrival or sending. */
  now: number;
  /** Stream offset of the first payload byte, from 0. */
  offset: number;
  /** Payload bytes. */
  length: number;
  /** TCP flags as on the wire. */
  flags: number;
  /** Stream offset acknowledged by it. */
  ack: number;
  /** Window in bytes, scaled. */
  window: number;
  retransmission: boolean;
  /** Why it goes again; "none" for what goes the first time, and for what comes in. */
  cause: ResendCause;
  /** Sender's state after this segment. Bytes; Infinity on a reliable route. */
  cwnd: number;
  ssthresh: number;
  inFlight: number;
  /** Microseconds; 0 before the first sample. */
  srtt: number;
  /** Microseconds, with its backoff. */
  rto: number;
  /** What the sender is recovering from. */
  recovery: Recovery;
  linkId: number;
}

/** RACK or duplicate ACKs, the timer, a link that died or a packet that was too big, a tail loss probe (RFC 8985). */
export type ResendCause = "none" | "loss" | "timeout" | "outage" | "tail-loss-probe";

/** Called for each segment; must not keep the event, nor call into any stack. */
export type SegmentObserver = (event: SegmentEvent) => void;
