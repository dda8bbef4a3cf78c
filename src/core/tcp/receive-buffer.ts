// In-order bytes that wait for the user. A payload that makes up much of the message it came in stays a view of it;
// a small one is copied into a slab, so that little data never pins a large message and a reader gets it in one piece.
// What is kept is at most 17/8 of the bytes counted, but for one smallest slab or message. May use wire's types; no
// clock.

import type { Bytes } from "../wire/bytes.ts";
import { copyBytes } from "../wire/copy.ts";
import { allocate } from "../wire/memory.ts";

interface Chunk {
  readonly bytes: Bytes;
  begin: number;
  end: number;
}

/** V8 keeps so many bytes beside its objects; memory of its own for more takes ten times as long. */
const TINY = 64;
/** For bytes that come when none wait. A slab is given up when all of it was read: an idle connection keeps none. */
const SMALLEST_SLAB = 256;
/** For bytes that come when some wait, at first. */
const SECOND_SLAB = 1 << 10;
const LARGEST_SLAB = 64 << 10;

const NO_CHUNKS: Chunk[] = [];

export class ReceiveBuffer {
  /** Bytes waiting. */
  length = 0;
  /** Shared while empty: most connections of a process have nothing to say. */
  private chunks: Chunk[] = NO_CHUNKS;
  private head = 0;
  private slab: Bytes | null = null;
  private slabUsed = 0;
  private nextSlab = SECOND_SLAB;

  push(bytes: Bytes, begin: number, end: number): void {
    const count = end - begin;
    if (count === 0) return;
    const isFirst = this.length === 0;
    this.length += count;
    if (this.mayView(bytes, count)) this.add({ bytes, begin, end });
    else if (isFirst && count <= TINY) this.add({ bytes: bytes.slice(begin, end), begin: 0, end: count });
    else {
      this.joinTiny();
      this.copyIn(bytes, begin, end);
    }
  }

  /** The next bytes, at most `max`, handed over; null when there are none. */
  take(max: number): Bytes | null {
    if (this.head === this.chunks.length) return null;
    const chunk = this.chunks[this.head];
    const count = Math.min(max, chunk.end - chunk.begin);
    const { bytes, begin } = chunk;
    const view = count === bytes.length ? bytes : bytes.subarray(begin, begin + count);
    chunk.begin += count;
    this.length -= count;
    if (chunk.begin === chunk.end) {
      this.head++;
      if (this.head === this.chunks.length) {
        this.chunks = NO_CHUNKS;
        this.head = 0;
        this.giveUpSlab();
      } else if (this.head > 32 && this.head * 2 > this.chunks.length) {
        this.chunks = this.chunks.slice(this.head);
        this.head = 0;
      }
    }
    return view;
  }

  /** A view of the next bytes, at most `max`, which stay; null when there are none. */
  peek(max: number): Bytes | null {
    if (this.head === this.chunks.length) return null;
    const chunk = this.chunks[this.head];
    return chunk.bytes.subarray(chunk.begin, Math.min(chunk.end, chunk.begin + max));
  }

  clear(): void {
    this.chunks = NO_CHUNKS;
    this.head = 0;
    this.length = 0;
    this.slab = null;
  }

  private add(chunk: Chunk): void {
    // The first push to an empty array makes room for seventeen.
    if (this.chunks === NO_CHUNKS) this.chunks = [chunk];
    else this.chunks.push(chunk);
  }

  /** Whether the message that the bytes came in may stay in memory for them. */
  private mayView(bytes: Bytes, count: number): boolean {
    if (!pinsMuch(bytes, count)) return true;
    const message = bytes.buffer;
    // A small message is no larger than the slab that would be made for them: a ping needs no second memory.
    if (this.head === this.chunks.length) return message.byteLength <= SMALLEST_SLAB;
    // It is in memory already when the newest bytes that wait are of it: more of it costs nothing.
    const newest = this.chunks[this.chunks.length - 1].bytes;
    return newest !== this.slab && newest.buffer === message;
  }

  /** A tiny one that waits alone goes into the slab of what follows it. */
  private joinTiny(): void {
    if (this.slab !== null || this.chunks.length - this.head !== 1) return;
    const { bytes, begin, end } = this.chunks[this.head];
    if (bytes.length > TINY) return;
    this.chunks = NO_CHUNKS;
    this.head = 0;
    this.copyIn(bytes, begin, end);
  }

  private copyIn(bytes: Bytes, begin: number, end: number): void {
    let at = begin;
    while (at < end) {
      if (this.slab === null || this.slabUsed === this.slab.length) this.newSlab(end - at);
      const slab = this.slab as Bytes;
      const count = Math.min(end - at, slab.length - this.slabUsed);
      copyBytes(bytes, at, at + count, slab, this.slabUsed);
      const tail = this.chunks[this.chunks.length - 1];
      if (this.chunks.length > this.head && tail.bytes === slab && tail.end === this.slabUsed)
        tail.end += count;
      else this.add({ bytes: slab, begin: this.slabUsed, end: this.slabUsed + count });
      this.slabUsed += count;
      at += count;
    }
  }

  /** The more waits already, the larger: a reader that lags gets large pieces. */
  private newSlab(atLeast: number): void {
    const isFirst = this.head === this.chunks.length;
    const size = Math.max(isFirst ? SMALLEST_SLAB : this.nextSlab, Math.min(atLeast, LARGEST_SLAB));
    this.slab = allocate(size);
    this.slabUsed = 0;
    if (!isFirst) this.nextSlab = Math.min(size * 2, LARGEST_SLAB);
  }

  private giveUpSlab(): void {
    if (this.slab === null) return;
    const { length } = this.slab;
    if (length > SECOND_SLAB && this.slabUsed * 2 < length)
      this.nextSlab = Math.max(SECOND_SLAB, this.nextSlab >> 1);
    this.slab = null;
  }
}

/**
 * Keeping a view of `count` bytes would hold more than about twice that in memory: a little more, so that of two large
 * segments that fill a message, each with its headers, both stay views of it.
 */
export function pinsMuch(bytes: Bytes, count: number): boolean {
  return count * 17 < bytes.buffer.byteLength * 8;
}
