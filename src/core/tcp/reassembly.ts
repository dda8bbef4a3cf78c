// Segments that arrived before their turn, RFC 9293 §3.10.7.4, as runs of contiguous bytes sorted by stream offset,
// and the SACK blocks that tell of them, most recent first (RFC 2018 §4). Everything here lies inside the window that
// was granted, so the receive buffer bounds its bytes; the number of runs and pieces is bounded here.
// May use wire's types; no clock.

import type { Bytes } from "../wire/bytes.ts";
import { pinsMuch, type ReceiveBuffer } from "./receive-buffer.ts";

interface Piece {
  readonly bytes: Bytes;
  readonly begin: number;
  readonly end: number;
}

interface Run {
  start: number;
  end: number;
  pieces: Piece[];
}

/** A peer that sends every second byte makes holes cheaply; past this its segments are dropped and must come again. */
const MAX_RUNS = 256;
/** Tiny adjacent segments beyond this are dropped too: each piece costs more than its bytes. */
const MAX_PIECES = 4096;
const RECENT = 4;

export class Reassembly {
  /** Bytes held. */
  length = 0;
  /** TS.Recent of when there were no holes yet, and RCV.NXT then. */
  timestamp = 0;
  since = 0;
  private runs: Run[] = [];
  private recent: Run[] = [];
  private pieces = 0;

  get empty(): boolean {
    return this.runs.length === 0;
  }

  /** Offset after the last byte held; 0 when empty. */
  get end(): number {
    return this.runs.length === 0 ? 0 : this.runs[this.runs.length - 1].end;
  }

  /** The first part of [start, end) that is held already, as offsets into `into`; false when none is. */
  overlap(into: number[], start: number, end: number): boolean {
    const index = this.lowerBound(start + 1);
    if (index === this.runs.length || this.runs[index].start >= end) return false;
    into[0] = Math.max(start, this.runs[index].start);
    into[1] = Math.min(end, this.runs[index].end);
    return true;
  }

  /**
   * Takes bytes[begin..end) at stream offset `offset`. What is there already stays.
   * @returns false when it was dropped for want of room
   */
  insert(offset: number, bytes: Bytes, begin: number, end: number): boolean {
    const last = offset + (end - begin);
    // First run that ends at or after `offset`: the one to extend, or the one before which a new run goes.
    const index = this.lowerBound(offset);
    let from = offset;
    let grown: Run | null = null;
    while (from < last) {
      const run = index < this.runs.length ? this.runs[index] : null;
      if (run !== null && run.start <= from) {
        grown = run;
        const next = index + 1 < this.runs.length ? this.runs[index + 1].start : Number.POSITIVE_INFINITY;
        const to = Math.min(last, next);
        if (to > run.end) {
          const skip = Math.max(from, run.end);
          if (!this.keep(run, bytes, begin + (skip - offset), begin + (to - offset))) return false;
          run.end = to;
        }
        from = Math.max(from, to);
        if (run.end === next) {
          this.mergeNext(index);
          from = Math.max(from, run.end);
        } else break;
        if (from >= last) break;
        continue;
      }
      if (this.runs.length >= MAX_RUNS) return false;
      const to = run === null ? last : Math.min(last, run.start);
      const fresh: Run = { start: from, end: to, pieces: [] };
      if (!this.keep(fresh, bytes, begin + (from - offset), begin + (to - offset))) return false;
      this.runs.splice(index, 0, fresh);
      grown = fresh;
      from = to;
      if (run !== null && fresh.end === run.start) {
        this.mergeNext(index);
        from = Math.max(from, fresh.end);
      }
    }
    if (grown !== null) this.touch(grown);
    return true;
  }

  /**
   * Moves what now continues the stream at `offset` into the receive buffer.
   * @returns the stream offset after it
   */
  drain(offset: number, into: ReceiveBuffer): number {
    let next = offset;
    while (this.runs.length > 0 && this.runs[0].start <= next) {
      const run = this.runs[0];
      let at = run.start;
      for (const piece of run.pieces) {
        const size = piece.end - piece.begin;
        const skip = Math.min(size, Math.max(0, next - at));
        if (skip < size) {
          into.push(piece.bytes, piece.begin + skip, piece.end);
          next = at + size;
        }
        at += size;
      }
      this.drop(run);
    }
    return next;
  }

  /** Writes up to `max` blocks as offset pairs, most recent first; returns how many. */
  blocks(into: number[], max: number): number {
    let count = 0;
    for (const run of this.recent) {
      if (count === max) break;
      into[count * 2] = run.start;
      into[count * 2 + 1] = run.end;
      count++;
    }
    // Blocks beyond the recent ones repeat older news, which helps when ACKs are lost.
    for (let index = this.runs.length - 1; index >= 0 && count < max; index--) {
      const run = this.runs[index];
      if (this.recent.includes(run)) continue;
      into[count * 2] = run.start;
      into[count * 2 + 1] = run.end;
      count++;
    }
    return count;
  }

  clear(): void {
    this.runs = [];
    this.recent = [];
    this.length = 0;
    this.pieces = 0;
  }

  private keep(run: Run, bytes: Bytes, begin: number, end: number): boolean {
    if (this.pieces >= MAX_PIECES) return false;
    const count = end - begin;
    if (pinsMuch(bytes, count)) run.pieces.push({ bytes: bytes.slice(begin, end), begin: 0, end: count });
    else run.pieces.push({ bytes, begin, end });
    this.pieces++;
    this.length += count;
    return true;
  }

  private mergeNext(index: number): void {
    const run = this.runs[index];
    const next = this.runs[index + 1];
    for (const piece of next.pieces) run.pieces.push(piece);
    run.end = next.end;
    this.runs.splice(index + 1, 1);
    this.forget(next);
  }

  private drop(run: Run): void {
    this.runs.shift();
    this.forget(run);
    this.pieces -= run.pieces.length;
    this.length -= run.end - run.start;
  }

  private touch(run: Run): void {
    this.forget(run);
    this.recent.unshift(run);
    if (this.recent.length > RECENT) this.recent.pop();
  }

  private forget(run: Run): void {
    const index = this.recent.indexOf(run);
    if (index >= 0) this.recent.splice(index, 1);
  }

  private lowerBound(offset: number): number {
    const runs = this.runs;
    // Almost always the segment continues the last run.
    if (runs.length === 0 || runs[runs.length - 1].end < offset) return runs.length;
    let low = 0;
    let high = runs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (runs[middle].end >= offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
