// How bytes go into a net.Socket: what one turn of the event loop produces leaves in one system call, what the
// kernel has not taken is bounded, and the socket has one write of at most 64 KiB at a time, since it tells of no
// progress within a write: a close() that waits for a slow peer must see that it is slow, not gone.

import type { Socket } from "node:net";
import process from "node:process";

export class Sender {
  private readonly socket: Socket;
  private readonly limit: number;
  /** Room again after a short count, or everything taken by the kernel. */
  private readonly onRoom: () => void;
  private readonly onFailure: (error: Error) => void;
  private staged: Piece[] = [];
  private stagedBytes = 0;
  /** Memory to give back when the write under way is done. */
  private writing: Uint8Array[] = [];
  private isWriting = false;
  private isScheduled = false;
  private isShort = false;
  private isEnding = false;

  constructor(socket: Socket, limit: number, onRoom: () => void, onFailure: (error: Error) => void) {
    this.socket = socket;
    this.limit = limit;
    this.onRoom = onRoom;
    this.onFailure = onFailure;
  }

  /** Accepted bytes that the kernel has not taken. */
  get unsent(): number {
    return this.stagedBytes + this.socket.writableLength;
  }

  /** Returns how many bytes were copied. */
  copy(data: Uint8Array): number {
    const count = this.admit(data.length);
    if (count < data.length) this.isShort = true;
    if (count >= largeCopy) this.stageLargeCopy(data, count);
    else if (count > 0) this.stageSmallCopy(data, count);
    return count;
  }

  /** All or, when full, nothing: the bytes are kept, not copied. */
  keep(data: Uint8Array): number {
    if (data.length > 0 && this.admit(data.length) === 0) {
      this.isShort = true;
      return 0;
    }
    for (let offset = 0; offset < data.length; offset += writeSize) {
      this.stage(data.subarray(offset, offset + writeSize), null);
    }
    return data.length;
  }

  /** FIN after what was accepted. */
  end(): void {
    this.isEnding = true;
    this.schedule();
  }

  /** Forgets what has not been handed to the socket. */
  drop(): void {
    this.staged = [];
    this.stagedBytes = 0;
    this.isEnding = false;
  }

  private admit(length: number): number {
    return Math.max(0, Math.min(length, this.limit - this.unsent));
  }

  private stageLargeCopy(data: Uint8Array, count: number): void {
    for (let offset = 0; offset < count; offset += writeSize) {
      const memory = spare.pop() ?? Buffer.allocUnsafeSlow(writeSize);
      const part = data.subarray(offset, Math.min(offset + writeSize, count));
      memory.set(part);
      this.stage(memory.subarray(0, part.length), memory);
    }
  }

  private stageSmallCopy(data: Uint8Array, count: number): void {
    if (slab === null || slabUsed + count > slab.length) {
      slab = Buffer.allocUnsafeSlow(writeSize);
      slabUsed = 0;
    }
    slab.set(count === data.length ? data : data.subarray(0, count), slabUsed);
    const start = slabUsed;
    slabUsed += count;
    const last = this.staged.at(-1);
    if (
      last !== undefined &&
      last.bytes.buffer === slab.buffer &&
      last.bytes.byteOffset + last.bytes.length === start
    ) {
      last.bytes = slab.subarray(last.bytes.byteOffset, slabUsed);
      this.stagedBytes += count;
    } else {
      this.stage(slab.subarray(start, slabUsed), null);
    }
  }

  private stage(bytes: Uint8Array, memory: Uint8Array | null): void {
    this.staged.push({ bytes, memory });
    this.stagedBytes += bytes.length;
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled || this.isWriting) return;
    this.isScheduled = true;
    process.nextTick(this.flush);
  }

  private readonly flush = (): void => {
    this.isScheduled = false;
    const { socket } = this;
    if (socket.destroyed) return;
    if (this.staged.length === 0) {
      if (this.isEnding) socket.end();
      return;
    }
    const count = this.nextCount();
    const pieces = count === this.staged.length ? this.staged : this.staged.slice(0, count);
    this.staged = count === this.staged.length ? [] : this.staged.slice(count);
    this.isWriting = true;
    for (const { bytes, memory } of pieces) {
      this.stagedBytes -= bytes.length;
      if (memory !== null) this.writing.push(memory);
    }
    const last = pieces.pop() as Piece;
    if (pieces.length > 0) socket.cork();
    for (const { bytes } of pieces) socket.write(bytes);
    socket.write(last.bytes, this.written);
    if (pieces.length > 0) socket.uncork();
  };

  /** How many pieces make the next write. */
  private nextCount(): number {
    let length = 0;
    let count = 0;
    for (const { bytes } of this.staged) {
      length += bytes.length;
      if (length > writeSize && count > 0) break;
      count += 1;
    }
    return count;
  }

  private readonly written = (error?: Error | null): void => {
    if (error) {
      this.onFailure(error);
      return;
    }
    this.isWriting = false;
    // The system is done with this memory, which is warm still.
    for (const memory of this.writing) if (spare.length < mostSpare) spare.push(memory);
    this.writing = [];
    if (this.staged.length > 0 || this.isEnding) this.flush();
    const { unsent } = this;
    if (unsent > 0 && !(this.isShort && unsent <= this.limit / 2)) return;
    this.isShort = false;
    this.onRoom();
  };
}

interface Piece {
  bytes: Uint8Array;
  /** Where the bytes are, when that can be used again. */
  readonly memory: Uint8Array | null;
}

/** Bytes of one write. */
const writeSize = 65_536;
/** From here a copy has memory of its own, taken from those that are spare. */
const largeCopy = 16_384;
const spare: Uint8Array[] = [];
const mostSpare = 16;
/** Small copies of all sockets are carved from one piece of memory, in order, and never written again. */
let slab: Buffer | null = null;
let slabUsed = 0;
