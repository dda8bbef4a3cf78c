// How bytes go into a net.Socket: what one turn of the event loop produces leaves in one system call, and what
// the kernel has not taken is bounded.

import type { Socket } from "node:net";
import process from "node:process";

export class Sender {
  private readonly socket: Socket;
  private readonly limit: number;
  /** Room again after a short count, or everything taken by the kernel. */
  private readonly onRoom: () => void;
  private staged: Uint8Array[] = [];
  /** Memory of large copies: staged, and handed to the socket, in the order of the flushes. */
  private borrowed: Uint8Array[] = [];
  private readonly writing: Uint8Array[][] = [];
  private stagedBytes = 0;
  private short = false;
  private ending = false;
  private scheduled = false;

  constructor(socket: Socket, limit: number, onRoom: () => void) {
    this.socket = socket;
    this.limit = limit;
    this.onRoom = onRoom;
  }

  /** Accepted bytes that the kernel has not taken. */
  get unsent(): number {
    return this.stagedBytes + this.socket.writableLength;
  }

  /** Returns how many bytes were copied. */
  copy(data: Uint8Array): number {
    const count = this.admit(data.length);
    if (count > 0) this.stageCopy(count === data.length ? data : data.subarray(0, count));
    return count;
  }

  /** All or, when full, nothing: the bytes are kept, not copied. */
  keep(data: Uint8Array): number {
    if (this.admit(data.length) === 0) return 0;
    this.short = false;
    this.stage(data);
    return data.length;
  }

  /** FIN after what was accepted. */
  end(): void {
    this.ending = true;
    this.schedule();
  }

  /** Forgets what has not been handed to the socket. */
  drop(): void {
    this.staged = [];
    this.borrowed = [];
    this.stagedBytes = 0;
    this.ending = false;
  }

  private admit(length: number): number {
    const count = Math.max(0, Math.min(length, this.limit - this.unsent));
    if (count < length) this.short = true;
    return count;
  }

  private stageCopy(data: Uint8Array): void {
    const count = data.length;
    if (count >= largeCopy) {
      this.stageLargeCopy(data);
      return;
    }
    if (slab === null || slabUsed + count > slab.length) {
      slab = Buffer.allocUnsafeSlow(slabSize);
      slabUsed = 0;
    }
    slab.set(data, slabUsed);
    const last = this.staged.at(-1);
    if (last !== undefined && last.buffer === slab.buffer && last.byteOffset + last.length === slabUsed) {
      this.staged[this.staged.length - 1] = slab.subarray(last.byteOffset, slabUsed + count);
      this.stagedBytes += count;
    } else {
      this.stage(slab.subarray(slabUsed, slabUsed + count));
    }
    slabUsed += count;
  }

  private stageLargeCopy(data: Uint8Array): void {
    for (let offset = 0; offset < data.length; offset += slabSize) {
      const part = data.subarray(offset, offset + slabSize);
      const memory = spare.pop() ?? Buffer.allocUnsafeSlow(slabSize);
      memory.set(part);
      this.borrowed.push(memory);
      this.stage(memory.subarray(0, part.length));
    }
  }

  private stage(piece: Uint8Array): void {
    this.staged.push(piece);
    this.stagedBytes += piece.length;
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    process.nextTick(this.flush);
  }

  private readonly flush = (): void => {
    this.scheduled = false;
    const pieces = this.staged;
    this.staged = [];
    this.stagedBytes = 0;
    const borrowed = this.borrowed;
    this.borrowed = [];
    if (this.socket.destroyed) return;
    if (pieces.length > 0) this.writing.push(borrowed);
    if (pieces.length === 1) this.socket.write(pieces[0] as Uint8Array, this.written);
    else if (pieces.length > 1) {
      this.socket.cork();
      const last = pieces.pop() as Uint8Array;
      for (const piece of pieces) this.socket.write(piece);
      this.socket.write(last, this.written);
      this.socket.uncork();
    }
    if (this.ending) this.socket.end();
  };

  private readonly written = (error?: Error | null): void => {
    // An "error" event of the socket tells it.
    if (error) return;
    // The system is done with this memory, which is warm still.
    for (const memory of this.writing.shift() ?? []) if (spare.length < mostSpare) spare.push(memory);
    const unsent = this.unsent;
    if (unsent > 0 && !(this.short && unsent <= this.limit / 2)) return;
    this.short = false;
    this.onRoom();
  };
}

/** Small copies of all sockets are carved from one piece of memory, in order, and never written again. */
let slab: Buffer | null = null;
let slabUsed = 0;
const slabSize = 65_536;
/** From here a copy has memory of its own, taken from those that are spare. */
const largeCopy = 16_384;
const spare: Uint8Array[] = [];
const mostSpare = 16;
