// The Internet checksum (RFC 1071), the same for IPv4 headers, TCP, ICMP and ICMPv6. The sum is taken in the
// host's byte order over aligned 32-bit words and turned round at the end (RFC 1071 §2B: the one's-complement
// sum does not depend on byte order). A start at an odd address shifts every byte into the other half of its
// word, which is the same as turning the bytes of the sum round once more.

import { LONGEST_SIMD_SUM, type WordSum, wordSumBySimd } from "./checksum-simd.ts";
import { copyBytes } from "./copy.ts";

const LITTLE_ENDIAN: boolean =
  /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint16Array([1]).buffer)[0] === 1;

/** Below this many bytes, finding the word view costs more than it saves. */
const SHORT = 64;

/** From this many bytes on the copy into WebAssembly's memory is worth it. */
const WORTH_SIMD = 256;

/** Words whose halves can be summed without leaving 31 and 32 bits. */
const BLOCK = 32_768;

// Creating a view costs some 90 ns and even asking an array for its buffer some 20 ns, so the last two arrays
// and their words are kept: one for the message being read, one for the message being written. They keep at
// most two buffers alive.
let recentBytes: Uint8Array | null = null;
let recentWords: Int32Array = /* @__PURE__ */ new Int32Array(0);
let olderBytes: Uint8Array | null = null;
let olderWords: Int32Array = recentWords;

/**
 * Adds `bytes[start..end)` to the partial one's-complement sum `sum` (0 to begin with) and returns the new
 * one. Any alignment. The range is read as big-endian 16-bit words and an odd last byte is padded with a zero
 * byte, so every range but the last of a sum has to be of even length. Numbers below 2^32 may be added to a
 * sum directly.
 */
export function addToSum(sum: number, bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < SHORT) return sum + sumShort(bytes, start, end);
  if (simd === null || length < WORTH_SIMD || length > LONGEST_SIMD_SUM) {
    return sum + sumLong(bytes, start, end);
  }
  return sum + swap(fold(simd(bytes.subarray(start, end))));
}

/** Copies `from[start..end)` to `to[at..]` and adds it to `sum`, as addToSum(): one view serves for both. */
export function copyIntoSum(
  sum: number,
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
): number {
  const length = end - start;
  if (simd === null || length < WORTH_SIMD || length > LONGEST_SIMD_SUM) {
    copyBytes(from, start, end, to, at);
    return addToSum(sum, to, at, at + length);
  }
  const view = from.subarray(start, end);
  to.set(view, at);
  return sum + swap(fold(simd(view)));
}

/** The sum of the same bytes when they begin at an odd place of what is summed (RFC 1071 §2B). */
export function sumAtOddPlace(sum: number): number {
  return swap(fold(sum));
}

/**
 * Lets addToSum() use WebAssembly SIMD from now on, which takes a third of the time for segments of 1,448 bytes. The
 * root entries for Node, Bun and Deno call it. A page may call it too, but where its Content-Security-Policy lacks
 * `wasm-unsafe-eval` the browser reports a violation, and nothing changes.
 *
 * @returns whether the runtime has it
 */
export function accelerateChecksums(): boolean {
  simd ??= wordSumBySimd();
  return simd !== null;
}

let simd: WordSum | null = null;

/**
 * Folds a partial sum to 16 bits and complements it: the value of a checksum field; 0 over data that
 * verifies.
 */
export function finishSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff_ffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return ~fold(folded) & 0xffff;
}

/** Folds an unsigned 32-bit number to 16 bits; only zero becomes zero. */
function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

function sumShort(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  let at = start;
  for (; at + 1 < end; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
  if (at < end) sum += bytes[at] << 8;
  return sum;
}

function sumLong(bytes: Uint8Array, start: number, end: number): number {
  const offset = bytes.byteOffset;
  const first = offset + start;
  const last = offset + end;
  const alignedFirst = (first + 3) & ~3;
  const alignedLast = last & ~3;
  let sum = sumEdge(bytes, offset, first, alignedFirst) + sumEdge(bytes, offset, alignedLast, last);
  const words = wordsOf(bytes, alignedLast >>> 2);
  let word = alignedFirst >>> 2;
  const lastWord = alignedLast >>> 2;
  while (word < lastWord) {
    const stop = lastWord - word > BLOCK ? word + BLOCK : lastWord;
    sum += sumWords(words, word, stop);
    word = stop;
  }
  const folded = fold(sum);
  const turned = LITTLE_ENDIAN !== ((first & 1) === 1);
  return turned ? swap(folded) : folded;
}

/** Turns the two bytes of a 16-bit number round. */
function swap(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/**
 * Sums the at most three bytes outside the aligned words, each in the half of the host's word it belongs to.
 */
function sumEdge(bytes: Uint8Array, offset: number, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) {
    const upper = LITTLE_ENDIAN === ((at & 1) === 1);
    sum += upper ? bytes[at - offset] << 8 : bytes[at - offset];
  }
  return sum;
}

/**
 * Sums at most BLOCK words, folded to 17 bits. The upper halves are summed by themselves; the words are
 * summed modulo 2^32, which is enough to tell the sum of the lower halves, as that is below 2^32. This saves
 * a mask for each word. Two chains of each keep the additions from waiting for one another.
 */
function sumWords(words: Int32Array, from: number, to: number): number {
  let whole = 0;
  let otherWhole = 0;
  let upper = 0;
  let otherUpper = 0;
  let at = from;
  for (; at + 3 < to; at += 4) {
    const a = words[at];
    const b = words[at + 1];
    const c = words[at + 2];
    const d = words[at + 3];
    whole = (((whole + a) | 0) + b) | 0;
    otherWhole = (((otherWhole + c) | 0) + d) | 0;
    upper = (((upper + (a >>> 16)) | 0) + (b >>> 16)) | 0;
    otherUpper = (((otherUpper + (c >>> 16)) | 0) + (d >>> 16)) | 0;
  }
  for (; at < to; at++) {
    whole = (whole + words[at]) | 0;
    upper = (upper + (words[at] >>> 16)) | 0;
  }
  upper = (upper + otherUpper) | 0;
  const lower = (whole + otherWhole - (upper << 16)) | 0;
  return fold(lower) + fold(upper);
}

/**
 * The aligned words of the buffer that `bytes` looks at, at least `count` of them: a resizable buffer may
 * have outgrown the view that was kept.
 */
function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  if (recentBytes === bytes && recentWords.length >= count) return recentWords;
  const known = olderBytes === bytes && olderWords.length >= count;
  const words = known ? olderWords : new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >>> 2);
  olderBytes = recentBytes;
  olderWords = recentWords;
  recentBytes = bytes;
  recentWords = words;
  return words;
}
