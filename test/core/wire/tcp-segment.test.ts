import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Malformed } from "../../../src/core/wire/malformed.ts";
import {
  Flag,
  parseTcpSegment,
  TcpSegment,
  tcpHeaderLength,
  writeTcpHeader,
} from "../../../src/core/wire/tcp-segment.ts";
import { segments } from "./arbitraries.ts";
import { fromHex, toHex } from "./hex.ts";

function write(segment: TcpSegment): string {
  const out = new Uint8Array(60);
  return toHex(out.subarray(0, writeTcpHeader(out, 0, segment)));
}

/**
 * Parses a header of 20 zero bytes with these options; `options` is padded with nothing, so give a multiple
 * of 4.
 */
function parseOptions(options: string): { segment: TcpSegment; refused: Malformed } {
  const tail = fromHex(options);
  const bytes = new Uint8Array(20 + tail.length);
  bytes[12] = bytes.length << 2;
  bytes.set(tail, 20);
  const segment = new TcpSegment();
  return { segment, refused: parseTcpSegment(segment, bytes, 0, bytes.length) };
}

function syn(): TcpSegment {
  const segment = new TcpSegment();
  segment.flags = Flag.syn;
  segment.mss = 1460;
  segment.sackPermitted = true;
  segment.hasTimestamps = true;
  segment.tsVal = 0x0102_0304;
  segment.windowScale = 7;
  return segment;
}

describe("TCP header", () => {
  it("is written and read field by field (RFC 9293 §3.1)", () => {
    const segment = new TcpSegment();
    segment.sourcePort = 0x1122;
    segment.destinationPort = 0x3344;
    segment.seq = 0xfedc_ba98;
    segment.ack = 0x89ab_cdef;
    segment.flags = Flag.ack | Flag.psh;
    segment.window = 0xfffe;
    segment.urgent = 0x5566;
    const text = "11223344fedcba9889abcdef5018fffe00005566";
    expect(write(segment)).toBe(text);
    const bytes = fromHex(`ffffff${text}aabbcc`);
    const parsed = new TcpSegment();
    expect(parseTcpSegment(parsed, bytes, 3, bytes.length)).toBe(Malformed.none);
    expect({ ...parsed, dataStart: 0, dataEnd: 0 }).toEqual({ ...segment });
    expect([parsed.dataStart, parsed.dataEnd]).toEqual([23, 26]);
  });

  it("has the flags of RFC 9293 in their places", () => {
    for (const [name, bit] of Object.entries(Flag)) {
      const segment = new TcpSegment();
      segment.flags = bit;
      expect([name, write(segment).slice(26, 28)]).toEqual([name, bit.toString(16).padStart(2, "0")]);
    }
  });

  it("ignores reserved bits on the way in and clears them on the way out", () => {
    const bytes = fromHex("00010002 00000003 00000004 5f100005 00000000");
    const segment = new TcpSegment();
    expect(parseTcpSegment(segment, bytes, 0, 20)).toBe(Malformed.none);
    expect(segment.flags).toBe(Flag.ack);
    expect(write(segment)).toBe("00010002000000030000000450100005" + "00000000");
  });

  it("wraps numbers that are too large for their fields, as sequence numbers do", () => {
    const segment = new TcpSegment();
    segment.seq = 2 ** 32 + 5;
    segment.ack = -1;
    segment.window = 0x1_2345;
    expect(write(segment)).toBe("0000000000000005ffffffff5000234500000000");
  });

  it("is refused when it is cut, or its data offset does not fit", () => {
    const segment = new TcpSegment();
    const bytes = fromHex("00010002 00000003 00000004 50100005 00000000 00000000");
    for (let end = 0; end < 20; end++)
      expect(parseTcpSegment(segment, bytes, 0, end)).toBe(Malformed.truncated);
    for (let words = 0; words < 16; words++) {
      bytes[12] = words << 4;
      const expected = words === 5 || words === 6 ? Malformed.none : Malformed.badDataOffset;
      expect(parseTcpSegment(segment, bytes, 0, 24)).toBe(expected);
      expect(segment.dataStart).toBeLessThanOrEqual(segment.dataEnd);
    }
  });

  it("clear() forgets everything", () => {
    const segment = syn();
    segment.sackCount = 2;
    segment.dataEnd = 9;
    segment.seq = 9;
    segment.clear();
    expect({ ...segment }).toEqual({ ...new TcpSegment() });
  });
});

