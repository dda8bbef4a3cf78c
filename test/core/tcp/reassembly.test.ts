// Reassembly against a map of bytes: overlaps, holes, limits, and the order of SACK blocks.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reassembly } from "../../../src/core/tcp/reassembly.ts";
import { ReceiveBuffer } from "../../../src/core/tcp/receive-buffer.ts";
import { pattern, sameBytes } from "../stack/pair.ts";

function insert(reassembly: Reassembly, from: number, to: number): boolean {
  return reassembly.insert(from, pattern(to - from, from), 0, to - from);
}

function blocks(reassembly: Reassembly, max: number): number[][] {
  const into: number[] = [];
  const count = reassembly.blocks(into, max);
  return Array.from({ length: count }, (_, block) => [into[block * 2], into[block * 2 + 1]]);
}

function drain(reassembly: Reassembly, at: number): { next: number; bytes: Uint8Array } {
  const buffer = new ReceiveBuffer();
  const next = reassembly.drain(at, buffer);
  const bytes: number[] = [];
  for (let part = buffer.take(1 << 20); part !== null; part = buffer.take(1 << 20)) bytes.push(...part);
  return { next, bytes: Uint8Array.from(bytes) };
}

describe("Reassembly", () => {
  it("merges what touches and what overlaps", () => {
    const reassembly = new Reassembly();
    insert(reassembly, 10, 20);
    insert(reassembly, 30, 40);
    insert(reassembly, 20, 30);
    expect(blocks(reassembly, 4)).toEqual([[10, 40]]);
    insert(reassembly, 5, 50);
    expect(blocks(reassembly, 4)).toEqual([[5, 50]]);
    expect([reassembly.length, reassembly.end, reassembly.empty]).toEqual([45, 50, false]);
    expect(drain(reassembly, 5)).toEqual({ next: 50, bytes: pattern(45, 5) });
    expect(reassembly.empty).toBe(true);
  });

  it("a segment over several holes fills them all", () => {
    const reassembly = new Reassembly();
    for (const from of [10, 30, 50, 70]) insert(reassembly, from, from + 5);
    insert(reassembly, 0, 60);
    expect(blocks(reassembly, 4)).toEqual([
      [0, 60],
      [70, 75],
    ]);
    expect(reassembly.length).toBe(65);
  });

  it("what is there already stays: the first copy of a byte wins", () => {
    const reassembly = new Reassembly();
    insert(reassembly, 10, 20);
    reassembly.insert(5, new Uint8Array(20).fill(9), 0, 20);
    const { bytes } = drain(reassembly, 5);
    expect([...bytes]).toEqual([9, 9, 9, 9, 9, ...pattern(10, 10), 9, 9, 9, 9, 9]);
  });

  it("the most recent block comes first, older news after it (RFC 2018 §4)", () => {
    const reassembly = new Reassembly();
    for (const from of [100, 200, 300, 400, 500, 600]) insert(reassembly, from, from + 10);
    expect(blocks(reassembly, 3)).toEqual([
      [600, 610],
      [500, 510],
      [400, 410],
    ]);
    insert(reassembly, 110, 120);
    expect(blocks(reassembly, 4)[0]).toEqual([100, 120]);
    // A duplicate is news too: its block goes first.
    insert(reassembly, 300, 310);
    expect(blocks(reassembly, 2)).toEqual([
      [300, 310],
      [100, 120],
    ]);
  });

  it("drains only what continues the stream, and skips what was there twice", () => {
    const reassembly = new Reassembly();
    insert(reassembly, 10, 20);
    insert(reassembly, 40, 50);
    expect(drain(reassembly, 5).next).toBe(5);
    expect(drain(reassembly, 15)).toEqual({ next: 20, bytes: pattern(5, 15) });
    expect(blocks(reassembly, 4)).toEqual([[40, 50]]);
    expect(drain(reassembly, 60)).toEqual({ next: 60, bytes: new Uint8Array(0) });
    expect([reassembly.empty, reassembly.length]).toEqual([true, 0]);
  });

  it("bounds its holes: a peer of every second byte is cut short, and filling goes on", () => {
    const reassembly = new Reassembly();
    let kept = 0;
    for (let from = 2; from < 4000; from += 2) if (insert(reassembly, from, from + 1)) kept++;
    expect(kept).toBe(256);
    expect(insert(reassembly, 100_000, 100_001)).toBe(false);
    // One that fills a hole makes room.
    expect(insert(reassembly, 3, 4)).toBe(true);
    expect(insert(reassembly, 100_000, 100_001)).toBe(true);
    expect(insert(reassembly, 100_002, 100_003)).toBe(false);
    expect(drain(reassembly, 2).next).toBe(5);
    expect(insert(reassembly, 100_002, 100_003)).toBe(true);
  });

  it("bounds its pieces", () => {
    const reassembly = new Reassembly();
    let kept = 0;
    for (let from = 1; from < 6000; from++) if (insert(reassembly, from, from + 1)) kept++;
    expect(kept).toBe(4096);
    expect(reassembly.length).toBe(4096);
    expect(drain(reassembly, 1).next).toBe(4097);
    expect(insert(reassembly, 5000, 5001)).toBe(true);
  });

  it("does not pin a large message for a small payload", () => {
    const reassembly = new Reassembly();
    const message = pattern(100_000);
    reassembly.insert(40, message, 40, 50);
    message.fill(0);
    expect(drain(reassembly, 40).bytes).toEqual(pattern(10, 40));
  });

  it("agrees with a map of bytes, whatever arrives", () => {
    const segment = fc.record({
      from: fc.nat(400),
      length: fc.integer({ min: 1, max: 120 }),
      around: fc.nat(400),
    });
    const operation = fc.oneof(
      { weight: 5, arbitrary: segment },
      { weight: 1, arbitrary: fc.record({ drainAt: fc.nat(450) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const reassembly = new Reassembly();
        const held = new Set<number>();
        let next = 0;
        for (const step of operations) {
          if ("drainAt" in step) {
            // RCV.NXT only moves on, and nothing before it is put in.
            next = Math.max(next, step.drainAt);
            const before = next;
            const drained = drain(reassembly, next);
            while (held.has(next)) next++;
            expect(drained.next).toBe(next);
            expect(sameBytes(drained.bytes, pattern(next - before, before))).toBe(true);
            for (const at of held) if (at < next) held.delete(at);
          } else {
            const from = Math.max(step.from, next + 1);
            const to = from + step.length;
            const message = new Uint8Array(step.length + step.around);
            message.set(pattern(step.length, from), step.around);
            expect(reassembly.insert(from, message, step.around, step.around + step.length)).toBe(true);
            for (let at = from; at < to; at++) held.add(at);
            // The block of the latest segment goes first.
            const [first] = blocks(reassembly, 1);
            expect(first[0] <= from && first[1] >= to).toBe(true);
          }
          expect(reassembly.length).toBe(held.size);
          expect(reassembly.empty).toBe(held.size === 0);
          if (held.size > 0) expect(reassembly.end).toBe(Math.max(...held) + 1);
          const all = blocks(reassembly, 256).sort((x, y) => x[0] - y[0]);
          expect(all).toEqual(runsOf(held));
        }
      }),
      { numRuns: 150 },
    );
  });
});

function runsOf(held: Set<number>): number[][] {
  const runs: number[][] = [];
  for (const at of [...held].sort((x, y) => x - y)) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last[1] === at) last[1]++;
    else runs.push([at, at + 1]);
  }
  return runs;
}
