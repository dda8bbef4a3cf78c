// The memory of outgoing messages. send() passes ownership, and when the link is done with it is not knowable: so
// messages are carved one after the other out of slabs, and a slab is given up when it is full. Its size follows the
// traffic: a busy port takes one slab a message, an idle port pins little here and, over memory links, at the receiver.

import type { Bytes } from "../wire/bytes.ts";
import { MAX_MESSAGE } from "./link.ts";

export class MessageWriter {
  /** Where the message under way is written: from `start`, as far as `at`. */
  slab: Bytes = EMPTY;
  at: number = 0;
  private start: number = 0;
  private size: number = SMALLEST;
  /** Messages carved from this slab. */
  private carved: number = 0;
  private readonly allocate: (size: number) => Bytes;
  private readonly reuse: boolean;

  /** `reuse`: links that copy on send get the same memory for every message. */
  constructor(allocate: (size: number) => Bytes, reuse: boolean) {
    this.allocate = allocate;
    this.reuse = reuse;
  }

  /** Bytes of the message under way. */
  get length(): number {
    return this.at - this.start;
  }

  /** Bytes that fit into this message without grow(). */
  get room(): number {
    return Math.min(this.slab.length - this.at, MAX_MESSAGE - this.length);
  }

  /** Makes room for a longer message, up to MAX_MESSAGE. False: it is at its longest. */
  grow(): boolean {
    const limit = this.start + MAX_MESSAGE;
    if (this.slab.length >= limit) return false;
    // Small beginnings double; a message that outgrew a small slab will be followed by others like it.
    if (this.carved < FEW_MESSAGES) this.size = Math.min(MAX_MESSAGE, Math.max(this.size, this.length) * 2);
    else if (this.carved > MANY_MESSAGES) this.size = Math.max(SMALLEST, this.size >>> 1);
    let size = this.size;
    // What did not fit now has to fit then, and may be as long as a whole message.
    if (this.slab.length - this.start >= size) size = this.size = MAX_MESSAGE;
    const next = this.allocate(size);
    if (this.length > 0) next.set(this.slab.subarray(this.start, this.at));
    this.at = this.length;
    this.start = 0;
    this.carved = 0;
    this.slab = next;
    return true;
  }

  /** Puts bytes into the message; false when they do not fit any more. */
  append(bytes: Uint8Array): boolean {
    while (this.room < bytes.length) if (!this.grow()) return false;
    this.slab.set(bytes, this.at);
    this.at += bytes.length;
    return true;
  }

  /** Ends the message and hands it over. */
  take(): Bytes {
    const message = this.slab.subarray(this.start, this.at);
    this.carved++;
    if (this.reuse) {
      this.at = this.start;
    } else {
      // 8-byte steps keep the packets of the next message aligned for the checksum.
      this.start = this.at = Math.min(this.slab.length, (this.at + 7) & ~7);
    }
    return message;
  }

  /** Forgets the message under way. */
  drop(): void {
    this.at = this.start;
  }
}

const EMPTY: Bytes = new Uint8Array(0);
const SMALLEST = 4096;
/** A slab that gave fewer messages than this was small, one that gave more was large. */
const FEW_MESSAGES = 8;
const MANY_MESSAGES = 64;
