import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addToSum, finishSum } from "../../../src/core/wire/checksum.ts";
import { ipHeaderLength, writeIpHeader, writeTcpChecksum } from "../../../src/core/wire/ip-header.ts";
import { Malformed, malformedCodes, malformedText } from "../../../src/core/wire/malformed.ts";
import { Packet, packetLength, parsePacket } from "../../../src/core/wire/packet.ts";
import { TcpSegment, tcpHeaderLength, writeTcpHeader } from "../../../src/core/wire/tcp-segment.ts";
import { addresses, buildTcpPacket, segments } from "./arbitraries.ts";
import { fromHex, toHex } from "./hex.ts";
import { linuxIpv4, linuxIpv6 } from "./linux-packets.ts";
import { naiveChecksum } from "./naive-checksum.ts";

function parse(bytes: Uint8Array, verify = true): { packet: Packet; refused: Malformed } {
  const packet = new Packet();
  return { packet, refused: parsePacket(packet, bytes, 0, bytes.length, verify) };
}

/** Sets the IPv4 header checksum anew after a test has changed a field. */
function withHeaderChecksum(bytes: Uint8Array): Uint8Array {
  bytes.fill(0, 10, 12);
  const value = naiveChecksum(bytes.subarray(0, (bytes[0] & 15) * 4));
  bytes[10] = value >>> 8;
  bytes[11] = value;
  return bytes;
}

/** The SYN of a Linux kernel with other headers between the IPv6 header and the segment. */
function withExtensions(firstProtocol: number, extensions: string): Uint8Array<ArrayBuffer> {
  const syn = fromHex(linuxIpv6.syn);
  const between = fromHex(extensions);
  const bytes = new Uint8Array(syn.length + between.length);
  bytes.set(syn.subarray(0, 40));
  bytes.set(between, 40);
  bytes.set(syn.subarray(40), 40 + between.length);
  bytes[6] = firstProtocol;
  const payloadLength = bytes.length - 40;
  bytes[4] = payloadLength >>> 8;
  bytes[5] = payloadLength;
  return bytes;
}

const tcpPackets = [
  "syn",
  "ack",
  "data",
  "oneSackBlock",
  "twoSackBlocks",
  "threeSackBlocks",
  "finWithSack",
] as const;