describe("TCP options, written", () => {
  it("have Linux's layout on a SYN: MSS, SACK-permitted and timestamps, NOP, window scale", () => {
    expect(write(syn()).slice(40)).toBe("020405b4" + "0402080a0102030400000000" + "01030307");
  });

  it("have Linux's layout without some of them", () => {
    const noTimestamps = syn();
    noTimestamps.hasTimestamps = false;
    expect(write(noTimestamps).slice(40)).toBe("020405b4" + "01010402" + "01030307");
    const noSack = syn();
    noSack.sackPermitted = false;
    expect(write(noSack).slice(40)).toBe("020405b4" + "0101080a0102030400000000" + "01030307");
    const onlyScale = new TcpSegment();
    onlyScale.windowScale = 0;
    expect(write(onlyScale).slice(40)).toBe("01030300");
  });

  it("put SACK blocks after timestamps: at most four, three with timestamps (RFC 2018 §3)", () => {
    const segment = new TcpSegment();
    segment.sackCount = 4;
    segment.sackEdges.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const edge = (value: number): string => value.toString(16).padStart(8, "0");
    expect(write(segment).slice(40)).toBe("01010522" + [1, 2, 3, 4, 5, 6, 7, 8].map(edge).join(""));
    segment.hasTimestamps = true;
    segment.tsVal = 0xffff_ffff;
    segment.tsEcr = 0x8000_0000;
    expect(write(segment).slice(40)).toBe(
      "0101080affffffff80000000" + "0101051a" + [1, 2, 3, 4, 5, 6].map(edge).join(""),
    );
  });

  it.each([
    // MSS, SACK-permitted, timestamps, window scale; blocks that fit beside them
    [false, false, false, false, 4],
    [true, false, false, false, 4],
    [true, false, false, true, 3],
    [true, true, false, true, 3],
    [false, false, true, false, 3],
    [true, false, true, false, 2],
    [true, true, true, true, 2],
  ])(
    "leave out SACK blocks that do not fit (%s %s %s %s: %d)",
    (mss, permitted, timestamps, scale, blocks) => {
      const segment = new TcpSegment();
      segment.mss = mss ? 536 : 0;
      segment.sackPermitted = permitted;
      segment.hasTimestamps = timestamps;
      segment.windowScale = scale ? 14 : -1;
      segment.sackCount = 4;
      segment.sackEdges.set([10, 20, 30, 40, 50, 60, 70, 80]);
      const bytes = fromHex(write(segment));
      const parsed = new TcpSegment();
      expect(parseTcpSegment(parsed, bytes, 0, bytes.length)).toBe(Malformed.none);
      expect(parsed.sackCount).toBe(blocks);
      expect([...parsed.sackEdges.subarray(0, 2 * blocks)]).toEqual(
        [10, 20, 30, 40, 50, 60, 70, 80].slice(0, 2 * blocks),
      );
    },
  );

  it("clamp a window scale above 14 (RFC 7323 §2.3)", () => {
    const segment = new TcpSegment();
    segment.windowScale = 200;
    expect(write(segment).slice(40)).toBe("0103030e");
  });

  it("read back as they were, for any segment; never more than 40 bytes, always what was announced", () => {
    fc.assert(
      fc.property(segments, fc.nat(7), (segment, at) => {
        const out = new Uint8Array(80).fill(0xee);
        const length = writeTcpHeader(out, at, segment);
        expect(length).toBe(tcpHeaderLength(segment));
        expect(length % 4).toBe(0);
        expect(length).toBeLessThanOrEqual(60);
        expect(out.subarray(at + length).every((byte) => byte === 0xee)).toBe(true);
        const parsed = new TcpSegment();
        expect(parseTcpSegment(parsed, out, at, at + length)).toBe(Malformed.none);
        expect(parsed.sackCount).toBeLessThanOrEqual(segment.sackCount);
        // Blocks are only left out when one more would not have fitted.
        if (parsed.sackCount < segment.sackCount)
          expect(length + 8).toBeGreaterThan(parsed.sackCount === 0 ? 56 : 60);
        segment.sackCount = parsed.sackCount;
        segment.sackEdges.fill(0, 2 * parsed.sackCount);
        expect({ ...parsed, dataStart: 0, dataEnd: 0 }).toEqual({ ...segment });
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("TCP options, read", () => {
  it("may come in any order, with padding and unknown ones between", () => {
    const { segment, refused } = parseOptions(
      "03030a01 fd04beef 040201 020405dc 01 080a00000001ffffffff 00000000 0000",
    );
    expect(refused).toBe(Malformed.none);
    expect(segment).toMatchObject({
      mss: 1500,
      windowScale: 10,
      sackPermitted: true,
      hasTimestamps: true,
      tsVal: 1,
      tsEcr: 0xffff_ffff,
    });
  });

  it("end at the end-of-list option, whatever follows", () => {
    const { segment, refused } = parseOptions("00 020405 b4 02ff00");
    expect(refused).toBe(Malformed.none);
    expect(segment.mss).toBe(0);
  });

  it.each([
    ["length 0", "02000000"],
    ["length 1", "fd010000"],
    ["length 1 of a known option", "08010101"],
    ["beyond the header", "02050000"],
    ["far beyond the header", "080a0000"],
    ["a kind without length at the end", "01010102"],
    ["a fault after good options", "020405b4 01010800"],
    ["a fault after aligned timestamps", "0101080a0000000100000002 fe000000"],
  ])("are refused for %s (RFC 9293 MUST-7)", (_, options) => {
    expect(parseOptions(options).refused).toBe(Malformed.badOption);
  });

  it.each([
    ["MSS", "0203ff01"],
    ["MSS", "0206ffffffff0101"],
    ["window scale", "03040700"],
    ["window scale", "03020101"],
    ["SACK-permitted", "04030001"],
    ["timestamps", "08080102030405060000000000"],
    ["SACK without blocks", "05020101"],
    ["SACK with half a block", "050600000001" + "0101"],
    ["SACK with a block and a half", "050e000000010000000200000003" + "0101"],
  ])("of a known kind but the wrong length are skipped: %s %s", (_, options) => {
    const padded = options.padEnd(Math.ceil(options.length / 8) * 8, "0");
    const { segment, refused } = parseOptions(`${padded}01010402`);
    expect(refused).toBe(Malformed.none);
    const expected = new TcpSegment();
    const rest = options.startsWith("0808") ? { sackPermitted: false } : { sackPermitted: true };
    expect({ ...segment, dataStart: 0, dataEnd: 0 }).toEqual({ ...expected, ...rest });
  });

  it("take a window scale above 14 for 14, and an MSS of zero for none", () => {
    expect(parseOptions("010303ff").segment.windowScale).toBe(14);
    expect(parseOptions("0103030f").segment.windowScale).toBe(14);
    expect(parseOptions("0103030e").segment.windowScale).toBe(14);
    expect(parseOptions("02040000").segment.mss).toBe(0);
  });

  it("count as given last when they are given twice", () => {
    const { segment } = parseOptions("020405b4 02040200 01030307 01030302");
    expect([segment.mss, segment.windowScale]).toEqual([512, 2]);
  });

  it("leave nothing behind in a segment that is used again", () => {
    const bytes = fromHex(write(syn()));
    const segment = new TcpSegment();
    segment.sackCount = 3;
    expect(parseTcpSegment(segment, bytes, 0, bytes.length)).toBe(Malformed.none);
    expect(segment.sackCount).toBe(0);
    const plain = fromHex("00010002 00000003 00000004 50100005 00000000");
    expect(parseTcpSegment(segment, plain, 0, 20)).toBe(Malformed.none);
    expect(segment).toMatchObject({
      mss: 0,
      windowScale: -1,
      sackPermitted: false,
      hasTimestamps: false,
      tsVal: 0,
    });
  });
});
