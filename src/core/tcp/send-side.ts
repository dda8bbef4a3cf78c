// SND.*: what the user has queued, what has left, what the peer lets us send. Offsets count data bytes from 0;
// the SYN stands at -1, the FIN one past the last byte. May use this room's buffers.

import { SendBuffer } from "./send-buffer.ts";
import { type RecordPool, SentRecords } from "./sent-records.ts";
import type { SlabPool } from "./slab-pool.ts";

export class SendSide {
  readonly buffer: SendBuffer;
  readonly records: SentRecords;
  isn = 0;
  /** SND.UNA and SND.NXT. */
  una = -1;
  next = -1;
  /** SND.UNA + SND.WND, as of the last window update; it may retreat when a peer shrinks its window. */
  edge = 0;
  /** The peer's shift count. */
  scale = 0;
  /** SND.WL1 and SND.WL2 (RFC 9293 §3.10.7.4): the segment of the last window update. */
  wl1 = 0;
  wl2 = -1;
  /** Largest window the peer ever offered, for silly-window avoidance and RFC 5961 §5. */
  maxWindow = 0;
  /** The peer's MSS option bounded by our route: payload and options together fit in it (RFC 6691). */
  mss = 536;
  /** Offset of our FIN; -1 until CLOSE. */
  fin = -1;
  finSent = false;
  /** Data may leave although it is smaller than silly-window avoidance likes: its override timer fired. */
  forceSmall = false;
  /** One octet beyond the window is due (RFC 9293 §3.8.6.1), and how many went without an answer. */
  probePending = false;
  probes = 0;
  /** Backoff of the probes, which answers do not shorten: the window stays closed. */
  probeBackoff = 0;
  /** A probe's octet may have been taken: ACKs up to here are valid. */
  probed = -1;
  /** Without SACK: bytes that duplicate ACKs tell to have left the path, which ones is unknown. */
  duplicateBytes = 0;
  /** The longest segment that was delivered. */
  largestArrived = 0;
  bytesSent = 0;
  bytesRetransmitted = 0;
  /** The send buffer as it is now. */
  limit: number;

  constructor(limit: number, slabs: SlabPool, records: RecordPool) {
    this.limit = limit;
    this.buffer = new SendBuffer(slabs);
    this.records = new SentRecords(records);
  }

  /** The highest offset an ACK may name. */
  get max(): number {
    return Math.max(this.next, this.probed);
  }

  /** Bytes under way, RFC 6675's pipe: what the congestion window limits. */
  get pipe(): number {
    return Math.max(0, this.records.inFlight - this.duplicateBytes);
  }

  /** Data bytes queued and not yet sent. */
  get unsent(): number {
    return this.finSent ? 0 : this.buffer.end - Math.max(this.next, 0);
  }

  /** Data or FIN waits to leave. */
  get hasUnsent(): boolean {
    return this.unsent > 0 || (this.fin >= 0 && !this.finSent);
  }

  get finAcknowledged(): boolean {
    return this.fin >= 0 && this.una > this.fin;
  }

  /** The 32-bit number of an offset. */
  seq(offset: number): number {
    return (this.isn + 1 + offset) >>> 0;
  }

  clear(): void {
    this.buffer.clear();
    this.records.clear();
    this.probePending = false;
  }
}
