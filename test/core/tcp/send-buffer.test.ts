// The send buffer against a plain array of bytes.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SendBuffer } from "../../../src/core/tcp/send-buffer.ts";
import { SLAB_SIZE, SlabPool } from "../../../src/core/tcp/slab-pool.ts";
import { addToSum, finishSum } from "../../../src/core/wire/checksum.ts";
import { pattern, sameBytes } from "../stack/pair.ts";

function contents(buffer: SendBuffer, from = buffer.start, length = buffer.end - from): Uint8Array {
  const out = new Uint8Array(length + 3);
  buffer.copyTo(out, 3, from, length);
  return out.subarray(3);
}

describe("SendBuffer", () => {
  it("write() copies: the caller may use its array again", () => {
    const buffer = new SendBuffer(new SlabPool());
    const data = pattern(100);
    buffer.write(data, 10, 60);
    data.fill(0);
    expect(sameBytes(contents(buffer), pattern(50, 10))).toBe(true);
  });

  it("append() keeps a large array itself, and copies a small one", () => {
    const buffer = new SendBuffer(new SlabPool());
    const large = pattern(10_000);
    const small = pattern(100);
    buffer.append(large);
    buffer.append(small);
    large[0] = 99;
    small[0] = 99;
    expect(contents(buffer)[0]).toBe(99);
    expect(contents(buffer)[10_000]).toBe(pattern(1)[0]);
  });

  it("sums what it copies, over pieces of odd length too", () => {
    const buffer = new SendBuffer(new SlabPool());
    for (const length of [4_097, 4_099, 5_001]) buffer.append(pattern(length, buffer.end));
    buffer.write(pattern(999), 0, 999);
    for (const [offset, length] of [
      [0, 14_196],
      [1, 4_097],
      [4_000, 97],
      [4_001, 4_400],
      [13_100, 1_001],
    ]) {
      const out = new Uint8Array(length);
      const sum = buffer.copyTo(out, 0, offset, length, true);
      expect(sameBytes(out, contents(buffer, offset, length))).toBe(true);
      expect(finishSum(sum)).toBe(finishSum(addToSum(0, out, 0, length)));
    }
  });

  it("gives slabs back when their bytes are acknowledged, and when it is cleared", () => {
    const pool = new SlabPool();
    const buffer = new SendBuffer(pool);
    buffer.write(pattern(SLAB_SIZE * 4), 0, SLAB_SIZE * 4);
    buffer.acknowledge(SLAB_SIZE * 3);
    buffer.clear();
    expect([buffer.length, buffer.start]).toEqual([0, SLAB_SIZE * 4]);
    const before = new Set([pool.take(), pool.take(), pool.take()]);
    expect(before.size).toBe(3);
    // Used again, they hold what is new.
    for (const slab of before) pool.give(slab);
    buffer.write(pattern(1000, 7), 0, 1000);
    expect(sameBytes(contents(buffer), pattern(1000, 7))).toBe(true);
  });

  it("acknowledge() beyond the end, or backwards, is bounded", () => {
    const buffer = new SendBuffer(new SlabPool());
    buffer.write(pattern(10), 0, 10);
    buffer.acknowledge(6);
    buffer.acknowledge(2);
    expect(buffer.start).toBe(6);
    buffer.acknowledge(11);
    expect([buffer.start, buffer.end, buffer.length]).toEqual([10, 10, 0]);
    buffer.write(pattern(5, 10), 0, 5);
    expect(sameBytes(contents(buffer), pattern(5, 10))).toBe(true);
  });

  it("agrees with a plain array, whatever is done to it", () => {
    const size = fc.oneof(
      fc.nat(50),
      fc.nat(5000),
      fc.constantFrom(2047, 2048, 2049, 65_535, 65_536, 65_537, 150_000),
    );
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), size, skip: fc.nat(3) }),
      fc.record({ kind: fc.constant("append" as const), size }),
      fc.record({
        kind: fc.constant("acknowledge" as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({
        kind: fc.constant("copy" as const),
        from: fc.double({ min: 0, max: 1, noNaN: true }),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const buffer = new SendBuffer(new SlabPool());
        for (const step of operations) {
          if (step.kind === "write") {
            const padded = new Uint8Array(step.size + step.skip + 1).fill(255);
            padded.set(pattern(step.size, buffer.end), step.skip);
            buffer.write(padded, step.skip, step.skip + step.size);
          } else if (step.kind === "append") {
            buffer.append(pattern(step.size, buffer.end));
          } else if (step.kind === "acknowledge") {
            buffer.acknowledge(buffer.start + Math.floor(step.share * buffer.length));
          } else if (buffer.length > 0) {
            const from = buffer.start + Math.floor(step.from * (buffer.length - 1));
            const length = Math.ceil(step.share * (buffer.end - from));
            if (length > 0)
              expect(sameBytes(contents(buffer, from, length), pattern(length, from))).toBe(true);
          }
          expect(buffer.length).toBe(buffer.end - buffer.start);
        }
        if (buffer.length > 0)
          expect(sameBytes(contents(buffer), pattern(buffer.length, buffer.start))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
