// The receive window alone: RFC 9293 §3.8.6, silly-window avoidance, the budget of the stack.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBudget } from "../../../src/core/tcp/memory.ts";
import { ReceiveSide } from "../../../src/core/tcp/receive-side.ts";

const MSS = 1000;

function side(limit: number, scale = 0, memory = new MemoryBudget(1e9, 1e9)): ReceiveSide {
  const made = new ReceiveSide(limit, memory);
  made.scale = scale;
  return made;
}

/** Bytes arrive in order. */
function arrive(receiving: ReceiveSide, length: number): void {
  receiving.buffer.push(new Uint8Array(length), 0, length);
  receiving.next += length;
}

describe("ReceiveSide", () => {
  it("grants the buffer, as far as the header can say it", () => {
    expect(side(50_000).advertise(MSS)).toBe(50_000);
    expect(side(1 << 20).advertise(MSS)).toBe(65_535);
    expect(side(1 << 20, 5).advertise(MSS)).toBe(1 << 15);
    expect(side(1 << 20, 4).advertise(MSS)).toBe(65_535);
  });

  it("grants nothing more for less than a segment or half the buffer (RFC 9293 §3.8.6.2.2)", () => {
    const receiving = side(10_000);
    receiving.advertise(MSS);
    arrive(receiving, 5000);
    receiving.buffer.take(999);
    expect(receiving.advertise(MSS)).toBe(5000);
    receiving.buffer.take(4000);
    expect(receiving.advertise(MSS)).toBe(9999);
    const tiny = side(100);
    tiny.advertise(MSS);
    arrive(tiny, 100);
    tiny.buffer.take(49);
    expect(tiny.advertise(MSS)).toBe(0);
    tiny.buffer.take(1);
    expect(tiny.advertise(MSS)).toBe(50);
  });

  it("is worth a word when two segments or half the buffer became free, or when the window is nearly shut", () => {
    const receiving = side(10_000);
    receiving.advertise(MSS);
    arrive(receiving, 5000);
    receiving.advertise(MSS);
    receiving.buffer.take(1500);
    expect(receiving.worthTelling(MSS)).toBe(false);
    receiving.buffer.take(500);
    expect(receiving.worthTelling(MSS)).toBe(true);
    receiving.advertise(MSS);
    expect(receiving.worthTelling(MSS)).toBe(false);
    arrive(receiving, 6500);
    receiving.advertise(MSS);
    receiving.buffer.take(1000);
    expect(receiving.worthTelling(MSS)).toBe(true);
  });

  it("falls to the reserve when the stack's memory is used up, without taking back what was granted", () => {
    const memory = new MemoryBudget(100_000, 4000);
    const receiving = side(50_000, 0, memory);
    expect(receiving.advertise(MSS)).toBe(50_000);
    memory.used = 100_000;
    arrive(receiving, 10_000);
    expect(receiving.advertise(MSS)).toBe(40_000);
    receiving.next += 40_000;
    receiving.buffer.clear();
    expect(receiving.advertise(MSS)).toBe(4000);
    memory.used = 99_999;
    expect(receiving.advertise(MSS)).toBe(50_000);
  });

  it("its edge never retreats, and covers what the header said, whatever happens", () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("arrive" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constant("read" as const), size: fc.nat(200_000) }),
      fc.record({ kind: fc.constant("advertise" as const) }),
      fc.record({ kind: fc.constant("limit" as const), limit: fc.integer({ min: 1, max: 400_000 }) }),
      fc.record({ kind: fc.constant("memory" as const), used: fc.nat(200_000) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.nat(14), (operations, scale) => {
        const memory = new MemoryBudget(100_000, 2000);
        const receiving = side(200_000, scale, memory);
        let edge = 0;
        for (const step of operations) {
          if (step.kind === "arrive") arrive(receiving, Math.floor(step.share * receiving.window));
          else if (step.kind === "read") receiving.buffer.take(step.size + 1);
          else if (step.kind === "limit") receiving.limit = step.limit;
          else if (step.kind === "memory") memory.used = step.used;
          else {
            const window = receiving.advertise(MSS);
            expect(window).toBeGreaterThanOrEqual(0);
            expect(window).toBeLessThanOrEqual(65_535);
            expect(receiving.next + window * 2 ** scale).toBeLessThanOrEqual(receiving.edge);
          }
          expect(receiving.edge).toBeGreaterThanOrEqual(edge);
          edge = receiving.edge;
        }
      }),
    );
  });
});

describe("MemoryBudget", () => {
  it("gives what is wanted while it lasts, then the reserve, and never more than is wanted", () => {
    const memory = new MemoryBudget(1000, 100);
    expect([memory.allowance(500), memory.allowance(50)]).toEqual([500, 50]);
    memory.used = 1000;
    expect([memory.allowance(500), memory.allowance(50)]).toEqual([100, 50]);
    memory.used = 999;
    expect(memory.allowance(500)).toBe(500);
  });

  it("dates holes from when there were none, and anew before the numbers go round (RFC 7323 §5.2)", () => {
    const receiving = side(50_000);
    receiving.earlySegments(7);
    receiving.next += 2 ** 28;
    receiving.disorderGoesOn(8);
    expect(receiving.earlySegments(9).timestamp).toBe(7);
    receiving.next += 2 ** 28 + 1;
    receiving.disorderGoesOn(10);
    expect(receiving.reassembly.timestamp).toBe(10);
  });
});