describe("parsePacket(), on packets of a Linux kernel", () => {
  for (const [family, packets] of [
    [4, linuxIpv4],
    [6, linuxIpv6],
  ] as const) {
    it.each(tcpPackets)(`verifies IPv${family} %s and writes it again byte for byte`, (name) => {
      const bytes = fromHex(packets[name]);
      const { packet, refused } = parse(bytes);
      expect(refused).toBe(Malformed.none);
      expect([packet.version, packet.protocol, packet.hopLimit, packet.end]).toEqual([
        family,
        6,
        64,
        bytes.length,
      ]);
      expect(`${packet.source()} ${packet.destination()}`).toBe(
        family === 4 ? "10.9.0.1 10.9.0.2" : "fd09::1 fd09::2",
      );
      const out = new Uint8Array(bytes.length);
      const ip = ipHeaderLength(family);
      const identification = family === 4 ? (bytes[4] << 8) | bytes[5] : 0;
      writeIpHeader(
        out,
        0,
        packet.source(),
        packet.destination(),
        6,
        bytes.length - ip,
        0,
        64,
        identification,
      );
      // The kernel chose a flow label, which ours leaves 0.
      if (family === 6) out.set(bytes.subarray(1, 4), 1);
      const header = writeTcpHeader(out, ip, packet.tcp);
      out.set(bytes.subarray(packet.tcp.dataStart, packet.tcp.dataEnd), ip + header);
      writeTcpChecksum(out, 0, out.length);
      expect(toHex(out)).toBe(packets[name]);
    });
  }

  it("reads the options of a SYN", () => {
    expect(parse(fromHex(linuxIpv4.syn)).packet.tcp).toMatchObject({
      destinationPort: 80,
      flags: 2,
      window: 64_240,
      mss: 1460,
      sackPermitted: true,
      windowScale: 10,
      hasTimestamps: true,
      tsEcr: 0,
    });
    expect(parse(fromHex(linuxIpv6.syn)).packet.tcp).toMatchObject({
      window: 64_800,
      mss: 1440,
      windowScale: 10,
    });
  });

  it("reads data and SACK blocks", () => {
    const { packet } = parse(fromHex(linuxIpv4.data));
    const text = new TextDecoder().decode(packet.bytes.subarray(packet.tcp.dataStart, packet.tcp.dataEnd));
    expect(text).toBe("hello, fourtuple");
    const { tcp } = parse(fromHex(linuxIpv4.threeSackBlocks)).packet;
    expect(tcp.sackCount).toBe(3);
    expect([...tcp.sackEdges.subarray(0, 6)]).toEqual([2745, 2846, 1745, 1846, 745, 845]);
  });

  it("verifies packets of a browser's request in Wireshark's http.cap", () => {
    const syn = fromHex(
      "4500 0030 0f41 4000 8006 91eb 91fe a0ed 41d0 e4df" +
        "0d2c 0050 38af fe13 0000 0000 7002 2238 c30c 0000 0204 05b4 0101 0402",
    );
    const { packet, refused } = parse(syn);
    expect(refused).toBe(Malformed.none);
    expect(`${packet.source()}:${packet.tcp.sourcePort}`).toBe("145.254.160.237:3372");
    expect(packet.tcp).toMatchObject({ seq: 0x38af_fe13, window: 8760, mss: 1460, sackPermitted: true });
  });

  it("accepts other protocols and leaves them alone", () => {
    const udp = fromHex(linuxIpv4.portUnreachableForUdp).subarray(28);
    const { packet, refused } = parse(udp);
    expect(refused).toBe(Malformed.none);
    expect([packet.protocol, packet.payloadStart, packet.payloadEnd]).toEqual([17, 20, 33]);
    expect(parse(fromHex(linuxIpv6.echoRequest)).packet.protocol).toBe(58);
  });

  it("refuses every single flipped bit, but for IPv6 fields that no checksum covers", () => {
    for (const text of [linuxIpv4.data, linuxIpv6.data]) {
      const bytes = fromHex(text);
      const ipv6 = text === linuxIpv6.data;
      for (let at = 0; at < bytes.length; at++) {
        for (let bit = 1; bit < 256; bit <<= 1) {
          bytes[at] ^= bit;
          const { packet, refused } = parse(bytes);
          bytes[at] ^= bit;
          // The version's bits are in byte 0; the rest of these is traffic class, flow label, protocol, hop
          // limit.
          const uncovered = ipv6 && (at < 4 || at === 6 || at === 7) && !(at === 0 && bit >= 16);
          if (!uncovered) expect([at, bit, refused]).not.toEqual([at, bit, Malformed.none]);
          else if (at === 6) expect(packet.protocol).not.toBe(6);
          else expect([at, bit, refused]).toEqual([at, bit, Malformed.none]);
        }
      }
      expect(parse(bytes).refused).toBe(Malformed.none);
    }
  });
});

