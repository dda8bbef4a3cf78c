// What a simulated path does to packets. Every field may be changed while it runs.

import type { Micros } from "../link/index.ts";

/** Burst loss by two states (Gilbert-Elliott): good and bad, each with its own loss. */
export interface BurstLoss {
  /** Probability, for each packet, of going from good to bad and from bad to good. */
  readonly enter: number;
  readonly leave: number;
  /** Loss in the bad state, default 1, and in the good state, default 0. */
  readonly bad?: number;
  readonly good?: number;
}

export interface PathOptions {
  /** One-way delay. Default 0. */
  delay?: Micros;
  /** Up to so much more, evenly distributed; packets keep their order. Default 0. */
  jitter?: Micros;
  /** Bytes per second; a packet takes its time to send. Default Infinity. */
  rate?: number;
  /** Bytes that may wait to be sent; a packet that does not fit is dropped. Default 256 KiB. */
  queue?: number;
  /** Probability of loss, or bursts. Default 0. */
  loss?: number | BurstLoss;
  /** Probability that a packet comes `reorderDelay` later than its turn, so that others overtake it. Default 0. */
  reorder?: number;
  /** Default 1 ms and a quarter of the delay. */
  reorderDelay?: Micros;
  /** Probability that a packet comes twice. Default 0. */
  duplicate?: number;
  /** Probability that one bit of a packet is flipped. Default 0. */
  corrupt?: number;
  /** Longer packets are dropped. Default Infinity. */
  mtu?: number;
  /** Answers what is dropped for `mtu` by ICMP "too big" (RFC 1191, RFC 8201). Default false: a black hole. */
  tooBig?: boolean;
  /** Packets that waited longer than this are marked CE, if they say that they can be (RFC 3168). Default never. */
  mark?: Micros;
}

/** What happened to the packets of one direction. */
export interface PathCounters {
  /** Packets and bytes handed in. */
  packets: number;
  bytes: number;
  delivered: number;
  deliveredBytes: number;
  lost: number;
  /** Dropped because the queue was full. */
  overflowed: number;
  reordered: number;
  duplicated: number;
  corrupted: number;
  tooLong: number;
  marked: number;
}

export function newPathCounters(): PathCounters {
  return {
    packets: 0,
    bytes: 0,
    delivered: 0,
    deliveredBytes: 0,
    lost: 0,
    overflowed: 0,
    reordered: 0,
    duplicated: 0,
    corrupted: 0,
    tooLong: 0,
    marked: 0,
  };
}
