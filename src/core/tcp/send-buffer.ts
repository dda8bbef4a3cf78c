// The bytes that a user has sent and the peer has not acknowledged, by stream offset (53-bit, never wraps).
// Small writes are copied into slabs; `append` keeps the caller's array (DESIGN §3: only the relay's own path does).
// May use wire's types; no clock.

import type { Bytes } from "../wire/bytes.ts";
import { copyIntoSum, sumAtOddPlace } from "../wire/checksum.ts";
import { copyBytes } from "../wire/copy.ts";
import { FIRST_SLAB_SIZE, type SlabPool } from "./slab-pool.ts";

interface Chunk {
  bytes: Bytes;
  /** Where in `bytes` this chunk's first byte stands. */
  begin: number;
  /** Its stream offset. */
  offset: number;
  length: number;
  /** A slab of ours, in this chunk alone: later writes may fill it further, and it goes back to the pool. */
  readonly slab: boolean;
}

/** Owned arrays below this are copied: keeping a chunk each would cost more than the copy. */
const WORTH_KEEPING = 4 << 10;

const NO_CHUNKS: Chunk[] = [];

export class SendBuffer {
  /** Stream offset of the first byte kept: SND.UNA for data. */
  start = 0;
  /** Stream offset after the last byte: what the user has queued. */
  end = 0;
  /** Shared while empty: most connections of a process have nothing to say. */
  private chunks: Chunk[] = NO_CHUNKS;
  /** Chunks before this index are acknowledged and wait to be cut off together. */
  private head = 0;
  /** The chunk of the last copy: sending walks forward, so the next one is here or behind. */
  private cursor = 0;
  private readonly pool: SlabPool;

  constructor(pool: SlabPool) {
    this.pool = pool;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Copies all of `data[from..to)` in. The caller keeps to the limit. */
  write(data: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const tail = this.tailSlab();
      const free = tail.bytes.length - tail.begin - tail.length;
      const count = Math.min(free, to - at);
      copyBytes(data, at, at + count, tail.bytes, tail.begin + tail.length);
      tail.length += count;
      this.end += count;
      at += count;
    }
  }

  /** Keeps `data` itself; nobody may change it any more. */
  append(data: Bytes): void {
    if (data.length < WORTH_KEEPING) {
      this.write(data, 0, data.length);
      return;
    }
    this.add({ bytes: data, begin: 0, offset: this.end, length: data.length, slab: false });
    this.end += data.length;
  }

  /**
   * Copies `length` bytes from stream offset `offset` to out[at..]. They must be in the buffer.
   * @returns their part of a checksum, if `sums`
   */
  copyTo(out: Uint8Array, at: number, offset: number, length: number, sums = false): number {
    let sum = 0;
    let index = this.find(offset);
    let position = at;
    let left = length;
    let from = offset;
    while (left > 0) {
      const chunk = this.chunks[index];
      const skip = from - chunk.offset;
      const count = Math.min(chunk.length - skip, left);
      const begin = chunk.begin + skip;
      if (sums) {
        const part = copyIntoSum(0, chunk.bytes, begin, begin + count, out, position);
        sum += ((position - at) & 1) === 0 ? part : sumAtOddPlace(part);
      } else copyBytes(chunk.bytes, begin, begin + count, out, position);
      position += count;
      from += count;
      left -= count;
      this.cursor = index;
      index++;
    }
    return sum;
  }

  /** Drops everything before `offset`. */
  acknowledge(offset: number): void {
    this.start = Math.min(Math.max(offset, this.start), this.end);
    while (this.head < this.chunks.length) {
      const chunk = this.chunks[this.head];
      const chunkEnd = chunk.offset + chunk.length;
      if (chunkEnd > this.start) break;
      if (chunk.slab) this.pool.give(chunk.bytes);
      this.head++;
    }
    if (this.head === this.chunks.length) {
      this.chunks = NO_CHUNKS;
      this.head = 0;
      this.cursor = 0;
    } else if (this.head > 32 && this.head * 2 > this.chunks.length) {
      this.chunks = this.chunks.slice(this.head);
      this.cursor = Math.max(0, this.cursor - this.head);
      this.head = 0;
    }
  }

  /** Gives everything back; the connection is over. */
  clear(): void {
    for (let index = this.head; index < this.chunks.length; index++) {
      const chunk = this.chunks[index];
      if (chunk.slab) this.pool.give(chunk.bytes);
    }
    this.chunks = NO_CHUNKS;
    this.head = 0;
    this.cursor = 0;
    this.start = this.end;
  }

  private tailSlab(): Chunk {
    const count = this.chunks.length;
    if (count > this.head) {
      const tail = this.chunks[count - 1];
      if (tail.slab && tail.begin + tail.length < tail.bytes.length) return tail;
    }
    const isFirst = count === this.head && this.end < FIRST_SLAB_SIZE;
    const bytes = isFirst ? this.pool.takeFirst() : this.pool.take();
    const chunk: Chunk = { bytes, begin: 0, offset: this.end, length: 0, slab: true };
    this.add(chunk);
    return chunk;
  }

  private add(chunk: Chunk): void {
    // The first push to an empty array makes room for seventeen.
    if (this.chunks === NO_CHUNKS) this.chunks = [chunk];
    else this.chunks.push(chunk);
  }

  private find(offset: number): number {
    let low = this.cursor;
    if (low < this.head || low >= this.chunks.length || this.chunks[low].offset > offset) low = this.head;
    // Sending goes forward chunk by chunk; a retransmission starts anywhere, so the rest is a binary search.
    const first = this.chunks[low];
    if (offset < first.offset + first.length) return low;
    if (low + 1 < this.chunks.length) {
      const next = this.chunks[low + 1];
      if (offset >= next.offset && offset < next.offset + next.length) return low + 1;
    }
    let high = this.chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.chunks[middle].offset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
