import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  accelerateChecksums,
  addToSum,
  copyIntoSum,
  finishSum,
  sumAtOddPlace,
} from "../../../src/core/wire/checksum.ts";
import { fromHex } from "./hex.ts";
import { naiveChecksum } from "./naive-checksum.ts";

function checksum(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return finishSum(addToSum(0, bytes, start, end));
}

/** Bytes that differ at every position and use the upper halves of words. */
function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = Math.imul(at + seed, 2_654_435_761) >>> 21;
  return bytes;
}

// In this order: what is accelerated stays so.
describe.each(["in plain JavaScript", "by WebAssembly SIMD"])("checksum %s", (means) => {
  beforeAll(() => {
    if (means === "by WebAssembly SIMD") expect(accelerateChecksums()).toBe(true);
  });

  it("of RFC 1071's example is the complement of ddf2", () => {
    expect(checksum(fromHex("0001 f203 f4f5 f6f7"))).toBe(0xffff - 0xddf2);
  });

  it("of an IPv4 header with a known checksum of b861", () => {
    const header = fromHex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7");
    expect(checksum(header)).toBe(0xb861);
    header.set([0xb8, 0x61], 10);
    expect(checksum(header)).toBe(0);
  });

  it("equals the naive reference at every alignment for every length to 300", () => {
    const bytes = pattern(320);
    for (let start = 0; start < 8; start++) {
      for (let length = 0; length <= 300; length++) {
        expect(checksum(bytes, start, start + length)).toBe(
          naiveChecksum(bytes.subarray(start, start + length)),
        );
      }
    }
  });

  it("equals the naive reference when the array itself begins at any place of its buffer", () => {
    const whole = pattern(2000);
    for (let offset = 0; offset < 9; offset++) {
      for (const length of [0, 1, 63, 64, 65, 127, 128, 255, 256, 257, 271, 287, 1448, 1451]) {
        const view = new Uint8Array(whole.buffer, offset, length);
        expect(checksum(view)).toBe(naiveChecksum(view));
      }
    }
  });

  it("reads the last bytes of buffers whose length is no multiple of four", () => {
    for (let length = 100; length < 108; length++) {
      const bytes = pattern(length, 77);
      for (let start = 0; start < 4; start++) {
        expect(checksum(bytes, start)).toBe(naiveChecksum(bytes.subarray(start)));
      }
    }
  });

  it.each([0x00, 0x01, 0x7f, 0x80, 0xff])(
    "neither overflows nor loses carries over 300 KiB of %d",
    (value) => {
      const bytes = new Uint8Array(300 * 1024 + 3).fill(value);
      for (const start of [0, 1, 2, 3]) {
        for (const length of [65_535, 65_536, 131_072, 131_076, 300 * 1024]) {
          const range = bytes.subarray(start, start + length);
          expect(checksum(bytes, start, start + length)).toBe(naiveChecksum(range));
        }
      }
    },
  );

  it("adds ranges of even length to the checksum of the whole", () => {
    const bytes = pattern(3000);
    const even = fc.integer({ min: 0, max: 700 }).map((half) => 2 * half);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), even, even, (start, first, second) => {
        const sum = addToSum(
          addToSum(0, bytes, start, start + first),
          bytes,
          start + first,
          start + first + second,
        );
        expect(finishSum(sum)).toBe(naiveChecksum(bytes.subarray(start, start + first + second)));
      }),
    );
  });

  it("is taken of what is copied, in parts that end anywhere", () => {
    const bytes = pattern(2_000);
    for (const cut of [0, 1, 31, 32, 33, 64, 255, 256, 257, 700, 1_001]) {
      const out = new Uint8Array(1_600);
      const first = copyIntoSum(0, bytes, 7, 7 + cut, out, 5);
      const rest = copyIntoSum(0, bytes, 7 + cut, 1_507, out, 5 + cut);
      expect(out.subarray(5, 1_505)).toEqual(bytes.subarray(7, 1_507));
      expect(out[4] + out[1_505]).toBe(0);
      expect(finishSum(first + ((cut & 1) === 0 ? rest : sumAtOddPlace(rest)))).toBe(
        naiveChecksum(bytes.subarray(7, 1_507)),
      );
    }
  });

  it("of data with its own checksum inside is 0", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 400 }), fc.nat(), (data, place) => {
        const bytes = Uint8Array.from(data);
        const at = 2 * (place % (bytes.length >>> 1));
        bytes[at] = 0;
        bytes[at + 1] = 0;
        const value = checksum(bytes);
        bytes[at] = value >>> 8;
        bytes[at + 1] = value;
        expect(checksum(bytes)).toBe(0);
      }),
    );
  });

  it("follows a buffer that is written again, and one that is resized", () => {
    const bytes = pattern(500);
    const before = checksum(bytes);
    bytes[251] ^= 0x55;
    expect(checksum(bytes)).not.toBe(before);
    expect(checksum(bytes)).toBe(naiveChecksum(bytes));

    const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer & Resize;
    interface Resize {
      resize(length: number): void;
    }
    const buffer = new Resizable(100, { maxByteLength: 1000 });
    const tracking = new Uint8Array(buffer);
    tracking.set(pattern(100));
    expect(checksum(tracking)).toBe(naiveChecksum(tracking));
    buffer.resize(900);
    tracking.set(pattern(900, 5));
    expect(tracking.length).toBe(900);
    expect(checksum(tracking)).toBe(naiveChecksum(tracking));
    buffer.resize(80);
    expect(checksum(tracking)).toBe(naiveChecksum(tracking));
  });

  it("takes turns among several buffers without mixing them up", () => {
    const arrays = [
      pattern(200, 1),
      pattern(300, 2),
      pattern(400, 3),
      new Uint8Array(pattern(400, 4).buffer, 3, 200),
    ];
    for (let turn = 0; turn < 40; turn++) {
      const bytes = arrays[(turn * 7 + (turn >>> 2)) % arrays.length];
      expect(checksum(bytes)).toBe(naiveChecksum(bytes));
    }
  });

  it("finishes sums far above 32 bits", () => {
    expect(finishSum(0)).toBe(0xffff);
    expect(finishSum(0xffff)).toBe(0);
    expect(finishSum(0x1_0000)).toBe(0xfffe);
    expect(finishSum(0xffff_ffff)).toBe(0);
    expect(finishSum(2 ** 48)).toBe(0xfffe);
    expect(finishSum(0xffff * 2 ** 30 + 7)).toBe(0xffff - 7);
  });
});
