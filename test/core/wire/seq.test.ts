import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  seqAdd,
  seqDifference,
  seqGreater,
  seqGreaterEqual,
  seqLess,
  seqLessEqual,
} from "../../../src/core/wire/seq.ts";
import { parseTcpSegment, TcpSegment, writeTcpHeader } from "../../../src/core/wire/tcp-segment.ts";

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe("sequence numbers", () => {
  // a, b, and the order of a relative to b
  const ordered: [number, number, -1 | 0 | 1][] = [
    [0, 0, 0],
    [0, 1, -1],
    [1, 0, 1],
    [0xffff_ffff, 0, -1],
    [0, 0xffff_ffff, 1],
    [0xffff_ff00, 0x100, -1],
    [0x7fff_ffff, 0x8000_0000, -1],
    [0x8000_0000, 0x7fff_ffff, 1],
    [0, 0x7fff_ffff, -1],
    [0x7fff_ffff, 0, 1],
    [0, 0x8000_0001, 1],
    [0x8000_0001, 0, -1],
    [0x8000_0000, 0xffff_ffff, -1],
    [0xffff_ffff, 0x8000_0000, 1],
    [0xffff_ffff, 0x7fff_fffe, -1],
    [0x8000_0000, 0x8000_0000, 0],
    [0xffff_ffff, 0xffff_ffff, 0],
  ];

  it.each(ordered)("compare %d and %d across the wrap", (a, b, order) => {
    expect(seqLess(a, b)).toBe(order < 0);
    expect(seqLessEqual(a, b)).toBe(order <= 0);
    expect(seqGreater(a, b)).toBe(order > 0);
    expect(seqGreaterEqual(a, b)).toBe(order >= 0);
    expect(Math.sign(seqDifference(a, b))).toBe(order);
  });

  it("that are exactly 2^31 apart are each less and each greater than the other", () => {
    for (const [a, b] of [
      [0, 0x8000_0000],
      [0x8000_0000, 0],
      [0x1234_5678, 0x9234_5678],
      [0xffff_ffff, 0x7fff_ffff],
    ]) {
      expect(seqLess(a, b)).toBe(true);
      expect(seqGreater(a, b)).toBe(true);
      expect(seqLessEqual(a, b)).toBe(true);
      expect(seqGreaterEqual(a, b)).toBe(true);
      expect(seqDifference(a, b)).toBe(-0x8000_0000);
    }
  });

  it.each([
    [0xffff_ffff, 1, 0],
    [0, -1, 0xffff_ffff],
    [0x7fff_ffff, 1, 0x8000_0000],
    [0x8000_0000, 0x8000_0000, 0],
    [0xffff_fff0, 0x20, 0x10],
    [5, 0x1_0000_0000, 5],
    [0xffff_ffff, 2 ** 40, 0xffff_ffff],
  ])("seqAdd(%d, %d) stays an unsigned 32-bit number", (a, n, sum) => {
    expect(seqAdd(a, n)).toBe(sum);
  });

  it("give back the distance that was added, below 2^31, and do not change order when both move", () => {
    const distance = fc.integer({ min: 1, max: 0x7fff_ffff });
    fc.assert(
      fc.property(uint32, distance, uint32, (a, n, shift) => {
        const b = seqAdd(a, n);
        expect(seqDifference(b, a)).toBe(n);
        expect(seqDifference(a, b)).toBe(-n);
        expect(seqLess(a, b)).toBe(true);
        expect(seqLess(seqAdd(a, shift), seqAdd(b, shift))).toBe(true);
        expect(seqGreater(a, b)).toBe(false);
      }),
    );
  });

  it("take signed and unsigned forms of the same bits for the same number", () => {
    fc.assert(
      fc.property(uint32, uint32, (a, b) => {
        expect(seqDifference(a | 0, b)).toBe(seqDifference(a, b | 0));
        expect(seqLess(a | 0, b | 0)).toBe(seqLess(a, b));
        expect(seqAdd(a | 0, b | 0)).toBe(seqAdd(a, b));
      }),
    );
  });
});

describe("bugs of other stacks, not repeated", () => {
  it("36: a sequence number that grew past 2^32 is written modulo 2^32 and throws nothing (gondolin #138)", () => {
    const segment = new TcpSegment();
    segment.seq = 4_294_967_340;
    segment.ack = 2 ** 40 + 1;
    const out = new Uint8Array(60);
    writeTcpHeader(out, 0, segment);
    expect(parseTcpSegment(segment, out, 0, 20)).toBe(0);
    expect([segment.seq, segment.ack]).toEqual([44, 1]);
  });

  it("36: numbers in the upper half are never negative and sort across the wrap (jsip, v86)", () => {
    const begin = 0xffff_fa00;
    const sent = Array.from({ length: 6 }, (_, index) => seqAdd(begin, 512 * index));
    expect(sent.every((seq) => seq >= 0)).toBe(true);
    expect([...sent].reverse().sort(seqDifference)).toEqual(sent);
  });

  it("39: no order turns round at 0x80000000 or 0 (zz9000 #29, nuttx PR 3865, ipstack #56)", () => {
    for (const edge of [0, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff]) {
      for (const window of [1, 1460, 65_535, 2 ** 30, 0x7fff_ffff]) {
        expect(seqLess(edge, seqAdd(edge, window))).toBe(true);
        expect(seqGreater(edge, seqAdd(edge, -window))).toBe(true);
        expect(seqLessEqual(seqAdd(edge, window), edge)).toBe(false);
      }
    }
  });
});
