// The receive buffer: order, views and copies, and that it never pins much for little.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pinsMuch, ReceiveBuffer } from "../../../src/core/tcp/receive-buffer.ts";
import { pattern, sameBytes } from "../stack/pair.ts";

function takeAll(buffer: ReceiveBuffer, max: number): Uint8Array {
  const parts: number[] = [];
  for (let part = buffer.take(max); part !== null; part = buffer.take(max)) {
    expect(part.length).toBeGreaterThan(0);
    expect(part.length).toBeLessThanOrEqual(max);
    parts.push(...part);
  }
  return Uint8Array.from(parts);
}

describe("ReceiveBuffer", () => {
  it("keeps a payload that fills its message as a view of it", () => {
    const buffer = new ReceiveBuffer();
    const message = pattern(1000);
    buffer.push(message, 40, 1000);
    expect(buffer.take(5000)?.buffer).toBe(message.buffer);
  });

  it("copies a small payload of a large message out of it", () => {
    const buffer = new ReceiveBuffer();
    const message = pattern(100_000);
    buffer.push(message, 40, 1000);
    message.fill(0);
    const view = buffer.take(5000);
    expect(sameBytes(view as Uint8Array, pattern(960, 40))).toBe(true);
    expect(view?.buffer).not.toBe(message.buffer);
  });

  it("keeps a small payload as a view of a small message, unless something waits already", () => {
    const buffer = new ReceiveBuffer();
    const [first, second] = [pattern(200, 1), pattern(200, 2)];
    buffer.push(first, 100, 120);
    buffer.push(second, 100, 120);
    expect(buffer.take(5000)?.buffer).toBe(first.buffer);
    const copied = buffer.take(5000) as Uint8Array;
    expect(copied.buffer).not.toBe(second.buffer);
    expect(sameBytes(copied, pattern(20, 102))).toBe(true);
    buffer.push(pattern(300), 100, 120);
    expect(buffer.take(5000)?.buffer.byteLength).toBe(20);
    buffer.push(pattern(300), 100, 165);
    expect(buffer.take(5000)?.buffer.byteLength).toBe(256);
  });

  it("small payloads come out in one piece", () => {
    const buffer = new ReceiveBuffer();
    for (let at = 0; at < 250; at += 25) buffer.push(pattern(5000, at), 0, 25);
    expect(buffer.take(5000)?.length).toBe(250);
    expect(buffer.take(1)).toBeNull();
  });

  it("a reader that lags gets larger pieces, and what it has read keeps no memory", () => {
    const buffer = new ReceiveBuffer();
    for (let at = 0; at < 200_000; at += 1_000) buffer.push(pattern(5_000, at), 0, 1_000);
    const sizes: number[] = [];
    for (let piece = buffer.take(1 << 20); piece !== null; piece = buffer.take(1 << 20)) {
      sizes.push(piece.length);
    }
    expect(sizes.at(-2)).toBe(65_536);
    expect(sizes.length).toBeLessThan(12);
    buffer.push(pattern(5_000), 0, 10);
    expect(buffer.take(10)?.buffer.byteLength).toBeLessThanOrEqual(256);
  });

  it("what was handed over does not change by what comes after", () => {
    const buffer = new ReceiveBuffer();
    buffer.push(pattern(5000), 0, 50);
    const first = buffer.take(50) as Uint8Array;
    const copy = first.slice();
    for (let count = 0; count < 100; count++) buffer.push(new Uint8Array(5000).fill(7), 0, 100);
    expect(sameBytes(first, copy)).toBe(true);
  });

  it("clear() empties it", () => {
    const buffer = new ReceiveBuffer();
    buffer.push(pattern(100), 0, 100);
    buffer.clear();
    expect([buffer.length, buffer.take(10)]).toEqual([0, null]);
  });

  it("pinsMuch() says when a view would hold more than 17/8 of its bytes", () => {
    const bytes = new Uint8Array(100);
    expect([pinsMuch(bytes, 47), pinsMuch(bytes, 48), pinsMuch(bytes.subarray(0, 10), 10)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("gives back what was put in, in order, however it is taken", () => {
    const piece = fc.record({ length: fc.nat(3000), around: fc.nat(4000), take: fc.nat(2500) });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 5000 }), (pieces, max) => {
        const buffer = new ReceiveBuffer();
        let put = 0;
        let got = 0;
        for (const { length, around, take } of pieces) {
          const message = new Uint8Array(length + around).fill(255);
          const begin = around >> 1;
          message.set(pattern(length, put), begin);
          buffer.push(message, begin, begin + length);
          put += length;
          if (take > 0) {
            const part = buffer.take(take);
            if (part !== null) {
              expect(sameBytes(part, pattern(part.length, got))).toBe(true);
              got += part.length;
            }
          }
          expect(buffer.length).toBe(put - got);
        }
        expect(sameBytes(takeAll(buffer, max), pattern(put - got, got))).toBe(true);
        expect(buffer.length).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});
