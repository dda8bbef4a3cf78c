// How bytes go into a Deno.Conn: one write at a time (Deno would interleave two), short writes continued, small
// ones joined while one is under way.

import type { DenoConn } from "./deno-api.ts";

export class ConnWriter {
  /** Bytes taken over that the kernel has not. */
  queued = 0;
  private readonly conn: DenoConn;
  /** After each write; throws nothing. */
  private readonly onProgress: () => void;
  private readonly onFailure: (error: unknown) => void;
  private pieces: Uint8Array[] = [];
  private isWriting = false;
  private stopped = false;

  constructor(conn: DenoConn, onProgress: () => void, onFailure: (error: unknown) => void) {
    this.conn = conn;
    this.onProgress = onProgress;
    this.onFailure = onFailure;
  }

  /** Keeps the bytes. */
  push(piece: Uint8Array): void {
    if (this.stopped || piece.length === 0) return;
    this.pieces.push(piece);
    this.queued += piece.length;
    if (this.isWriting) return;
    this.isWriting = true;
    // What is pushed in the same turn leaves in the same write.
    queueMicrotask(() => this.run());
  }

  /** Forgets what is queued. */
  stop(): void {
    this.stopped = true;
    this.pieces = [];
    this.queued = 0;
  }

  private async run(): Promise<void> {
    try {
      while (this.pieces.length > 0) {
        let piece = this.next();
        while (piece.length > 0 && !this.stopped) {
          const count = await this.conn.write(piece);
          if (this.stopped) return;
          piece = piece.subarray(count);
          this.queued -= count;
          if (piece.length > 0 || this.pieces.length > 0) this.onProgress();
        }
      }
      this.isWriting = false;
      this.onProgress();
    } catch (error) {
      if (this.stopped) return;
      this.stop();
      this.onFailure(error);
    }
  }

  /** The first piece, or as many small ones as fit together. */
  private next(): Uint8Array {
    const [first, second] = this.pieces as [Uint8Array, Uint8Array | undefined];
    if (second === undefined || first.length + second.length > joinedSize) {
      this.pieces.shift();
      return first;
    }
    const joined = new Uint8Array(joinedSize);
    let length = 0;
    let count = 0;
    for (const piece of this.pieces) {
      if (length + piece.length > joinedSize) break;
      joined.set(piece, length);
      length += piece.length;
      count += 1;
    }
    this.pieces.splice(0, count);
    return joined.subarray(0, length);
  }
}

/** Bytes up to which pieces are copied together. */
const joinedSize = 65_536;
