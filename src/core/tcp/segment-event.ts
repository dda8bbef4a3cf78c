// The event of one segment, sent or received, for traces and plots. One object is filled again and again, and only
// when somebody observes: it costs nothing else. May use nothing.

import type { Connection } from "./connection.ts";

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
  linkId: number;
}

/** Called for each segment; must not keep the event, nor call into the stack. */
export type SegmentObserver = (event: SegmentEvent) => void;