describe("parsePacket()", () => {
  it("reads any constructible packet as it was written, at any position, with other bytes around it", () => {
    const packet = new Packet();
    const family = fc.constantFrom<4 | 6>(4, 6);
    const place = fc.tuple(fc.nat(9), fc.nat(5));
    const input = family.chain((f) => fc.tuple(addresses(f), addresses(f), segments, fc.uint8Array(), place));
    fc.assert(
      fc.property(input, ([source, destination, segment, payload, [at, after]]) => {
        const { bytes, end } = buildTcpPacket(source, destination, segment, payload, at, after);
        expect(packetLength(bytes, at, bytes.length)).toBe(end - at);
        expect(parsePacket(packet, bytes, at, bytes.length, true)).toBe(Malformed.none);
        expect(packet.source().equals(source)).toBe(true);
        expect(packet.destination().equals(destination)).toBe(true);
        expect([packet.start, packet.end, packet.payloadEnd]).toEqual([at, end, end]);
        expect([packet.trafficClass, packet.hopLimit, packet.protocol]).toEqual([0x2b, 64, 6]);
        const { tcp } = packet;
        expect(bytes.subarray(tcp.dataStart, tcp.dataEnd)).toEqual(Uint8Array.from(payload));
        for (const name of [
          "sourcePort",
          "destinationPort",
          "seq",
          "ack",
          "flags",
          "window",
          "urgent",
        ] as const) {
          expect(tcp[name]).toBe(segment[name]);
        }
        // An independent checksum over an independent pseudo-header.
        const length = packet.payloadEnd - packet.payloadStart;
        const pseudo = [...bytes.subarray(at + (source.family === 4 ? 12 : 8), packet.payloadStart)];
        pseudo.push(length >>> 8, length & 255, 0, 6);
        expect(naiveChecksum(Uint8Array.from([...pseudo, ...bytes.subarray(packet.payloadStart, end)]))).toBe(
          0,
        );
        if (source.family === 4) expect(naiveChecksum(bytes.subarray(at, at + 20))).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  it("carries the largest segments that IP has", () => {
    for (const [family, total] of [
      [4, 65_535],
      [6, 65_575],
    ] as const) {
      const [source, destination] = fc.sample(addresses(family), 2);
      const payload = new Uint8Array(total - ipHeaderLength(family) - 20).fill(0xff);
      const { bytes, end } = buildTcpPacket(source, destination, new TcpSegment(), payload, 1);
      expect(end).toBe(total + 1);
      const packet = new Packet();
      expect(parsePacket(packet, bytes, 1, end, true)).toBe(Malformed.none);
      expect(packet.tcp.dataEnd - packet.tcp.dataStart).toBe(payload.length);
      bytes[end - 1] ^= 1;
      expect(parsePacket(packet, bytes, 1, end, true)).toBe(Malformed.badChecksum);
    }
  });

  it("refuses each packet cut anywhere, and never looks beyond the end", () => {
    for (const text of [linuxIpv4.threeSackBlocks, linuxIpv6.threeSackBlocks]) {
      const bytes = fromHex(text);
      const packet = new Packet();
      for (let end = 0; end < bytes.length; end++) {
        expect(parsePacket(packet, bytes, 0, end, false)).toBe(Malformed.truncated);
      }
      expect(parsePacket(packet, bytes, 0, bytes.length + 1, false)).toBe(Malformed.truncated);
    }
  });

  it("refuses other versions", () => {
    for (const version of [0, 1, 2, 3, 5, 7, 8, 15]) {
      const bytes = fromHex(linuxIpv4.syn);
      bytes[0] = (version << 4) | 5;
      expect(parse(bytes).refused).toBe(Malformed.badVersion);
    }
  });

  it("looks at no checksum when told so", () => {
    for (const text of [linuxIpv4.data, linuxIpv6.data]) {
      const bytes = fromHex(text);
      const header = text === linuxIpv4.data ? 20 : 40;
      bytes.fill(0, header + 16, header + 18);
      if (header === 20) bytes.fill(0, 10, 12);
      expect(parse(bytes, false).refused).toBe(Malformed.none);
      expect(parse(bytes, true).refused).toBe(
        header === 20 ? Malformed.badHeaderChecksum : Malformed.badChecksum,
      );
    }
  });

  it("reads traffic class and hop limit", () => {
    const v4 = fromHex(linuxIpv4.syn);
    v4[1] = 0xb7;
    v4[8] = 3;
    expect(parse(withHeaderChecksum(v4)).packet).toMatchObject({ trafficClass: 0xb7, hopLimit: 3 });
    const v6 = fromHex(linuxIpv6.syn);
    v6[0] = 0x6b;
    v6[1] = 0x7f;
    expect(parse(v6).packet).toMatchObject({ trafficClass: 0xb7, hopLimit: 64 });
  });
});

describe("parsePacket(), IPv4", () => {
  it("skips options, with and without checksums", () => {
    const syn = fromHex(linuxIpv4.syn);
    for (const options of ["01010100", "44080500 00000000", "9404000001010101".repeat(5)]) {
      const extra = fromHex(options);
      const bytes = new Uint8Array(syn.length + extra.length);
      bytes.set(syn.subarray(0, 20));
      bytes.set(extra, 20);
      bytes.set(syn.subarray(20), 20 + extra.length);
      bytes[0] = 0x45 + extra.length / 4;
      bytes[3] = bytes.length;
      withHeaderChecksum(bytes);
      const { packet, refused } = parse(bytes);
      expect(refused).toBe(Malformed.none);
      expect(packet.payloadStart).toBe(20 + extra.length);
      expect(packet.tcp.mss).toBe(1460);
      expect(parse(bytes, false).refused).toBe(Malformed.none);
      // The checksum of the segment can be written in front of options, too.
      const field = packet.payloadStart + 16;
      const kernels = [bytes[field], bytes[field + 1]];
      bytes.fill(0xaa, field, field + 2);
      writeTcpChecksum(bytes, 0, bytes.length);
      expect([bytes[field], bytes[field + 1]]).toEqual(kernels);
    }
  });

  it.each([
    ["more fragments", 0x20, 0x00],
    ["an offset", 0x00, 0x01],
    ["a high offset", 0x1f, 0xff],
    ["both, and don't-fragment", 0x60, 0x10],
  ])("refuses a fragment: %s", (_, high, low) => {
    const bytes = fromHex(linuxIpv4.syn);
    bytes[6] = high;
    bytes[7] = low;
    expect(parse(withHeaderChecksum(bytes)).refused).toBe(Malformed.fragment);
    expect(parse(bytes, false).refused).toBe(Malformed.fragment);
  });

  it("refuses header and total lengths that contradict each other", () => {
    for (let words = 0; words < 5; words++) {
      const bytes = fromHex(linuxIpv4.syn);
      bytes[0] = 0x40 | words;
      expect(parse(bytes).refused).toBe(Malformed.badHeaderLength);
    }
    for (const [total, expected] of [
      [0, Malformed.badTotalLength],
      [19, Malformed.badTotalLength],
      [61, Malformed.truncated],
      [65_535, Malformed.truncated],
      [20, Malformed.truncated],
      [39, Malformed.truncated],
    ]) {
      const bytes = fromHex(linuxIpv4.syn);
      bytes[2] = total >>> 8;
      bytes[3] = total;
      expect(parse(withHeaderChecksum(bytes)).refused).toBe(expected);
    }
    const long = fromHex(linuxIpv4.syn);
    long[0] = 0x4f;
    long[3] = 59;
    expect(parse(long, false).refused).toBe(Malformed.badTotalLength);
  });

  it("refuses a wrong header checksum", () => {
    const bytes = fromHex(linuxIpv4.syn);
    bytes[11] ^= 1;
    expect(parse(bytes).refused).toBe(Malformed.badHeaderChecksum);
  });
});

describe("parsePacket(), IPv6", () => {
  it.each([
    ["hop-by-hop options", 0, "06 00 01 04 00000000"],
    ["hop-by-hop options with a router alert", 0, "06 00 05 02 0000 01 00"],
    ["destination options, 16 bytes", 60, "06 01 01 0c 000000000000000000000000"],
    ["Pad1 alone", 60, "06 00 000000000000"],
    ["unknown options that may be skipped", 60, "06 00 1e 02 abcd 00 00"],
    ["a used-up routing header", 43, "06 02 00 00 00000000 fd09000000000000 0000000000000002"],
    ["a routing header of unknown type without segments left", 43, "06 00 fd 00 00000000"],
    ["all of them", 0, "3c 00 01 04 00000000 2b 00 01 04 00000000 3c 00 fd 00 00000000 06 00 01 04 00000000"],
  ])("skips %s", (_, protocol, extensions) => {
    const bytes = withExtensions(protocol, extensions);
    const { packet, refused } = parse(bytes);
    expect(refused).toBe(Malformed.none);
    expect(packet.protocol).toBe(6);
    expect(packet.tcp.mss).toBe(1440);
    bytes[bytes.length - 1] ^= 1;
    expect(parse(bytes).refused).toBe(Malformed.badChecksum);
  });

  it.each([
    ["a fragment header", Malformed.fragment, 44, "06 00 0001 00000000"],
    ["an atomic fragment", Malformed.fragment, 44, "06 00 0000 12345678"],
    ["a fragment behind options", Malformed.fragment, 0, "2c 00 01 04 00000000 06 00 0001 00000000"],
    ["segments left", Malformed.badExtensionHeader, 43, "06 00 00 01 00000000"],
    [
      "hop-by-hop options in second place",
      Malformed.badExtensionHeader,
      60,
      "00 00 010400000000 06 00 010400000000",
    ],
    ["a header longer than the packet", Malformed.badExtensionHeader, 60, "06 ff 01 04 00000000"],
    ["an option longer than its header", Malformed.badExtensionHeader, 60, "06 00 01 05 00000000"],
    ["an option without length", Malformed.badExtensionHeader, 60, "06 00 01 03 000000 01"],
    ["an unknown option to discard", Malformed.unknownOption, 60, "06 00 5e 04 00000000"],
    ["an unknown option to discard and report", Malformed.unknownOption, 60, "06 00 9e 04 00000000"],
    ["a jumbogram", Malformed.badTotalLength, 0, "06 00 c2 04 00010000"],
  ])("refuses %s", (_, expected, protocol, extensions) => {
    expect(parse(withExtensions(protocol, extensions)).refused).toBe(expected);
  });

  it("refuses a chain of headers that ends with the packet", () => {
    const bytes = withExtensions(60, "3c 00 01 04 00000000");
    const cut = bytes.slice(0, 48);
    cut[5] = 8;
    expect(parse(cut).refused).toBe(Malformed.badExtensionHeader);
  });

  it("leaves authentication, encryption and no-next-header to find no taker", () => {
    for (const protocol of [50, 51, 59, 135]) {
      const { packet, refused } = parse(withExtensions(60, `${protocol.toString(16)} 00 01 04 00000000`));
      expect(refused).toBe(Malformed.none);
      expect([packet.protocol, packet.payloadStart]).toEqual([protocol, 48]);
    }
  });
});

describe("packetLength()", () => {
  it("needs 4 bytes of IPv4 and 6 of IPv6", () => {
    const v4 = fromHex(linuxIpv4.syn);
    const v6 = fromHex(linuxIpv6.syn);
    for (let end = 0; end <= 8; end++) {
      expect(packetLength(v4, 0, end)).toBe(end < 4 ? 0 : 60);
      expect(packetLength(v6, 0, end)).toBe(end < 6 ? 0 : 80);
    }
  });

  it("is -1 for what cannot be a packet, so that nobody waits for more of it", () => {
    for (const first of [0x00, 0x15, 0x35, 0x55, 0x70, 0xf5]) {
      expect(packetLength(Uint8Array.of(first), 0, 1)).toBe(-1);
    }
    expect(packetLength(fromHex("45000000"), 0, 4)).toBe(-1);
    expect(packetLength(fromHex("45000013"), 0, 4)).toBe(-1);
    expect(packetLength(fromHex("45000014"), 0, 4)).toBe(20);
    expect(packetLength(fromHex("600000000000"), 0, 6)).toBe(40);
    expect(packetLength(fromHex("60000000ffff"), 0, 6)).toBe(65_575);
  });
});

describe("writeIpHeader()", () => {
  it("equals the kernel's header of IPv4", () => {
    const bytes = fromHex(linuxIpv4.syn);
    const { packet } = parse(bytes);
    const out = new Uint8Array(22);
    writeIpHeader(out, 1, packet.source(), packet.destination(), 6, 40, 0, 64, (bytes[4] << 8) | bytes[5]);
    expect(toHex(out.subarray(1, 21))).toBe(linuxIpv4.syn.slice(0, 40));
  });

  it("writes a verifying checksum whatever the fields are", () => {
    const field = fc.nat(0x1_ffff);
    fc.assert(
      fc.property(
        addresses(4),
        addresses(4),
        field,
        field,
        field,
        field,
        (source, destination, a, b, c, d) => {
          const out = new Uint8Array(20);
          writeIpHeader(out, 0, source, destination, 6, a, b, c, d);
          expect(finishSum(addToSum(0, out, 0, 20))).toBe(0);
          expect(naiveChecksum(out)).toBe(0);
        },
      ),
    );
  });

  it("is as long as ipHeaderLength() says and touches nothing else", () => {
    for (const family of [4, 6] as const) {
      const [source, destination] = fc.sample(addresses(family), 2);
      const out = new Uint8Array(60).fill(0xee);
      writeIpHeader(out, 5, source, destination, 6, 100, 0, 64, 1);
      const length = ipHeaderLength(family);
      expect(out.subarray(0, 5).every((byte) => byte === 0xee)).toBe(true);
      expect(out.subarray(5 + length).every((byte) => byte === 0xee)).toBe(true);
      expect(packetLength(out, 5, 60)).toBe(length + 100);
    }
  });
});

describe("writeTcpChecksum()", () => {
  it("can be called again on the same packet", () => {
    const segment = new TcpSegment();
    segment.seq = 77;
    for (const family of [4, 6] as const) {
      const [source, destination] = fc.sample(addresses(family), 2);
      const { bytes, end } = buildTcpPacket(source, destination, segment, fromHex("abcdef"));
      const before = toHex(bytes);
      writeTcpChecksum(bytes, 0, end);
      expect(toHex(bytes)).toBe(before);
      expect(end).toBe(ipHeaderLength(family) + tcpHeaderLength(segment) + 3);
    }
  });
});

describe("Malformed", () => {
  it("has consecutive codes, each with a text of its own", () => {
    const codes = Object.values(Malformed);
    expect(codes).toEqual(Array.from({ length: malformedCodes }, (_, code) => code));
    const texts = codes.map(malformedText);
    expect(new Set(texts).size).toBe(malformedCodes);
    expect(texts.every((text) => text.length > 5 && !text.endsWith("."))).toBe(true);
  });
});
