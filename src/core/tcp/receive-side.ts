// RCV.*: what has arrived, what is granted, when to acknowledge. Windows as RFC 9293 §3.8.6: the right edge never
// moves left, and moves right only by a segment or half the buffer (silly-window avoidance, §3.8.6.2.2).
// May use this room's buffers; time is an argument.

import type { MemoryBudget } from "./memory.ts";
import { Reassembly } from "./reassembly.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";
import type { ReceiveTuning } from "./receive-tuning.ts";

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
  /** What came twice and is still to be told (RFC 2883); nothing while the end is negative. */
  duplicateStart = -1;
  duplicateEnd = -1;
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

  /** [start, end) came twice. Another piece beside one that waits to be told makes one block with it. */
  duplicated(start: number, end: number): void {
    const joins = start <= this.duplicateEnd && end >= this.duplicateStart;
    this.duplicateStart = joins ? Math.min(start, this.duplicateStart) : start;
    this.duplicateEnd = joins ? Math.max(end, this.duplicateEnd) : end;
  }

  /** Writes up to `max` SACK blocks as offset pairs: first what came twice (RFC 2883 §4). Returns how many. */
  sackBlocks(into: number[], max: number): number {
    if (this.duplicateEnd < 0) return this.reassembly.blocks(into, max);
    const count = this.reassembly.blocks(into, max - 1);
    for (let index = count * 2 - 1; index >= 0; index--) into[index + 2] = into[index];
    into[0] = this.duplicateStart;
    into[1] = this.duplicateEnd;
    return count + 1;
  }

  /** For a segment that came before its turn. */
  earlySegments(): Reassembly {
    if (this.reassembly === NOTHING_EARLY) this.reassembly = new Reassembly();
    return this.reassembly;
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
