import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { Prefix } from "../../../src/core/wire/prefix.ts";

function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  if (parsed === null) throw new Error(`${text} did not parse`);
  return parsed;
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (parsed === null) throw new Error(`${text} did not parse`);
  return parsed;
}

const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });

/** All bits of an address as one text of 0 and 1. */
function bits(of: IpAddress): string {
  const words = of.family === 4 ? [of.w3] : [of.w0, of.w1, of.w2, of.w3];
  return words.map((value) => (value >>> 0).toString(2).padStart(32, "0")).join("");
}

describe("Prefix.parse()", () => {
  it.each([
    ["fd00::/64", "fd00::/64"],
    ["fd00::1:2:3:4/64", "fd00::/64"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["1.2.3.4/0", "0.0.0.0/0"],
    ["::/0", "::/0"],
    ["1.2.3.4/32", "1.2.3.4/32"],
    ["255.255.255.255/31", "255.255.255.254/31"],
    ["ffff::ffff/128", "ffff::ffff/128"],
    ["::ffff:1.2.3.4/104", "::ffff:1.0.0.0/104"],
    ["2001:db8:ffff::/33", "2001:db8:8000::/33"],
  ])("reads %s as %s", (text, canonical) => {
    expect(prefix(text).toString()).toBe(canonical);
    expect(JSON.stringify(prefix(text))).toBe(JSON.stringify(canonical));
  });

  it.each([
    "",
    "/",
    "1.2.3.4",
    "1.2.3.4/",
    "1.2.3.4/33",
    "::/129",
    "::/-1",
    "::/064",
    "::/ 64",
    "::/6x",
    "::/1/2",
    "/64",
    "fe80::1%eth0/64",
    "1.2.3/8",
    "::/1e1",
  ])("refuses %j", (text) => {
    expect(Prefix.parse(text)).toBeNull();
  });
});

describe("Prefix", () => {
  it("contains exactly the addresses of its family that share its leading bits", () => {
    const family = fc.constantFrom<4 | 6>(4, 6);
    fc.assert(
      fc.property(
        family,
        fc.tuple(word, word, word, word),
        fc.nat(128),
        fc.nat(127),
        (family, [w0, w1, w2, w3], length, flipped) => {
          const width = family === 4 ? 32 : 128;
          const base = IpAddress.fromWords(family, w0, w1, w2, w3);
          const block = Prefix.of(base, length % (width + 1));
          const words = [base.w0, base.w1, base.w2, base.w3];
          const bit = flipped % width;
          words[family === 4 ? 3 : bit >>> 5] ^= 1 << (31 - (bit & 31));
          const other = IpAddress.fromWords(family, words[0], words[1], words[2], words[3]);
          const fixed = bits(base).slice(0, block.length);
          expect(block.contains(base)).toBe(true);
          expect(bits(block.address)).toBe(fixed.padEnd(width, "0"));
          expect(block.contains(other)).toBe(bits(other).startsWith(fixed));
          expect(block.containsWords(family, other.w0, other.w1, other.w2, other.w3)).toBe(
            block.contains(other),
          );
          expect(prefix(block.toString()).equals(block)).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("never contains addresses of the other family", () => {
    expect(prefix("0.0.0.0/0").contains(address("::"))).toBe(false);
    expect(prefix("::/0").contains(address("0.0.0.0"))).toBe(false);
    expect(prefix("::ffff:0:0/96").contains(address("1.2.3.4"))).toBe(false);
  });

  it("contains addresses with a zone by their bits", () => {
    expect(prefix("fe80::/10").contains(address("fe80::1%eth0"))).toBe(true);
  });

  it("equals() compares address and length", () => {
    expect(prefix("10.0.0.0/8").equals(prefix("10.9.9.9/8"))).toBe(true);
    expect(prefix("10.0.0.0/8").equals(prefix("10.0.0.0/9"))).toBe(false);
    expect(prefix("::/32").equals(prefix("0.0.0.0/32"))).toBe(false);
  });

  it("of() throws RangeError for a length that the family does not have", () => {
    expect(() => Prefix.of(IpAddress.LOOPBACK_V4, 33)).toThrow(RangeError);
    expect(() => Prefix.of(IpAddress.LOOPBACK_V6, 129)).toThrow(RangeError);
    expect(() => Prefix.of(IpAddress.LOOPBACK_V6, 1.5)).toThrow(
      "Cannot make a prefix of ::1: the length 1.5 is not in 0..128",
    );
  });

  it("embeds IPv4 addresses in a /96 and extracts them again (RFC 6052 §2.4)", () => {
    const block = prefix("64:ff9b::/96");
    expect(block.embedIpv4(address("192.0.2.33")).toString()).toBe("64:ff9b::c000:221");
    expect(String(block.extractIpv4(address("64:ff9b::192.0.2.33")))).toBe("192.0.2.33");
    expect(block.extractIpv4(address("64:ff9c::192.0.2.33"))).toBeNull();
    expect(block.extractIpv4(address("192.0.2.33"))).toBeNull();
    fc.assert(
      fc.property(word, (w3) => {
        const ipv4 = IpAddress.fromWords(4, 0, 0, 0, w3);
        expect(block.extractIpv4(block.embedIpv4(ipv4))?.equals(ipv4)).toBe(true);
      }),
    );
  });

  it("refuses to embed in anything but an IPv6 /96, and anything but IPv4", () => {
    expect(() => prefix("fd00::/64").embedIpv4(IpAddress.LOOPBACK_V4)).toThrow(
      "Cannot hold IPv4 addresses in fd00::/64: only an IPv6 /96 can",
    );
    expect(() => prefix("10.0.0.0/8").extractIpv4(IpAddress.LOOPBACK_V4)).toThrow(RangeError);
    expect(() => prefix("fd00::/96").embedIpv4(IpAddress.LOOPBACK_V6)).toThrow(RangeError);
  });
});
