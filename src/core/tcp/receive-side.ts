// RCV.*: what has arrived, what is granted, when to acknowledge. Windows as RFC 9293 §3.8.6: the right edge never
// moves left, and moves right only by a segment or half the buffer (silly-window avoidance, §3.8.6.2.2).
// May use this room's buffers; time is an argument.

import type { MemoryBudget } from "./memory.ts";
import { Reassembly } from "./reassembly.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";
import type { ReceiveTuning } from "./receive-tuning.ts";

/** Two numbers each: a burst of more is told in part, and the peer takes back less than it could. */
const MOST_DUPLICATES = 16;
/** With the largest window on top of it still less than half of the sequence numbers. */
const MOST_DISORDER = 2 ** 29;

export class ReceiveSide {
  readonly buffer: ReceiveBuffer = new ReceiveBuffer();
  /** Empty ones are all the same: most connections never need one. See earlySegments(). */
  reassembly: Reassembly = NOTHING_EARLY;
  /** IRS and the shift that our windows are divided by. */
  irs = 0;
  scale = 0;
  /** RCV.NXT as an offset: the next data byte expected is number `next`; FIN counts one more. */
  next = 0;
  /** Offset up to which the peer may send: the largest right edge ever granted. */
  edge = 0;
  /** RCV.NXT of the last ACK that left. */
  acknowledged = 0;
  /** Offset of the peer's FIN; -1 until it is known. */
  fin = -1;
  finReceived = false;
  /** What came twice and is still to be told (RFC 2883), as offset pairs; each goes in an ACK of its own. */
  duplicates: number[] | null = null;
  /** Largest payload seen, the estimate of the peer's segment size for ACK decisions. */
  segmentSize = 536;
  bytesReceived = 0;
  /** The receive buffer as it is now, and the stack's budget that may keep it smaller. */
  limit: number;
  /** From the first window of data on. */
  tuning: ReceiveTuning | null = null;
  private readonly memory: MemoryBudget;

  constructor(limit: number, memory: MemoryBudget) {
    this.limit = limit;
    this.memory = memory;
  }

  /** [start, end) came twice. What follows a piece that waits to be told makes one block with it. */
  duplicated(start: number, end: number): void {
    this.duplicates ??= [];
    const { duplicates } = this;
    const { length } = duplicates;
    if (length > 0 && duplicates[length - 1] === start) duplicates[length - 1] = end;
    else if (length < MOST_DUPLICATES) duplicates.push(start, end);
  }

  /** Writes up to `max` SACK blocks as offset pairs: first what came twice (RFC 2883 §4). Returns how many. */
  sackBlocks(into: number[], max: number): number {
    const { duplicates } = this;
    if (duplicates === null) return this.reassembly.blocks(into, max);
    const count = this.reassembly.blocks(into, max - 1);
    for (let index = count * 2 - 1; index >= 0; index--) into[index + 2] = into[index];
    into[0] = duplicates[0];
    into[1] = duplicates[1];
    return count + 1;
  }

  /** The first of what came twice was told. Returns whether there is more. */
  duplicateTold(): boolean {
    const { duplicates } = this;
    if (duplicates === null) return false;
    duplicates.copyWithin(0, 2);
    duplicates.length -= 2;
    if (duplicates.length === 0) this.duplicates = null;
    return duplicates.length > 0;
  }

  /** For a segment that came before its turn. `timestamp`: TS.Recent. */
  earlySegments(timestamp: number): Reassembly {
    if (this.reassembly === NOTHING_EARLY) {
      this.reassembly = new Reassembly();
      this.beginDisorder(timestamp);
    }
    return this.reassembly;
  }

  /** What was early was in part taken over. Where there are always holes, numbers go round nevertheless. */
  disorderGoesOn(timestamp: number): void {
    if (this.next - this.reassembly.since > MOST_DISORDER) this.beginDisorder(timestamp);
  }

  private beginDisorder(timestamp: number): void {
    this.reassembly.timestamp = timestamp;
    this.reassembly.since = this.next;
  }

  /** The connection is over, or nothing is early any more. */
  forgetEarly(): void {
    this.reassembly = NOTHING_EARLY;
  }

  /** The window as the peer knows it. */
  get window(): number {
    return this.edge - this.next;
  }

  /** The edge that free buffer would allow now, never left of the present one. */
  candidate(mss: number): number {
    const limit = this.memory.allowance(this.limit);
    const free = Math.max(0, limit - this.buffer.length);
    const edge = Math.min(this.next + free, this.next + (65535 << this.scale));
    const gain = edge - this.edge;
    return gain >= Math.min(mss, limit >> 1) ? edge : this.edge;
  }

  /** Grants what the buffer allows; the 16 bits for the header. */
  advertise(mss: number): number {
    const edge = this.candidate(mss);
    if (edge > this.edge) this.edge = edge;
    // Rounded down to what the header can say (RFC 7323 §2.2). Up to `edge` everything is taken all the same, so a
    // rounding that looks like a retreat by less than one unit (§2.4) never refuses what was granted.
    return Math.min(65535, Math.floor((this.edge - this.next) / (1 << this.scale)));
  }

  /** Reading has freed enough that the peer should hear of it without waiting for data (RFC 9293 §3.8.6.2.2). */
  worthTelling(mss: number): boolean {
    const gain = this.candidate(mss) - this.edge;
    if (gain <= 0) return false;
    return gain >= Math.min(this.limit >> 1, 2 * mss) || this.window < mss;
  }
}

/** Shared, so nothing may ever be put into it. */
const NOTHING_EARLY: Reassembly = new Reassembly();
