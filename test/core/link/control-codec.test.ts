import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { type ControlMessage, readReceived, writeReceived } from "../../../src/core/link/control-codec.ts";
import { decodeControl, encodeControl, readFrames } from "../../../src/core/link/index.ts";
import { checkMap } from "../../../src/core/link/msgpack-check.ts";

const plain = new Packr({ useRecords: false });

function decode(bytes: Uint8Array | number[]): ControlMessage | string {
  const array = new Uint8Array(bytes);
  return decodeControl(array, 0, array.length);
}

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.string(),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4 },
    ),
  ),
})).value as fc.Arbitrary<ControlMessage[string]>;
const message = fc.dictionary(
  fc.string().filter((key) => key !== "__proto__"),
  value,
  { maxKeys: 6 },
);

describe("Control codec", () => {
  it("gives back what was encoded", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), message, (type, given) => {
        const frame = encodeControl(type, given);
        let seen: unknown;
        const error = readFrames(frame, {
          packet: () => {
            throw new Error("not a packet");
          },
          control: (foundType, bytes, start, end) => {
            expect(foundType).toBe(type);
            seen = decodeControl(bytes, start, end);
            return null;
          },
        });
        expect(error).toBeNull();
        // JSON's view of -0 and of dictionaries without prototype is close enough; bytes are compared as arrays.
        expect(normal(seen)).toEqual(normal(given));
      }),
      { numRuns: 500 },
    );
  });

  it("leaves undefined keys out and copies binary values", () => {
    const frame = encodeControl(40, { a: undefined, b: 1, c: { d: undefined } });
    expect(decode(frame.subarray(4))).toEqual({ b: 1, c: {} });
    const bytes = encodeControl(40, { secret: new Uint8Array([1, 2, 3]) });
    const decoded = decodeControl(bytes, 4, bytes.length) as ControlMessage;
    bytes.fill(0);
    expect(decoded["secret"]).toEqual(new Uint8Array([1, 2, 3]));
  });

  it("gives 64-bit integers as numbers", () => {
    expect(decode([0x81, 0xa1, 0x78, 0xcf, 0, 0, 1, 0, 0, 0, 0, 0])).toEqual({ x: 2 ** 40 });
  });

  it.each([
    ["something that is no map", plain.pack([1, 2])],
    ["a number", plain.pack(5)],
    ["nothing", []],
    ["an extension type (a date)", plain.pack({ at: new Date(0) })],
    ["an extension type (fixext)", [0x81, 0xa1, 0x78, 0xd4, 0x72, 0x40]],
    ["the type that is never used", [0x81, 0xa1, 0x78, 0xc1]],
    ["a key that is no string", [0x81, 0x05, 0x05]],
    ["a map that ends too early", [0x82, 0xa1, 0x78, 0x05]],
    ["a string that ends too early", [0x81, 0xa1, 0x78, 0xd9, 200, 0x61]],
    ["an array that promises 4 thousand million items", [0x81, 0xa1, 0x78, 0xdd, 255, 255, 255, 255]],
    ["something behind the map", [0x80, 0x80]],
    [
      "nine maps within each other",
      [...new Array<number[]>(8).fill([0x81, 0xa1, 0x78]).flat(), 0x81, 0xa1, 0x78, 0x80],
    ],
  ])("refuses %s", (_what, bytes) => {
    expect(decode(new Uint8Array(bytes))).toMatch(/^Control map is malformed: /);
  });

  it("takes eight maps within each other", () => {
    const bytes = [...new Array<number[]>(7).fill([0x81, 0xa1, 0x78]).flat(), 0x80];
    expect(typeof decode(bytes)).toBe("object");
  });

  it("refuses to encode what the other side would not take", () => {
    const nested = (depth: number): ControlMessage => (depth === 1 ? {} : { x: nested(depth - 1) });
    expect(() => encodeControl(40, nested(9))).toThrow(RangeError);
    expect(() => encodeControl(40, { x: new Date() as unknown as null })).toThrow(TypeError);
    expect(() => encodeControl(40, { x: 5n as unknown as null })).toThrow(TypeError);
    expect(() => encodeControl(40, { x: "y".repeat(70_000) })).toThrow(RangeError);
    encodeControl(40, nested(8));
  });

  it("never throws, and what it accepts is a plain map of plain values", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const decoded = decode(bytes);
        if (typeof decoded === "string") return;
        expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
        // Whatever was accepted can be sent on.
        encodeControl(40, decoded);
      }),
      { numRuns: 20_000 },
    );
    // Maps that are nearly right: one byte of an encoded message changed.
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(255), (given, at, byte) => {
        const frame = encodeControl(40, given);
        frame[4 + (at % (frame.length - 4))] = byte;
        const decoded = decodeControl(frame, 4, frame.length);
        if (typeof decoded === "object") encodeControl(40, decoded);
      }),
      { numRuns: 5_000 },
    );
  });

  it("accepts with its own eyes exactly what it sends", () => {
    fc.assert(
      fc.property(message, (given) => {
        const frame = encodeControl(40, given);
        expect(checkMap(frame, 4, frame.length, 8)).toBeNull();
      }),
    );
  });

  it("writes `received` so that every MessagePack reader understands it", () => {
    for (const count of [
      0,
      1,
      255,
      65_536,
      2 ** 32 - 1,
      2 ** 32,
      123_456_789_012_345,
      Number.MAX_SAFE_INTEGER,
    ]) {
      const out = new Uint8Array(24);
      writeReceived(out, 4, count);
      const frame = out.slice(4);
      expect(frame[1]).toBe(3);
      expect(decodeControl(frame, 4, 20)).toEqual({ bytes: count });
      expect(readReceived(frame, 4, 20)).toBe(count);
    }
    const other = encodeControl(3, { bytes: 77 });
    expect(readReceived(other, 4, other.length)).toBe(-1);
  });
});

/** Plain values for toEqual: byte arrays as arrays, -0 as 0. */
function normal(given: unknown): unknown {
  if (given instanceof Uint8Array) return ["bytes", ...given];
  if (Array.isArray(given)) return given.map(normal);
  if (typeof given === "object" && given !== null) {
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, normal(item)]));
  }
  return given === 0 ? 0 : given;
}
