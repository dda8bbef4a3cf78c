// The memory of outgoing messages. send() passes ownership; where the link tells when it is done with a message, its
// memory is used again, and else left to the garbage collector, which costs more than sending. Small messages are carved one after the other out of one slab that all ports share, so that
// an idle port holds no memory; a large one gets memory of its own, sized by the message before it.

import type { Bytes } from "../wire/bytes.ts";
import { allocate } from "../wire/memory.ts";
import { MAX_MESSAGE } from "./link.ts";

/** The slab that small messages are carved from. One may serve any number of drivers. */
export class MessageMemory {
  private readonly allocateBytes: (size: number) => Bytes;
  private slab: Bytes = EMPTY;
  private at: number = 0;
  private isLeased: boolean = false;
  /** Memory that links are done with. */
  private readonly spares: Bytes[] = [];
  /** What was allocated for one message alone. */
  private readonly own: WeakSet<ArrayBuffer> = new WeakSet();

  /** `allocate` need not zero what it gives. */
  constructor(allocateBytes: (size: number) => Bytes = allocate) {
    this.allocateBytes = allocateBytes;
  }

  /** The rest of the slab from `position` on, until giveBack(); null while another message is written there. */
  lease(): Bytes | null {
    if (this.isLeased) return null;
    if (this.slab.length - this.at < LEAST_LEASE) {
      this.slab = this.allocateBytes(SLAB);
      this.at = 0;
    }
    this.isLeased = true;
    return this.slab;
  }

  get position(): number {
    return this.at;
  }

  /** Ends the lease; the slab is used as far as `at`. */
  giveBack(at: number): void {
    this.isLeased = false;
    // 8-byte steps keep the first packet of the next message aligned for the checksum.
    this.at = Math.min(this.slab.length, (at + 7) & ~7);
  }

  allocate(size: number): Bytes {
    const { spares } = this;
    for (let at = spares.length - 1; at >= 0; at--) {
      const spare = spares[at];
      if (spare.length < size) continue;
      spares[at] = spares[spares.length - 1];
      spares.pop();
      return spare;
    }
    const bytes = this.allocateBytes(size);
    this.own.add(bytes.buffer);
    return bytes;
  }

  /** Nobody refers to this message any more. What shares a slab with others is left as it is. */
  recycle(message: Bytes): void {
    const { buffer } = message;
    if (!this.own.has(buffer)) return;
    if (this.spares.length === MOST_SPARES) this.spares.shift();
    this.spares.push(new Uint8Array(buffer));
  }
}

/** Writes the messages of one port, one at a time. */
export class MessageWriter {
  /** Where the message under way is written, and how far. */
  slab: Bytes = EMPTY;
  at: number = 0;
  private start: number = 0;
  private isLeased: boolean = false;
  /** Length of the last message, or half of the one before: what the next one probably needs. */
  private expected: number = 0;
  private readonly memory: MessageMemory;
  private readonly isCopied: boolean;

  /** `isCopied`: the link is done with a message when its send() returns. */
  constructor(memory: MessageMemory, isCopied: boolean) {
    this.memory = memory;
    this.isCopied = isCopied;
  }

  /** Bytes of the message under way. */
  get length(): number {
    return this.at - this.start;
  }

  /** Bytes that can be written without grow(). */
  get room(): number {
    return Math.min(this.slab.length - this.at, MAX_MESSAGE - this.length);
  }

  /** Makes room for a longer message. False: it is at its longest. */
  grow(): boolean {
    if (this.slab === EMPTY && this.expected <= SMALL) {
      const slab = this.memory.lease();
      if (slab !== null) {
        this.slab = slab;
        this.start = this.at = this.memory.position;
        this.isLeased = true;
        return true;
      }
    }
    const capacity = this.slab.length - this.start;
    if (capacity >= MAX_MESSAGE) return false;
    // Half more than the last message took: one that outgrows its memory is copied.
    const wish = this.slab === EMPTY ? this.expected + (this.expected >>> 1) : 2 * capacity;
    this.move(Math.min(MAX_MESSAGE, (Math.max(wish, 2 * SMALL) + GRAIN - 1) & -GRAIN));
    return true;
  }

  /** Puts bytes into the message; false when they do not fit any more. */
  append(bytes: Uint8Array): boolean {
    while (this.room < bytes.length) if (!this.grow()) return false;
    this.slab.set(bytes, this.at);
    this.at += bytes.length;
    return true;
  }

  /** Hands the message over: `send` owns it. */
  finish(send: (message: Bytes) => void): void {
    const { slab, start, at } = this;
    this.expected = Math.max(at - start, this.expected >>> 1);
    this.slab = EMPTY;
    this.start = this.at = 0;
    if (this.isLeased) {
      this.isLeased = false;
      // Given back before send(): what that sets off may write the next message.
      this.memory.giveBack(this.isCopied ? start : at);
      send(slab.subarray(start, at));
    } else {
      send(slab.subarray(start, at));
      if (this.isCopied) this.memory.recycle(slab);
    }
  }

  /** The link is done with a message of finish(). */
  recycle(message: Bytes): void {
    this.memory.recycle(message);
  }

  private move(size: number): void {
    const { slab, start, at } = this;
    const larger = this.memory.allocate(Math.max(size, this.length + GRAIN));
    if (at > start) larger.set(slab.subarray(start, at));
    if (this.isLeased) this.memory.giveBack(start);
    else this.memory.recycle(slab);
    this.isLeased = false;
    this.slab = larger;
    this.start = 0;
    this.at = at - start;
  }
}

const EMPTY: Bytes = new Uint8Array(0);
const SLAB = 65_536;
/** Messages up to this long come out of the slab. */
const SMALL = 16_384;
/** A slab with less than this is given up. */
const LEAST_LEASE = 1_024;
const GRAIN = 4_096;
/** At most 4 MiB are kept for messages to come, of all ports together. */
const MOST_SPARES = 32;
