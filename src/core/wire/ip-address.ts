// An IPv4 or IPv6 address as four 32-bit words: what tables compare and hash without text or arrays. Ranges:
// RFC 1122 §3.2.1.3, RFC 4291 §2.4 and §2.5, RFC 3927, RFC 4007 (zones). What an address may be used for is
// policy and lives elsewhere.

import { readInt32, writeUint32 } from "./big-endian.ts";
import { formatIpv4, formatIpv6, parseIpv4Text, parseIpv6Text, parseLegacyIpv4Text } from "./ip-text.ts";

/** An immutable IP address. */
export class IpAddress {
  /** 0.0.0.0 */
  static readonly UNSPECIFIED_V4: IpAddress = new IpAddress(4, 0, 0, 0, 0, null);
  /** :: */
  static readonly UNSPECIFIED_V6: IpAddress = new IpAddress(6, 0, 0, 0, 0, null);
  /** 127.0.0.1 */
  static readonly LOOPBACK_V4: IpAddress = new IpAddress(4, 0, 0, 0, 0x7f00_0001, null);
  /** ::1 */
  static readonly LOOPBACK_V6: IpAddress = new IpAddress(6, 0, 0, 0, 1, null);

  readonly family: 4 | 6;
  /** The first (most significant) 32 bits, signed; 0 in IPv4. */
  readonly w0: number;
  /** The second 32 bits, signed; 0 in IPv4. */
  readonly w1: number;
  /** The third 32 bits, signed; 0 in IPv4. */
  readonly w2: number;
  /** The last 32 bits, signed; all of an IPv4 address. */
  readonly w3: number;
  /** The zone after "%" in the text of an IPv6 address (RFC 4007), or null. It is never on the wire. */
  readonly zone: string | null;

  private constructor(family: 4 | 6, w0: number, w1: number, w2: number, w3: number, zone: string | null) {
    this.family = family;
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = w2;
    this.w3 = w3;
    this.zone = zone;
  }

  /**
   * Reads an address: a dotted quad of plain decimal numbers, or any form of RFC 4291 and RFC 5952 with or
   * without a zone. No brackets, port or prefix length. Null for anything else.
   */
  static parse(text: string): IpAddress | null {
    if (!text.includes(":")) {
      const word = parseIpv4Text(text);
      return word === null ? null : new IpAddress(4, 0, 0, 0, word, null);
    }
    const percent = text.indexOf("%");
    const zone = percent < 0 ? null : text.slice(percent + 1);
    if (zone !== null && !isZone(zone)) return null;
    const words = parseIpv6Text(percent < 0 ? text : text.slice(0, percent));
    return words === null ? null : new IpAddress(6, words[0], words[1], words[2], words[3], zone);
  }

  /** The IPv4 address a.b.c.d; of each number the low 8 bits count. */
  static v4(a: number, b: number, c: number, d: number): IpAddress {
    return new IpAddress(
      4,
      0,
      0,
      0,
      ((a & 255) << 24) | ((b & 255) << 16) | ((c & 255) << 8) | (d & 255),
      null,
    );
  }

  /** Reads 4 or 16 bytes in network order; they have to be there. */
  static fromBytes(bytes: Uint8Array, offset: number, family: 4 | 6): IpAddress {
    if (family === 4) return new IpAddress(4, 0, 0, 0, readInt32(bytes, offset), null);
    return new IpAddress(
      6,
      readInt32(bytes, offset),
      readInt32(bytes, offset + 4),
      readInt32(bytes, offset + 8),
      readInt32(bytes, offset + 12),
      null,
    );
  }

  /** From 32-bit words, signed or unsigned; in IPv4 only `w3` counts. */
  static fromWords(family: 4 | 6, w0: number, w1: number, w2: number, w3: number): IpAddress {
    if (family === 4) return new IpAddress(4, 0, 0, 0, w3 | 0, null);
    return new IpAddress(6, w0 | 0, w1 | 0, w2 | 0, w3 | 0, null);
  }

  /** The same address in the same zone. An IPv4 address never equals the IPv6 address that maps it. */
  equals(other: IpAddress): boolean {
    return this.equalsWords(other.family, other.w0, other.w1, other.w2, other.w3) && this.zone === other.zone;
  }

  /** The same family and bits, whatever the zone. Words are signed, as a parsed packet has them. */
  equalsWords(family: number, w0: number, w1: number, w2: number, w3: number): boolean {
    return this.w3 === w3 && this.w2 === w2 && this.w1 === w1 && this.w0 === w0 && this.family === family;
  }

