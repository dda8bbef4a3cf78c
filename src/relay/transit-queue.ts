// What the switch holds for one destination link (DESIGN §5): for each source session a queue, fair by flows; the
// link's driver is fair between the sources. Bounded by bytes; drops at the head of the longest queue, so that what
// is new gets through; marks ECN (RFC 3168 §5) when a packet stayed longer than 5 ms.
import type { Micros } from "../core/link/clock.ts";
import type { TransmitSource } from "../core/link/transmit-source.ts";
import type { Bytes } from "../core/wire/bytes.ts";

export interface TransitCounters {
  peerDropped: number;
  peerMarked: number;
}

/** All that waits for one link. */
export class Outlet<Source> {
  bytes = 0;
  /** Memory of messages that waiting packets keep alive. */
  pinned = 0;
  private readonly limit: number;
  private readonly counters: TransitCounters;
  private readonly rate: () => number;
  private readonly queues = new Map<Source, TransitQueue>();

  /** @param rate The link's delivery rate in bytes per second, 0 while unknown: the bound is 100 ms of it. */
  constructor(limit: number, rate: () => number, counters: TransitCounters) {
    this.limit = limit;
    this.rate = rate;
    this.counters = counters;
  }

  /** Takes a packet of `source`; gives the queue to offer to the link. The bytes are kept, not copied. */
  add(now: Micros, source: Source, flow: number, bytes: Bytes, start: number, end: number): TransitQueue {
    let queue = this.queues.get(source);
    if (queue === undefined) {
      queue = new TransitQueue(this, this.counters);
      this.queues.set(source, queue);
    }
    // A message stays in memory for its smallest packet: under pressure that packet is copied out of it.
    const isPinning = this.pinned + bytes.buffer.byteLength > pinFactor * this.limit;
    if (isPinning) queue.push(now, flow, bytes.slice(start, end), 0, end - start);
    else queue.push(now, flow, bytes, start, end);
    const bound = Math.min(this.limit, Math.max(leastBound, this.rate() * boundSeconds || this.limit));
    while (this.bytes > bound && this.dropOne()) this.counters.peerDropped++;
    return queue;
  }

  /** Forgets what a session sent that has ended. */
  remove(source: Source): void {
    this.queues.get(source)?.clear();
    this.queues.delete(source);
  }

  /** What waits, to be offered to another link when this one is gone. */
  waiting(): IterableIterator<TransitQueue> {
    return this.queues.values();
  }

  /** Forgets all of it. */
  clear(): void {
    for (const queue of this.queues.values()) queue.clear();
    this.queues.clear();
  }

  private dropOne(): boolean {
    let longest: TransitQueue | null = null;
    for (const queue of this.queues.values()) {
      if (longest === null || queue.bytes > longest.bytes) longest = queue;
    }
    return longest?.dropHead() ?? false;
  }
}

interface Waiting {
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
  readonly arrived: Micros;
  /** Bytes of memory that go when this packet goes: the message's, for its last packet here. */
  pins: number;
}

class FlowQueue {
  readonly packets: Waiting[] = [];
  /** Index of the head: shifting an array moves it all. */
  head = 0;
  bytes = 0;
  deficit = 0;
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  get first(): Waiting | undefined {
    return this.packets[this.head];
  }

  shift(): Waiting {
    const packet = this.packets[this.head];
    this.head++;
    this.bytes -= packet.end - packet.start;
    if (this.head === this.packets.length) {
      this.packets.length = 0;
      this.head = 0;
    } else if (this.head >= 256 && this.head * 2 > this.packets.length) {
      this.packets.splice(0, this.head);
      this.head = 0;
    }
    return packet;
  }
}

/** What one session has waiting for one link. */
export class TransitQueue implements TransmitSource {
  readonly urgent = false;
  bytes = 0;
  private readonly outlet: { bytes: number; pinned: number };
  private readonly counters: TransitCounters;
  /** In turn order: the first sends next. */
  private readonly flows = new Map<number, FlowQueue>();
  private lastPushed: Waiting | null = null;

  constructor(outlet: { bytes: number; pinned: number }, counters: TransitCounters) {
    this.outlet = outlet;
    this.counters = counters;
  }

  push(now: Micros, flow: number, bytes: Bytes, start: number, end: number): void {
    let queue = this.flows.get(flow);
    if (queue === undefined) {
      queue = new FlowQueue(flow);
      this.flows.set(flow, queue);
    }
    const packet: Waiting = { bytes, start, end, arrived: now, pins: bytes.buffer.byteLength };
    // Packets of one message come one after the other: its memory is charged once, to the last of them.
    const last = this.lastPushed;
    if (last !== null && last.bytes.buffer === bytes.buffer && last.pins > 0) {
      last.pins = 0;
    } else {
      this.outlet.pinned += packet.pins;
    }
    this.lastPushed = packet;
    queue.packets.push(packet);
    queue.bytes += end - start;
    this.bytes += end - start;
    this.outlet.bytes += end - start;
  }

  transmit(
    now: Micros,
    out: Bytes,
    at: number,
    room: number,
    _linkId: number,
    _segmentLimit: number,
  ): number {
    for (const flow of this.flows.values()) {
      const packet = flow.first as Waiting;
      const length = packet.end - packet.start;
      if (flow.deficit < length) {
        // To the end of the line, with a quantum more for the next turn.
        flow.deficit += quantum;
        this.flows.delete(flow.id);
        this.flows.set(flow.id, flow);
        continue;
      }
      if (length > room) return -1;
      out.set(packet.bytes.subarray(packet.start, packet.end), at);
      if (now - packet.arrived > markAfter) this.mark(out, at);
      flow.deficit -= length;
      this.take(flow);
      return length;
    }
    return 0;
  }

  /** Drops the oldest packet of the longest flow. */
  dropHead(): boolean {
    let longest: FlowQueue | null = null;
    for (const flow of this.flows.values())
      if (longest === null || flow.bytes > longest.bytes) longest = flow;
    if (longest === null) return false;
    this.take(longest);
    return true;
  }

  clear(): void {
    while (this.dropHead());
  }

  private take(flow: FlowQueue): void {
    const packet = flow.shift();
    const length = packet.end - packet.start;
    this.bytes -= length;
    this.outlet.bytes -= length;
    this.outlet.pinned -= packet.pins;
    packet.pins = 0;
    if (flow.bytes > 0) return;
    this.flows.delete(flow.id);
    if (this.flows.size === 0) this.lastPushed = null;
  }

  private mark(out: Bytes, at: number): void {
    // IPv6 only: the ECN field is bits 4 and 5 of the second byte. 00 is no ECN, 11 is marked already.
    const ecn = out[at + 1] & 0x30;
    if (ecn === 0 || ecn === 0x30) return;
    out[at + 1] |= 0x30;
    this.counters.peerMarked++;
  }
}

/** Microseconds in the queue after which a packet is marked. */
const markAfter = 5_000;
/** Bytes that a flow may send in its turn: one packet of the peers' size. */
const quantum = 9_000;
/** The queue is bounded by this much of the link's time, and never below what two bulk flows need. */
const boundSeconds = 0.1;
const leastBound = 131_072;
/** Memory that waiting packets may keep alive, as a multiple of the limit of bytes. */
const pinFactor = 4;
