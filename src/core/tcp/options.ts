// What a user may set on a connection, with the defaults and where each comes from.
// Times are microseconds, sizes bytes. May use nothing.

import type { CongestionControl } from "./controllers.ts";
import type { EcnMode } from "./ecn.ts";

export interface KeepAlive {
  /** Idle time before the first probe. */
  readonly idle: number;
  /** Time between probes. */
  readonly interval: number;
  /** Unanswered probes that end the connection. */
  readonly count: number;
}

/**
 * How long RACK waits for what may only be late (RFC 8985 §6.2 step 4), once reordering was seen: a quarter of the
 * least round trip, more after each round trip with a DSACK; always a quarter; or not at all.
 */
export type ReorderingWindow = "adaptive" | "fixed" | "none";

export interface TcpOptions {
  /**
   * Bytes a peer may have sent that the user has not read: the largest receive window. It begins with the initial one
   * and grows with what the user takes in a round trip; when that is no smaller the buffer is fixed.
   */
  readonly receiveBuffer: number;
  readonly initialReceiveBuffer: number;
  /** Bytes accepted by `send` and not yet acknowledged; begins with the initial one and grows with what is in flight. */
  readonly sendBuffer: number;
  readonly initialSendBuffer: number;
  /** No Nagle algorithm (RFC 9293 §3.7.4). */
  readonly noDelay: boolean;
  /** Hold back all segments that are not full. */
  readonly cork: boolean;
  readonly keepAlive: KeepAlive | null;
  /** RFC 5482: unacknowledged data older than this ends the connection; 0 = by `retries` alone. */
  readonly userTimeout: number;
  /** Upper bound on the segment size in both directions, at least 48; 0 = what the route allows. */
  readonly maxSegmentSize: number;
  /** RFC 7323 §3. */
  readonly timestamps: boolean;
  /** RFC 2018. */
  readonly sack: boolean;
  /** RFC 7323 §2. */
  readonly windowScaling: boolean;
  /** RFC 6298 §2.1. */
  readonly initialRto: number;
  /** Least distance of the timeout from the smoothed round trip, Linux's TCP_RTO_MIN; RFC 6298 §2.4 asks for 1 s. */
  readonly minRto: number;
  readonly maxRto: number;
  /** What the driver's clock tells apart: an event loop no less than a millisecond, virtual time 1. For RACK and RTO. */
  readonly clockResolution: number;
  readonly reorderingWindow: ReorderingWindow;
  /** Tail loss probes, RFC 8985 §7. Without them lost ends of a flight wait for the retransmission timer. */
  readonly tailLossProbe: boolean;
  /** Segments sent before the first ACK (RFC 6928). */
  readonly initialWindow: number;
  /** RFC 9293 §3.8.6.3 allows up to 500 ms. */
  readonly delayedAck: number;
  /** Segments acknowledged at once at the start, so that the sender's slow start is not held back. */
  readonly quickAcks: number;
  readonly synRetries: number;
  readonly synAckRetries: number;
  /** R2 of RFC 9293 §3.8.3, counted in retransmissions of one segment. */
  readonly retries: number;
  /** How long an orphan waits in FIN-WAIT-2 for the peer's FIN. */
  readonly finWait2: number;
  /** RFC 5681 §4.1: back to the restart window after an idle RTO. */
  readonly slowStartAfterIdle: boolean;
  /** RFC 8899: leaves paths that drop large segments without a word, and looks for larger ones that pass. */
  readonly mtuProbing: boolean;
  /** Has no effect on a reliable route. Fixed when the connection begins. */
  readonly congestionControl: CongestionControl;
  /** RFC 3168: offered, refused, or agreed to when the peer offers it. None on a reliable route. */
  readonly ecn: EcnMode;
  /** Segments leave spread over the round trip, not in bursts. */
  readonly pacing: boolean;
  /** DSCP octet of outgoing packets; its low two bits are ECN's. */
  readonly trafficClass: number;
  readonly hopLimit: number;
}

/**
 * Options with the defaults. All that a connection may have are of this shape: machine code is made for shapes, and
 * objects put together from parts have several.
 */
class CompleteOptions implements TcpOptions {
  readonly receiveBuffer: number = 6 << 20;
  readonly initialReceiveBuffer: number = 128 << 10;
  readonly sendBuffer: number = 4 << 20;
  readonly initialSendBuffer: number = 64 << 10;
  readonly noDelay: boolean = true;
  readonly cork: boolean = false;
  readonly keepAlive: KeepAlive | null = null;
  readonly userTimeout: number = 0;
  readonly maxSegmentSize: number = 0;
  readonly timestamps: boolean = true;
  readonly sack: boolean = true;
  readonly windowScaling: boolean = true;
  readonly initialRto: number = 1_000_000;
  readonly minRto: number = 200_000;
  readonly maxRto: number = 120_000_000;
  readonly clockResolution: number = 1_000;
  readonly reorderingWindow: ReorderingWindow = "adaptive";
  readonly tailLossProbe: boolean = true;
  readonly initialWindow: number = 10;
  readonly delayedAck: number = 40_000;
  readonly quickAcks: number = 16;
  readonly synRetries: number = 6;
  readonly synAckRetries: number = 5;
  readonly retries: number = 15;
  readonly finWait2: number = 60_000_000;
  readonly slowStartAfterIdle: boolean = true;
  readonly mtuProbing: boolean = true;
  readonly congestionControl: CongestionControl = "cubic";
  readonly ecn: EcnMode = "passive";
  readonly pacing: boolean = true;
  readonly trafficClass: number = 0;
  readonly hopLimit: number = 64;
}

export const defaultTcpOptions: TcpOptions = /* @__PURE__ */ new CompleteOptions();

/** `base`, but for what `own` names; itself where that is the same, so that connections share it. */
export function withOptions(base: TcpOptions, own: Partial<TcpOptions> | undefined): TcpOptions {
  for (const name in own) {
    const key = name as keyof TcpOptions;
    if (own[key] !== base[key]) return Object.assign(new CompleteOptions(), base, own);
  }
  return base;
}

/** Linux's TCP_MIN_SND_MSS: with smaller segments options leave no room for data. */
export const MINIMUM_MSS = 48;

/** Keepalive as Linux has it, for those who only say "on". */
export const defaultKeepAlive: KeepAlive = { idle: 7_200_000_000, interval: 75_000_000, count: 9 };