  /**
   * A signed 32-bit mix of family and words for hash tables. Not keyed: no defence against chosen addresses.
   */
  get hash(): number {
    return hashWords(this.family, this.w0, this.w1, this.w2, this.w3);
  }

  /** RFC 5952 text, with the zone; mapped IPv4 addresses as ::ffff:a.b.c.d. */
  toString(): string {
    if (this.family === 4) return formatIpv4(this.w3);
    const text = formatIpv6(this.w0, this.w1, this.w2, this.w3);
    return this.zone === null ? text : `${text}%${this.zone}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** Writes the 4 or 16 bytes in network order. */
  writeTo(bytes: Uint8Array, offset: number): void {
    if (this.family === 4) {
      writeUint32(bytes, offset, this.w3);
      return;
    }
    writeUint32(bytes, offset, this.w0);
    writeUint32(bytes, offset + 4, this.w1);
    writeUint32(bytes, offset + 8, this.w2);
    writeUint32(bytes, offset + 12, this.w3);
  }

  /** This address without its zone. */
  withoutZone(): IpAddress {
    return this.zone === null ? this : new IpAddress(6, this.w0, this.w1, this.w2, this.w3, null);
  }

  /** 0.0.0.0 or ::. */
  get isUnspecified(): boolean {
    return (this.w0 | this.w1 | this.w2 | this.w3) === 0;
  }

  /** 127.0.0.0/8 or ::1. */
  get isLoopback(): boolean {
    if (this.family === 4) return this.w3 >>> 24 === 127;
    return (this.w0 | this.w1 | this.w2) === 0 && this.w3 === 1;
  }

  /** 224.0.0.0/4 or ff00::/8. */
  get isMulticast(): boolean {
    return this.family === 4 ? this.w3 >>> 28 === 14 : this.w0 >>> 24 === 255;
  }

  /** The limited broadcast address 255.255.255.255. */
  get isBroadcast(): boolean {
    return this.family === 4 && this.w3 === -1;
  }

  /** 169.254.0.0/16 or fe80::/10. */
  get isLinkLocal(): boolean {
    return this.family === 4 ? this.w3 >>> 16 === 0xa9fe : this.w0 >>> 22 === 0x3fa;
  }

  /** 10/8, 172.16/12 and 192.168/16 (RFC 1918), or fc00::/7 (RFC 4193). */
  get isPrivate(): boolean {
    if (this.family === 6) return this.w0 >>> 25 === 0x7e;
    return this.w3 >>> 24 === 10 || this.w3 >>> 20 === 0xac1 || this.w3 >>> 16 === 0xc0a8;
  }

  /** ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
  get isIpv4Mapped(): boolean {
    return this.family === 6 && this.w0 === 0 && this.w1 === 0 && this.w2 === 0xffff;
  }

  /** The IPv4 address itself, or the one that a mapped IPv6 address stands for; null for any other. */
  toIpv4(): IpAddress | null {
    if (this.family === 4) return this;
    return this.isIpv4Mapped ? new IpAddress(4, 0, 0, 0, this.w3, null) : null;
  }
}

/** The hash of IpAddress.hash for words that are not in an object. */
export function hashWords(family: number, w0: number, w1: number, w2: number, w3: number): number {
  let mixed = Math.imul(family ^ w0, 0x9e37_79b1);
  mixed = Math.imul((mixed ^ (mixed >>> 15)) + w1, 0x85eb_ca77);
  mixed = Math.imul((mixed ^ (mixed >>> 13)) + w2, 0xc2b2_ae3d);
  mixed = Math.imul((mixed ^ (mixed >>> 16)) + w3, 0x27d4_eb2f);
  return mixed ^ (mixed >>> 15);
}

/**
 * Reads every form of IPv4 address that inet_aton() or a URL parser takes (127.1, 0x7f.1, 017700000001,
 * 2130706433), so that policy sees what a resolver would see. Null for anything else. Never a replacement for
 * IpAddress.parse().
 */
export function parseLegacyIpv4(text: string): IpAddress | null {
  const word = parseLegacyIpv4Text(text);
  return word === null ? null : IpAddress.fromWords(4, 0, 0, 0, word);
}

/**
 * RFC 4007 leaves the text of a zone open; interface names and numbers have none of the characters refused
 * here.
 */
function isZone(text: string): boolean {
  return text.length <= 64 && /^[^\s%/[\]]+$/.test(text);
}
