// TCP options: end of list, no-operation, MSS (RFC 9293 §3.2), window scale and timestamps (RFC 7323),
// SACK-permitted and SACK (RFC 2018). Written in Linux's order, which middleboxes know and which keeps 32-bit
// fields aligned.

import { readUint16, readUint32, writeUint32 } from "./big-endian.ts";
import { Malformed } from "./malformed.ts";
import type { TcpSegment } from "./tcp-segment.ts";

const END = 0;
const NOP = 1;
const MSS = 2;
const WINDOW_SCALE = 3;
const SACK_PERMITTED = 4;
const SACK = 5;
const TIMESTAMPS = 8;

/** NOP NOP TIMESTAMPS 10: what almost every segment of an established connection begins its options with. */
const ALIGNED_TIMESTAMPS = 0x0101_080a;

/** RFC 7323 §2.3: a larger shift is taken as this. */
const MAX_WINDOW_SCALE = 14;

/**
 * Parses the options in `bytes[start..end)` into a segment whose option fields say absent.
 *
 * Refused is an option of length 0 or 1, or one that runs beyond the header. RFC 9293 (MUST-7) asks for being
 * prepared for it; the rest of such a header cannot be told apart, and acting on half of it (a SYN whose window
 * scale is lost) harms both ends. A known option of the wrong length is skipped by its length like an unknown
 * one (MUST-6). Of an option given twice the last counts.
 */
export function parseTcpOptions(
  segment: TcpSegment,
  bytes: Uint8Array,
  start: number,
  end: number,
): Malformed {
  let at = start;
  if (end - at >= 12 && readUint32(bytes, at) === ALIGNED_TIMESTAMPS) {
    parseTimestamps(segment, bytes, at + 4);
    at += 12;
  }
  while (at < end) {
    const kind = bytes[at];
    if (kind === END) break;
    if (kind === NOP) {
      at++;
      continue;
    }
    if (at + 1 >= end) return Malformed.badOption;
    const length = bytes[at + 1];
    if (length < 2 || length > end - at) return Malformed.badOption;
    parseOption(segment, bytes, at + 2, kind, length);
    at += length;
  }
  return Malformed.none;
}

function parseOption(segment: TcpSegment, bytes: Uint8Array, at: number, kind: number, length: number): void {
  switch (kind) {
    case MSS:
      if (length === 4) segment.mss = readUint16(bytes, at);
      break;
    case WINDOW_SCALE:
      if (length === 3) segment.windowScale = Math.min(bytes[at], MAX_WINDOW_SCALE);
      break;
    case SACK_PERMITTED:
      if (length === 2) segment.sackPermitted = true;
      break;
    case SACK:
      // The 40 bytes of options hold at most four blocks, so sackEdges is never too small.
      if (length >= 10 && (length & 7) === 2) {
        segment.sackCount = (length - 2) >>> 3;
        for (let edge = 0; edge < 2 * segment.sackCount; edge++) {
          segment.sackEdges[edge] = readUint32(bytes, at + 4 * edge);
        }
      }
      break;
    case TIMESTAMPS:
      if (length === 10) parseTimestamps(segment, bytes, at);
      break;
  }
}

function parseTimestamps(segment: TcpSegment, bytes: Uint8Array, at: number): void {
  segment.hasTimestamps = true;
  segment.tsVal = readUint32(bytes, at);
  segment.tsEcr = readUint32(bytes, at + 4);
}

/** Bytes of all options without SACK blocks. */
function fixedLength(segment: TcpSegment): number {
  return (
    (segment.mss !== 0 ? 4 : 0) +
    (segment.hasTimestamps ? 12 : segment.sackPermitted ? 4 : 0) +
    (segment.windowScale >= 0 ? 4 : 0)
  );
}

/** How many SACK blocks go beside `fixed` bytes of other options: 4, or 3 with timestamps (RFC 2018 §3). */
function sackBlocksThatFit(segment: TcpSegment, fixed: number): number {
  return Math.max(0, Math.min(segment.sackCount, (36 - fixed) >>> 3));
}

/** Bytes that writeTcpOptions() will write: a multiple of 4, at most 40. */
export function tcpOptionsLength(segment: TcpSegment): number {
  const fixed = fixedLength(segment);
  if (segment.sackCount === 0) return fixed;
  const blocks = sackBlocksThatFit(segment, fixed);
  return blocks === 0 ? fixed : fixed + 4 + 8 * blocks;
}

/** Writes the options at `out[start..]` and returns the position after them. */
export function writeTcpOptions(out: Uint8Array, start: number, segment: TcpSegment): number {
  let at = start;
  if (segment.mss !== 0) {
    writeOptionStart(out, at, MSS, 4, segment.mss >>> 8, segment.mss);
    at += 4;
  }
  if (segment.hasTimestamps) {
    if (segment.sackPermitted) writeOptionStart(out, at, SACK_PERMITTED, 2, TIMESTAMPS, 10);
    else writeUint32(out, at, ALIGNED_TIMESTAMPS);
    writeUint32(out, at + 4, segment.tsVal);
    writeUint32(out, at + 8, segment.tsEcr);
    at += 12;
  } else if (segment.sackPermitted) {
    writeOptionStart(out, at, NOP, NOP, SACK_PERMITTED, 2);
    at += 4;
  }
  if (segment.windowScale >= 0) {
    writeOptionStart(out, at, NOP, WINDOW_SCALE, 3, Math.min(segment.windowScale, MAX_WINDOW_SCALE));
    at += 4;
  }
  if (segment.sackCount !== 0) at = writeSack(out, at, segment, sackBlocksThatFit(segment, at - start));
  return at;
}

function writeSack(out: Uint8Array, start: number, segment: TcpSegment, blocks: number): number {
  if (blocks === 0) return start;
  writeOptionStart(out, start, NOP, NOP, SACK, 2 + 8 * blocks);
  let at = start + 4;
  for (let edge = 0; edge < 2 * blocks; edge++) {
    writeUint32(out, at, segment.sackEdges[edge]);
    at += 4;
  }
  return at;
}

function writeOptionStart(out: Uint8Array, at: number, a: number, b: number, c: number, d: number): void {
  out[at] = a;
  out[at + 1] = b;
  out[at + 2] = c;
  out[at + 3] = d;
}
