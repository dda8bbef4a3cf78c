import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashWords, IpAddress, parseLegacyIpv4 } from "../../../src/core/wire/ip-address.ts";

const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
// Zeros and the mapped range are what the text form treats specially.
const specialWord = fc.oneof(word, fc.constantFrom(0, 0xffff, 1, 0x10000, -1, -65536));

function parsed(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address === null) throw new Error(`${text} did not parse`);
  return address;
}

describe("IpAddress.parse()", () => {
  // The left side of RFC 5952 §4 and §5, RFC 4291 §2.2, and what they become.
  it.each([
    ["2001:db8::1", "2001:db8::1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8::0:1", "2001:db8::1"],
    ["2001:DB8::AAAA", "2001:db8::aaaa"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:aaaa:bbbb:cccc:dddd:0:1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"],
    ["::1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["FF01:0:0:0:0:0:0:101", "ff01::101"],
    ["::13.1.68.3", "::d01:4403"],
    ["::FFFF:129.144.52.38", "::ffff:129.144.52.38"],
    ["::ffff:8190:3426", "::ffff:129.144.52.38"],
    ["0:0:0:0:0:ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["FE80:0::1%3", "fe80::1%3"],
    ["ff02::1%en-0.7_x", "ff02::1%en-0.7_x"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["192.168.1.20", "192.168.1.20"],
  ])("reads %s as %s", (text, canonical) => {
    expect(String(IpAddress.parse(text))).toBe(canonical);
  });

  it.each([
    "",
    " ",
    ":",
    ":::",
    "1",
    "1:",
    ":1",
    "1:2",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "1::2::3",
    "1:::2",
    "12345::",
    "g::",
    "::1 ",
    " ::1",
    "[::1]",
    "::1/64",
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.256",
    "::01.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "::%",
    "%eth0",
    "fe80::1%",
    "fe80::1%a%b",
    "fe80::1%a b",
    "fe80::1%a/64",
    "1.2.3.4%eth0",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4.",
    ".1.2.3.4",
    "1..3.4",
    "1.2.3.256",
    "1.2.3.1000",
    "01.2.3.4",
    "1.2.3.00",
    "0x1.2.3.4",
    "+1.2.3.4",
    "1.2.3.4\n",
    "1.2.3.٤",
    "2130706433",
    "example.com",
    "::ffff:0x7f.1",
    "1:2:3:4:5:6:7:8\u0000",
  ])("refuses %j", (text) => {
    expect(IpAddress.parse(text)).toBeNull();
  });

  it("takes exactly the texts that node:net takes, whatever the mixture of digits, colons and dots", () => {
    const piece = fc.constantFrom(
      "0",
      "1",
      "25",
      "255",
      "256",
      "00",
      "ffff",
      "A",
      "10000",
      ":",
      "::",
      ".",
      ":",
      "1.2.3.4",
    );
    const text = fc.array(piece, { minLength: 1, maxLength: 17 }).map((pieces) => pieces.join(""));
    const groups = fc
      .array(fc.constantFrom("0", "1", "abcd", "00f", ""), { minLength: 2, maxLength: 9 })
      .map((parts) => parts.join(":"));
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(text, groups), (candidate) => {
        const address = IpAddress.parse(candidate);
        expect(address?.family ?? 0).toBe(isIPv4(candidate) ? 4 : isIPv6(candidate) ? 6 : 0);
        if (address !== null) taken++;
      }),
      { numRuns: 20_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it("never throws on any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        IpAddress.parse(text);
        IpAddress.parse(`::${text}`);
        parseLegacyIpv4(text);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("IpAddress.toString()", () => {
  it("is the text a URL parser writes, but for mapped addresses, and parses back equal", () => {
    fc.assert(
      fc.property(specialWord, specialWord, specialWord, specialWord, (w0, w1, w2, w3) => {
        const address = IpAddress.fromWords(6, w0, w1, w2, w3);
        const text = address.toString();
        expect(parsed(text).equals(address)).toBe(true);
        const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        expect(text).toBe(address.isIpv4Mapped ? `::ffff:${address.toIpv4()}` : canonical);
        const ipv4 = IpAddress.fromWords(4, 0, 0, 0, w3);
        expect(ipv4.toString()).toBe(new URL(`http://${w3 >>> 0}/`).hostname);
        expect(parsed(ipv4.toString()).equals(ipv4)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it("is what JSON shows", () => {
    expect(JSON.stringify([IpAddress.LOOPBACK_V4, IpAddress.LOOPBACK_V6])).toBe('["127.0.0.1","::1"]');
  });
});

describe("IpAddress", () => {
  it("reads and writes bytes in network order", () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, at) => at + 0xf0);
    expect(IpAddress.fromBytes(bytes, 1, 6).toString()).toBe("f1f2:f3f4:f5f6:f7f8:f9fa:fbfc:fdfe:ff00");
    expect(IpAddress.fromBytes(bytes, 1, 4).toString()).toBe("241.242.243.244");
    const out = new Uint8Array(20);
    IpAddress.fromBytes(bytes, 1, 6).writeTo(out, 2);
    expect(out.subarray(2, 18)).toEqual(bytes.subarray(1, 17));
    out.fill(0);
    IpAddress.fromBytes(bytes, 1, 4).writeTo(out, 3);
    expect([...out.subarray(0, 9)]).toEqual([0, 0, 0, 241, 242, 243, 244, 0, 0]);
  });

  it("keeps words signed whether they came signed or not", () => {
    const unsigned = IpAddress.fromWords(6, 0xfd00_0000, 0xffff_ffff, 0x8000_0000, 0);
    expect([unsigned.w0, unsigned.w1, unsigned.w2]).toEqual([0xfd00_0000 | 0, -1, -0x8000_0000]);
    expect(unsigned.equals(parsed("fd00::ffff:ffff:8000:0:0:0"))).toBe(true);
    expect(IpAddress.fromWords(4, 9, 9, 9, 0xffff_ffff)).toEqual(parsed("255.255.255.255"));
  });

  it("v4() takes four numbers", () => {
    expect(IpAddress.v4(192, 0, 2, 255).toString()).toBe("192.0.2.255");
    expect(IpAddress.v4(10, 0, 0, 1).equals(parsed("10.0.0.1"))).toBe(true);
  });

  it("equals() tells families and zones apart, equalsWords() only families", () => {
    expect(parsed("::102:304").equals(parsed("1.2.3.4"))).toBe(false);
    expect(parsed("::ffff:1.2.3.4").equals(parsed("1.2.3.4"))).toBe(false);
    expect(parsed("fe80::1%a").equals(parsed("fe80::1%b"))).toBe(false);
    expect(parsed("fe80::1%a").equals(parsed("fe80::1%a"))).toBe(true);
    expect(parsed("fe80::1%a").withoutZone().equals(parsed("fe80::1"))).toBe(true);
    const { w0, w1, w2, w3 } = parsed("fe80::1");
    expect(parsed("fe80::1%a").equalsWords(6, w0, w1, w2, w3)).toBe(true);
    expect(parsed("fe80::1%a").equalsWords(4, w0, w1, w2, w3)).toBe(false);
  });

  it("hash is equal for equal addresses and differs for neighbours", () => {
    const hashes = new Set<number>();
    for (let host = 0; host < 1000; host++) {
      const v4 = IpAddress.fromWords(4, 0, 0, 0, 0x0a00_0000 + host);
      const v6 = IpAddress.fromWords(6, 0xfd00_0000, 0, 0, host);
      expect(v4.hash).toBe(hashWords(4, 0, 0, 0, 0x0a00_0000 + host));
      expect(v4.hash).toBe(v4.hash | 0);
      hashes.add(v4.hash).add(v6.hash);
    }
    expect(hashes.size).toBeGreaterThan(1990);
    expect(parsed("fe80::1%a").hash).toBe(parsed("fe80::1").hash);
  });

  const ranges: [string, (keyof IpAddress)[]][] = [
    ["0.0.0.0", ["isUnspecified"]],
    ["::", ["isUnspecified"]],
    ["127.0.0.1", ["isLoopback"]],
    ["127.255.255.255", ["isLoopback"]],
    ["::1", ["isLoopback"]],
    ["126.255.255.255", []],
    ["128.0.0.0", []],
    ["::2", []],
    ["1::1", []],
    ["224.0.0.0", ["isMulticast"]],
    ["239.255.255.255", ["isMulticast"]],
    ["223.255.255.255", []],
    ["240.0.0.0", []],
    ["ff02::1", ["isMulticast"]],
    ["feff::1", []],
    ["255.255.255.255", ["isBroadcast"]],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["isMulticast"]],
    ["169.254.0.0", ["isLinkLocal"]],
    ["169.254.169.254", ["isLinkLocal"]],
    ["169.253.255.255", []],
    ["169.255.0.0", []],
    ["fe80::", ["isLinkLocal"]],
    ["febf:ffff::", ["isLinkLocal"]],
    ["fec0::", []],
    ["fe7f::", []],
    ["10.255.0.1", ["isPrivate"]],
    ["172.16.0.0", ["isPrivate"]],
    ["172.31.255.255", ["isPrivate"]],
    ["172.15.255.255", []],
    ["172.32.0.0", []],
    ["192.168.255.255", ["isPrivate"]],
    ["192.169.0.0", []],
    ["11.0.0.0", []],
    ["fc00::", ["isPrivate"]],
    ["fdff::1", ["isPrivate"]],
    ["fe00::", []],
    ["fbff::", []],
    ["::ffff:127.0.0.1", ["isIpv4Mapped"]],
    ["::ffff:0.0.0.0", ["isIpv4Mapped"]],
    ["::fffe:7f00:1", []],
    ["::1:ffff:7f00:1", []],
    ["::7f00:1", []],
    ["8.8.8.8", []],
    ["2001:db8::1", []],
  ];

  it.each(ranges)("%s is in the ranges %j and no other", (text, expected) => {
    const all: (keyof IpAddress)[] = [
      "isUnspecified",
      "isLoopback",
      "isMulticast",
      "isBroadcast",
      "isLinkLocal",
      "isPrivate",
      "isIpv4Mapped",
    ];
    expect(all.filter((name) => parsed(text)[name])).toEqual(expected);
  });

  it("toIpv4() unwraps mapped addresses and nothing else", () => {
    expect(String(parsed("::ffff:10.1.2.3").toIpv4())).toBe("10.1.2.3");
    expect(String(parsed("10.1.2.3").toIpv4())).toBe("10.1.2.3");
    expect(parsed("::10.1.2.3").toIpv4()).toBeNull();
    expect(parsed("64:ff9b::10.1.2.3").toIpv4()).toBeNull();
  });

  it("constants are what their names say", () => {
    expect(IpAddress.UNSPECIFIED_V4.toString()).toBe("0.0.0.0");
    expect(IpAddress.UNSPECIFIED_V6.toString()).toBe("::");
    expect(IpAddress.LOOPBACK_V4.toString()).toBe("127.0.0.1");
    expect(IpAddress.LOOPBACK_V6.toString()).toBe("::1");
  });
});

describe("parseLegacyIpv4()", () => {
  it.each([
    ["0x7f.1", "127.0.0.1"],
    ["017700000001", "127.0.0.1"],
    ["2130706433", "127.0.0.1"],
    ["0x7f000001", "127.0.0.1"],
    ["127.1", "127.0.0.1"],
    ["127.0.1", "127.0.0.1"],
    ["0177.0.0.01", "127.0.0.1"],
    ["0X7F.0.0.1", "127.0.0.1"],
    ["10.65536", "10.1.0.0"],
    ["1.2.3.4", "1.2.3.4"],
    ["1.2.3.4.", "1.2.3.4"],
    ["4294967295", "255.255.255.255"],
    ["0000000000000000000000177.1", "127.0.0.1"],
    ["0x", "0.0.0.0"],
    ["0", "0.0.0.0"],
  ])("reads %s as %s", (text, expected) => {
    expect(String(parseLegacyIpv4(text))).toBe(expected);
  });

  it.each([
    "",
    ".",
    "..",
    "1..2",
    "4294967296",
    "1.16777216",
    "1.2.65536",
    "1.2.3.256",
    "256.1",
    "08",
    "0xg",
    "1.2.3.4.5",
    "a.b",
    "-1",
    "1 ",
    "::1",
    "1.2.3.4..",
  ])("refuses %j", (text) => {
    expect(parseLegacyIpv4(text)).toBeNull();
  });

  it("sees an address wherever a URL parser sees one", () => {
    const part = fc.oneof(
      fc.constantFrom("0", "1", "255", "256", "0x", "0x7f", "0XFF", "077", "08", "65535", "65536", "", "g"),
      fc.nat(0xffff_ffff).map(String),
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), fc.constantFrom("", "."), (parts, end) => {
        const text = parts.join(".") + end;
        let host = "";
        try {
          host = new URL(`http://${text}/`).hostname;
        } catch {
          // Not a host at all: no address either.
        }
        const expected = isIPv4(host) ? host : null;
        const address = parseLegacyIpv4(text);
        expect(address === null ? null : address.toString()).toBe(expected);
        if (address !== null) taken++;
      }),
      { numRuns: 10_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });
});
