import { describe, expect, it } from "vitest";
import { addToSum, finishSum } from "../../../src/core/wire/checksum.ts";
import { IcmpMessage, parseIcmp } from "../../../src/core/wire/icmp.ts";
import { buildEchoReply, buildIcmpError, type IcmpError } from "../../../src/core/wire/icmp-build.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { ipHeaderLength, writeIpHeader } from "../../../src/core/wire/ip-header.ts";
import { Malformed } from "../../../src/core/wire/malformed.ts";
import { Packet, parsePacket } from "../../../src/core/wire/packet.ts";
import { TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { buildTcpPacket } from "./arbitraries.ts";
import { fromHex, toHex } from "./hex.ts";
import { linuxIpv4, linuxIpv6 } from "./linux-packets.ts";

const families = [
  [4, linuxIpv4, "10.9.0.1", "10.9.0.2", "10.77.0.9"],
  [6, linuxIpv6, "fd09::1", "fd09::2", "fd77::9"],
] as const;

function parsePacketOf(bytes: Uint8Array): Packet {
  const packet = new Packet();
  expect(parsePacket(packet, bytes, 0, bytes.length, true)).toBe(Malformed.none);
  return packet;
}

function parseMessage(bytes: Uint8Array): IcmpMessage {
  const message = new IcmpMessage();
  expect(parseIcmp(message, parsePacketOf(bytes), true)).toBe(Malformed.none);
  return message;
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (parsed === null) throw new Error(`${text} did not parse`);
  return parsed;
}

/** An ICMP message in a packet, with a right checksum when the message is of ICMP for IPv4. */
function icmpPacket(source: string, destination: string, message: string): Packet {
  const from = address(source);
  const body = fromHex(message);
  const header = ipHeaderLength(from.family);
  const bytes = new Uint8Array(header + body.length);
  writeIpHeader(bytes, 0, from, address(destination), from.family === 4 ? 1 : 58, body.length, 0, 64, 0);
  bytes.set(body, header);
  const sum = finishSum(addToSum(0, bytes, header, bytes.length));
  bytes[header + 2] = sum >>> 8;
  bytes[header + 3] = sum;
  return parsePacketOf(bytes);
}

describe("parseIcmp(), on messages of a Linux kernel", () => {
  for (const [family, packets, local, remote, target] of families) {
    it(`reads an IPv${family} echo request and reply`, () => {
      const expected = { code: 0, identifier: 0x1234, sequence: 7 };
      expect(parseMessage(fromHex(packets.echoRequest))).toMatchObject({ ...expected, kind: "echo-request" });
      expect(parseMessage(fromHex(packets.echoReply))).toMatchObject({ ...expected, kind: "echo-reply" });
    });

    it(`reads IPv${family} errors and the segment they quote`, () => {
      const prohibited = parseMessage(fromHex(packets.prohibited));
      expect(prohibited).toMatchObject({ kind: "unreachable", reason: "prohibited", mtu: 0 });
      const { quoted } = prohibited;
      expect(quoted).toMatchObject({
        present: true,
        version: family,
        sourcePort: 40_000,
        destinationPort: 443,
        seq: 0x89ab_cdef,
      });
      expect(
        address(remote).equalsWords(
          family,
          quoted.sourceW0,
          quoted.sourceW1,
          quoted.sourceW2,
          quoted.sourceW3,
        ),
      ).toBe(true);
      expect(
        address(target).equalsWords(
          family,
          quoted.destinationW0,
          quoted.destinationW1,
          quoted.destinationW2,
          quoted.destinationW3,
        ),
      ).toBe(true);
      expect(parseMessage(fromHex(packets.timeExceeded))).toMatchObject({ kind: "time-exceeded", code: 0 });
      const tooBig = parseMessage(fromHex(packets.tooBig));
      expect(tooBig).toMatchObject({ kind: "too-big", mtu: 1280 });
      expect(tooBig.quoted).toMatchObject({ present: true, sourcePort: 40_000, seq: 0x89ab_cdef });
    });

    it(`reads an IPv${family} error about UDP without a quoted segment`, () => {
      const message = parseMessage(fromHex(packets.portUnreachableForUdp));
      expect(message).toMatchObject({ kind: "unreachable", reason: "port" });
      expect(message.quoted.present).toBe(false);
    });

    it(`verifies the IPv${family} checksum, unless told not to`, () => {
      const bytes = fromHex(packets.echoRequest);
      bytes[bytes.length - 1] ^= 1;
      const packet = parsePacketOf(bytes);
      expect(parseIcmp(new IcmpMessage(), packet, true)).toBe(Malformed.badChecksum);
      expect(parseIcmp(new IcmpMessage(), packet, false)).toBe(Malformed.none);
    });

    it(`takes IPv${family} quotations cut anywhere, and needs 8 bytes of TCP`, () => {
      const whole = parsePacketOf(fromHex(packets.prohibited));
      const quotedTcp = whole.payloadStart + 8 + ipHeaderLength(family);
      const message = new IcmpMessage();
      for (let end = whole.payloadEnd; end >= whole.payloadStart; end--) {
        whole.payloadEnd = end;
        const refused = parseIcmp(message, whole, false);
        expect(refused).toBe(end - whole.payloadStart < 8 ? Malformed.truncated : Malformed.none);
        expect(message.quoted.present).toBe(end >= quotedTcp + 8);
      }
    });

    it(`builds the kernel's IPv${family} echo reply`, () => {
      const reply = buildEchoReply(parsePacketOf(fromHex(packets.echoRequest)), 64);
      const kernels = fromHex(packets.echoReply);
      // The kernel numbers IPv4 packets and labels IPv6 flows; everything else is equal.
      const from = family === 4 ? 12 : 4;
      expect(toHex(reply?.subarray(from) ?? new Uint8Array(0))).toBe(toHex(kernels.subarray(from)));
      expect(parseMessage(reply ?? new Uint8Array(0)).kind).toBe("echo-reply");
    });

    const errors: [keyof typeof packets, IcmpError][] = [
      ["portUnreachableForUdp", { kind: "unreachable", reason: "port" }],
      ["prohibited", { kind: "unreachable", reason: "prohibited" }],
      ["timeExceeded", { kind: "time-exceeded", code: 0 }],
      ["tooBig", { kind: "too-big", mtu: 1280 }],
    ];
    it.each(errors)(`builds the kernel's IPv${family} error %s, cut where the kernel cuts`, (name, error) => {
      const kernels = fromHex(packets[name]);
      const header = ipHeaderLength(family);
      const original = name === "tooBig" ? fromHex(packets.tooLarge) : kernels.slice(header + 8);
      const about = new Packet();
      expect(parsePacket(about, original, 0, original.length, true)).toBe(Malformed.none);
      const built = buildIcmpError(about, address(local), error, 64) ?? new Uint8Array(0);
      expect(toHex(built.subarray(header))).toBe(toHex(kernels.subarray(header)));
      expect(parsePacketOf(built)).toMatchObject({ hopLimit: 64 });
      if (name === "tooBig") expect(built.length).toBe(family === 4 ? 576 : 1280);
    });
  }
});

describe("parseIcmp()", () => {
  it.each([
    [3, 0, "unreachable", "net"],
    [3, 1, "unreachable", "host"],
    [3, 2, "unreachable", "protocol"],
    [3, 3, "unreachable", "port"],
    [3, 4, "too-big", "other"],
    [3, 5, "unreachable", "other"],
    [3, 6, "unreachable", "net"],
    [3, 7, "unreachable", "host"],
    [3, 8, "unreachable", "host"],
    [3, 9, "unreachable", "prohibited"],
    [3, 10, "unreachable", "prohibited"],
    [3, 11, "unreachable", "net"],
    [3, 12, "unreachable", "host"],
    [3, 13, "unreachable", "prohibited"],
    [3, 15, "unreachable", "other"],
    [4, 0, "other", "other"],
    [5, 1, "other", "other"],
    [11, 1, "time-exceeded", "other"],
    [12, 0, "parameter-problem", "other"],
    [13, 0, "other", "other"],
  ])("knows ICMP type %d code %d as %s, %s", (type, code, kind, reason) => {
    const hex = toHex(Uint8Array.of(type, code));
    const message = new IcmpMessage();
    const packet = icmpPacket("10.0.0.1", "10.0.0.2", `${hex}0000 00000000`);
    expect(parseIcmp(message, packet, true)).toBe(Malformed.none);
    expect(message).toMatchObject({ kind, reason, type, code });
  });

  it.each([
    [1, 0, "unreachable", "net"],
    [1, 1, "unreachable", "prohibited"],
    [1, 2, "unreachable", "host"],
    [1, 3, "unreachable", "host"],
    [1, 4, "unreachable", "port"],
    [1, 5, "unreachable", "prohibited"],
    [1, 6, "unreachable", "prohibited"],
    [1, 7, "unreachable", "other"],
    [2, 0, "too-big", "other"],
    [3, 1, "time-exceeded", "other"],
    [4, 2, "parameter-problem", "other"],
    [5, 0, "other", "other"],
    [135, 0, "other", "other"],
  ])("knows ICMPv6 type %d code %d as %s, %s", (type, code, kind, reason) => {
    const message = new IcmpMessage();
    const packet = icmpPacket("fd00::1", "fd00::2", `${toHex(Uint8Array.of(type, code))}0000 00000000`);
    expect(parseIcmp(message, packet, false)).toBe(Malformed.none);
    expect(message).toMatchObject({ kind, reason, type, code });
  });

  it("reads an MTU of 0 from routers older than RFC 1191, and 32 bits of it in ICMPv6", () => {
    const message = new IcmpMessage();
    parseIcmp(message, icmpPacket("10.0.0.1", "10.0.0.2", "03040000 00000000"), true);
    expect(message).toMatchObject({ kind: "too-big", mtu: 0 });
    parseIcmp(message, icmpPacket("fd00::1", "fd00::2", "02000000 ffffffff"), false);
    expect(message.mtu).toBe(0xffff_ffff);
  });

  it("refuses ICMP of the other family and everything else", () => {
    const message = new IcmpMessage();
    const packet = icmpPacket("10.0.0.1", "10.0.0.2", "08000000 00000000");
    for (const protocol of [6, 17, 58]) {
      packet.protocol = protocol;
      expect(parseIcmp(message, packet, false)).toBe(Malformed.unsupportedProtocol);
    }
  });

  it("finds the segment behind options and extension headers of the quotation, and in a first fragment", () => {
    const tcp = "9c40 01bb 89abcdef";
    const message = new IcmpMessage();
    const v4 = `46000034 00002000 40060000 0a000002 0a000009 01010100 ${tcp}`;
    parseIcmp(message, icmpPacket("10.0.0.1", "10.0.0.2", `03010000 00000000 ${v4}`), true);
    expect(message.quoted).toMatchObject({ present: true, sourcePort: 40_000, seq: 0x89ab_cdef });
    const addresses = "fd000000000000000000000000000002 fd000000000000000000000000000009";
    for (const [first, extensions] of [
      ["2c", "06 00 0001 00000000"],
      ["00", "3c00010400000000 2b00010400000000 0602010c 000000000000000000000000 0000000000000000"],
    ]) {
      const v6 = `60000000 0100${first}40 ${addresses} ${extensions} ${tcp}`;
      expect(parseIcmp(message, icmpPacket("fd00::1", "fd00::2", `01000000 00000000 ${v6}`), false)).toBe(0);
      expect(message.quoted).toMatchObject({ present: true, destinationPort: 443, seq: 0x89ab_cdef });
    }
  });

  it.each([
    ["10.0.0.1", "a later fragment", "45000034 00000001 40060000 0a000002 0a000009 9c4001bb 89abcdef"],
    ["10.0.0.1", "a bad header length", "44000034 00000000 40060000 0a000002 0a000009 9c4001bb 89abcdef"],
    ["10.0.0.1", "the other version", "65000034 00000000 40060000 0a000002 0a000009 9c4001bb 89abcdef"],
    ["10.0.0.1", "options without end", "4f000034 00000000 40060000 0a000002 0a000009 9c4001bb 89abcdef"],
    [
      "fd00::1",
      "a later fragment",
      `60000000 01002c40 ${"fd".repeat(32)} 06000008 00000000 9c4001bb 89abcdef`,
    ],
    [
      "fd00::1",
      "an encrypted segment",
      `60000000 01003240 ${"fd".repeat(32)} 06000000 00000000 9c4001bb 89abcdef`,
    ],
    [
      "fd00::1",
      "a header without end",
      `60000000 01003c40 ${"fd".repeat(32)} 06ff0104 00000000 9c4001bb 89abcdef`,
    ],
  ])("from %s finds no segment in a quotation of %s", (source, _, quotation) => {
    const message = new IcmpMessage();
    message.quoted.present = true;
    const ipv4 = !source.includes(":");
    const packet = icmpPacket(
      source,
      ipv4 ? "10.0.0.2" : "fd00::2",
      `${ipv4 ? "03" : "01"}010000 00000000 ${quotation}`,
    );
    expect(parseIcmp(message, packet, false)).toBe(Malformed.none);
    expect(message.quoted.present).toBe(false);
  });
});

describe("buildIcmpError()", () => {
  function segmentTo(source: string, destination: string, size = 0): Packet {
    return parsePacketOf(
      buildTcpPacket(address(source), address(destination), new TcpSegment(), new Uint8Array(size)).bytes,
    );
  }

  const every: IcmpError[] = [
    { kind: "unreachable", reason: "net" },
    { kind: "unreachable", reason: "host" },
    { kind: "unreachable", reason: "protocol" },
    { kind: "unreachable", reason: "port" },
    { kind: "unreachable", reason: "prohibited" },
    { kind: "unreachable", reason: "other" },
    { kind: "too-big", mtu: 1500 },
    { kind: "time-exceeded", code: 1 },
    { kind: "parameter-problem", code: 0, pointer: 13 },
  ];

  it.each(every)("%j is read back as what was said, within the size the RFCs allow", (error) => {
    for (const [source, destination, limit] of [
      ["10.0.0.1", "10.0.0.2", 576],
      ["fd00::1", "fd00::2", 1280],
    ] as const) {
      for (const size of [0, 100, 1300]) {
        const about = segmentTo(source, destination, size);
        const built = buildIcmpError(about, address(destination), error, 64) ?? new Uint8Array(0);
        expect(built.length).toBe(Math.min(limit, about.end + ipHeaderLength(about.version) + 8));
        const message = parseMessage(built);
        expect(message.quoted.present).toBe(true);
        const noRoute = error.kind === "unreachable" && error.reason === "protocol" && about.version === 6;
        expect(message.kind).toBe(noRoute ? "parameter-problem" : error.kind);
        if (error.kind === "too-big") expect(message.mtu).toBe(1500);
        if (error.kind === "unreachable" && !noRoute) {
          expect(message.reason).toBe(error.reason === "other" ? "host" : error.reason);
        }
        if (error.kind === "parameter-problem") {
          expect(built[ipHeaderLength(about.version) + (about.version === 4 ? 4 : 7)]).toBe(13);
        }
      }
    }
  });

  const unreachable: IcmpError = { kind: "unreachable", reason: "host" };

  it.each([
    ["10.0.0.1", "224.0.0.1"],
    ["10.0.0.1", "255.255.255.255"],
    ["0.0.0.0", "10.0.0.2"],
    ["224.0.0.1", "10.0.0.2"],
    ["255.255.255.255", "10.0.0.2"],
    ["fd00::1", "ff02::1"],
    ["::", "fd00::2"],
    ["ff02::1", "fd00::2"],
  ])("is silent about a packet from %s to %s", (source, destination) => {
    const local = address(source.includes(":") ? "fd00::9" : "10.0.0.9");
    expect(buildIcmpError(segmentTo(source, destination), local, unreachable, 64)).toBeNull();
  });

  it("is silent about ICMP errors, but not about questions", () => {
    for (const [, packets, local] of families) {
      const say = (text: string): Uint8Array | null =>
        buildIcmpError(parsePacketOf(fromHex(text)), address(local), unreachable, 64);
      expect(say(packets.prohibited)).toBeNull();
      expect(say(packets.tooBig)).toBeNull();
      expect(say(packets.timeExceeded)).toBeNull();
      expect(say(packets.echoRequest)).not.toBeNull();
    }
    for (const redirectOrEmpty of ["05000000 00000000", ""]) {
      const packet = icmpPacket("10.0.0.1", "10.0.0.2", redirectOrEmpty || "03000000");
      if (redirectOrEmpty === "") packet.payloadEnd = packet.payloadStart;
      expect(buildIcmpError(packet, address("10.0.0.2"), unreachable, 64)).toBeNull();
    }
  });

  it("says too-big about IPv6 multicast, which path MTU discovery needs (RFC 4443 §2.4 e.3)", () => {
    const about = segmentTo("fd00::1", "ff0e::1");
    expect(buildIcmpError(about, address("fd00::9"), { kind: "too-big", mtu: 1280 }, 64)).not.toBeNull();
  });
});

describe("buildEchoReply()", () => {
  it.each([
    ["10.0.0.1", "224.0.0.1"],
    ["10.0.0.1", "255.255.255.255"],
    ["0.0.0.0", "10.0.0.2"],
    ["255.255.255.255", "10.0.0.2"],
    ["ff02::1", "fd00::2"],
    ["fd00::1", "ff02::1"],
    ["::", "fd00::2"],
  ])("is silent to a request from %s to %s", (source, destination) => {
    const type = source.includes(":") ? "80" : "08";
    expect(buildEchoReply(icmpPacket(source, destination, `${type}000000 12340001`), 64)).toBeNull();
  });

  it("does not touch the request", () => {
    const bytes = fromHex(linuxIpv4.echoRequest);
    buildEchoReply(parsePacketOf(bytes), 64);
    expect(toHex(bytes)).toBe(linuxIpv4.echoRequest);
  });
});
