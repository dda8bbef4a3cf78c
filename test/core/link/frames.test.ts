import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeControl,
  FrameReader,
  type FrameSink,
  frameLength,
  MAX_FRAME,
  readFrames,
} from "../../../src/core/link/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";

function ipv4(length: number, fill = 7): number[] {
  return [0x45, 0, length >>> 8, length & 255, ...new Array<number>(length - 4).fill(fill)];
}

function ipv6(payload: number, fill = 9): number[] {
  return [0x60, 0, 0, 0, payload >>> 8, payload & 255, ...new Array<number>(34 + payload).fill(fill)];
}

/** Notes frames as text: kind and bytes. */
class Collector implements FrameSink {
  readonly frames: string[] = [];
  readonly buffers: ArrayBuffer[] = [];
  refuse: string | null = null;

  packet(bytes: Bytes, start: number, end: number): void {
    this.frames.push(`packet ${bytes.subarray(start, end).join(",")}`);
    this.buffers.push(bytes.buffer);
  }

  control(type: number, bytes: Bytes, start: number, end: number): string | null {
    this.frames.push(`control ${type} ${bytes.subarray(start, end).join(",")}`);
    return this.refuse;
  }
}

function collect(bytes: number[] | Bytes): [string | null, string[]] {
  const collector = new Collector();
  const error = readFrames(new Uint8Array(bytes), collector);
  return [error, collector.frames];
}

const frame = fc.oneof(
  fc.integer({ min: 20, max: 300 }).map((length) => ipv4(length)),
  fc.integer({ min: 0, max: 300 }).map((payload) => ipv6(payload)),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.string({ maxLength: 100 }))
    .map(([type, text]) => [...encodeControl(type, { text })]),
);

describe("readFrames", () => {
  it("tells packets and control frames apart by their first nibble and their own lengths", () => {
    const control = encodeControl(32, { a: 1 });
    const [error, frames] = collect([...ipv4(20), ...control, ...ipv6(0)]);
    expect(error).toBeNull();
    expect(frames).toEqual([
      `packet ${ipv4(20).join(",")}`,
      `control 32 ${control.subarray(4).join(",")}`,
      `packet ${ipv6(0).join(",")}`,
    ]);
  });

  it.each([
    [[0x10, 1, 2, 3], "Frame that begins with 0x10, which is neither IPv4, IPv6 nor control"],
    [[0xff], "Frame that begins with 0xff, which is neither IPv4, IPv6 nor control"],
    [[0x01, 1, 0, 0], "Control frame that begins with 0x01 instead of 0x00"],
    [[0x45, 0, 0, 19], "IPv4 packet whose total length is below 20 bytes"],
    [[0x45, 0], "Message that ends inside a frame"],
    [ipv4(30).slice(0, 29), "Message that ends inside a frame"],
    [[0, 1, 0], "Message that ends inside a frame"],
    [[0, 1, 0, 5, 0x80], "Message that ends inside a frame"],
  ])("refuses %j with a reason", (bytes, reason) => {
    expect(collect(bytes)[0]).toBe(reason);
  });

  it("delivers what stands before a bad frame, and nothing after it", () => {
    const [error, frames] = collect([...ipv4(20), 0x90, ...ipv4(20)]);
    expect(error).not.toBeNull();
    expect(frames).toHaveLength(1);
  });

  it("stops where the sink refuses a control frame", () => {
    const collector = new Collector();
    collector.refuse = "no";
    expect(readFrames(new Uint8Array([...encodeControl(1, {}), ...ipv4(20)]), collector)).toBe("no");
    expect(collector.frames).toHaveLength(1);
  });

  it("takes an empty message as no frames", () => {
    expect(collect([])).toEqual([null, []]);
  });
});

describe("FrameReader", () => {
  it("finds the same frames however the stream is cut, holding at most one incomplete frame", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 400 })),
        (frames, cuts) => {
          const stream = new Uint8Array(frames.flat());
          const collector = new Collector();
          const reader = new FrameReader(collector);
          let at = 0;
          for (const cut of [...cuts, stream.length]) {
            const end = Math.min(stream.length, at + cut);
            expect(reader.push(stream.slice(at, end))).toBeNull();
            expect(reader.held).toBeLessThan(MAX_FRAME);
            at = end;
          }
          expect(collector.frames).toEqual(collect(stream)[1]);
          expect(reader.held).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("hands over frames that are whole in a chunk as views of it", () => {
    const collector = new Collector();
    const reader = new FrameReader(collector);
    const chunk = new Uint8Array([...ipv4(20), ...ipv6(5), ...ipv4(40).slice(0, 30)]);
    reader.push(chunk);
    expect(collector.buffers).toEqual([chunk.buffer, chunk.buffer]);
    reader.push(new Uint8Array(ipv4(40).slice(30)));
    expect(collector.buffers[2].byteLength).toBe(40);
  });

  it("takes one byte at a time", () => {
    const collector = new Collector();
    const reader = new FrameReader(collector);
    for (const byte of [...ipv6(3), ...encodeControl(40, { x: "y" })]) reader.push(new Uint8Array([byte]));
    expect(collector.frames).toHaveLength(2);
  });

  it("stays broken after an error", () => {
    const collector = new Collector();
    const reader = new FrameReader(collector);
    const error = reader.push(new Uint8Array([0x77]));
    expect(error).toContain("0x77");
    expect(reader.push(new Uint8Array(ipv4(20)))).toBe(error);
    expect(collector.frames).toHaveLength(0);
  });

  it("never throws and never holds more than a frame, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        const reader = new FrameReader(new Collector());
        for (const chunk of chunks) {
          reader.push(new Uint8Array(chunk));
          expect(reader.held).toBeLessThanOrEqual(MAX_FRAME);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("knows the longest frame", () => {
    const longest = new Uint8Array([0x60, 0, 0, 0, 255, 255]);
    expect(frameLength(longest, 0, 6)).toBe(MAX_FRAME);
  });
});
