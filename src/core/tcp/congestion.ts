// What a congestion controller is told and what it answers, so that each algorithm is one file. Bytes throughout;
// app-limited periods and spurious losses are part of the contract. Which segments are lost, whether a loss was
// spurious, and the window while a recovery lasts (prr.ts) are not its business. May use nothing.

/** One ACK that delivered something new. Reused: read it, do not keep it. */
export interface AckSample {
  now: number;
  /** Bytes newly acknowledged or SACKed; in all; and newly judged lost. */
  delivered: number;
  totalDelivered: number;
  lost: number;
  /** Bytes newly covered by the cumulative ACK. */
  acknowledged: number;
  /** SND.UNA after this ACK, and SND.NXT. */
  una: number;
  next: number;
  /** Latest round trip in microseconds; 0 when this ACK gave none. And the smoothed one. */
  rtt: number;
  srtt: number;
  /** Bytes in flight now, and before this ACK. */
  inFlight: number;
  priorInFlight: number;
  /** The window was not what held the sender back: it must not grow (RFC 7661, RFC 9293 §3.8.4). */
  appLimited: boolean;
  /** PRR leads the window. */
  recovering: boolean;
  /** What was lost is being sent again, after a timeout too. */
  resending: boolean;
  /** Delivery rate that this ACK tells, bytes per second; 0 when it tells none. */
  rate: number;
  /** Bytes that had been delivered when what it acknowledges was sent; and whether the user's pace limited that. */
  priorDelivered: number;
  rateAppLimited: boolean;
}

/** A sample that tells nothing yet. */
export function newAckSample(): AckSample {
  return {
    now: 0,
    delivered: 0,
    totalDelivered: 0,
    lost: 0,
    acknowledged: 0,
    una: 0,
    next: 0,
    rtt: 0,
    srtt: 0,
    inFlight: 0,
    priorInFlight: 0,
    appLimited: false,
    recovering: false,
    resending: false,
    rate: 0,
    priorDelivered: -1,
    rateAppLimited: false,
  };
}

export interface CongestionController {
  readonly name: string;
  /**
   * Its answer to congestion is a threshold below the window. Then PRR (RFC 9937) leads the window down to that
   * threshold while a recovery lasts. Without it the controller's own window holds during recovery too.
   */
  readonly lossBased: boolean;
  /** The congestion window, bytes; of a loss-based one the threshold, after `congested`. */
  readonly window: number;
  readonly slowStartThreshold: number;
  /** Its own sending rate in bytes per second; 0: what window and round trip make of it. */
  readonly pacingRate: number;
  /** It sends less than it might, to measure: delivery rates of now are its own doing. */
  readonly selfLimited: boolean;
  /** An ACK outside of recovery, or within (`recovering`). */
  acknowledged(sample: AckSample): void;
  /** Loss was found by RACK or told by ECN: once per round trip. Keeps what it changes, for `undo`. */
  congested(now: number, inFlight: number): void;
  /** Everything lost in that round trip has been acknowledged. */
  recovered(now: number): void;
  /** The retransmission timer fired; `first` on the first timeout of this data: then it keeps what it changes. */
  timedOut(now: number, inFlight: number, first: boolean): void;
  /**
   * The last `congested`, or the last `timedOut` and those that followed it, answered a loss that was none (RFC 4015,
   * RFC 5682): window, threshold and all else are what they were before it, the window no smaller than now. Called at
   * most once for each, and possibly long after `recovered`.
   */
  undo(now: number): void;
  /** Nothing was in flight and something is sent again, `idle` after the last sending. */
  resumed(now: number, idle: number, appLimited: boolean): void;
  /** Nothing was sent for longer than an RTO (RFC 5681 §4.1). */
  idled(): void;
  /** For an RTO no more than `used` bytes of the window were in flight (RFC 7661, RFC 2861). */
  underused(used: number): void;
  segmentSizeChanged(mss: number): void;
}
