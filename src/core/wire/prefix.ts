// An address prefix in CIDR notation (RFC 4632, RFC 4291 §2.3), and IPv4 addresses in the last 32 bits of a
// /96 (RFC 6052 §2.2).

import { IpAddress } from "./ip-address.ts";

/** An immutable block of addresses. */
export class Prefix {
  /** The first address of the block: the bits after the prefix are zero. */
  readonly address: IpAddress;
  /** How many leading bits are fixed: 0 to 32 in IPv4, 0 to 128 in IPv6. */
  readonly length: number;
  private readonly mask0: number;
  private readonly mask1: number;
  private readonly mask2: number;
  private readonly mask3: number;

  private constructor(address: IpAddress, length: number) {
    const fixed = address.family === 4 ? length + 96 : length;
    this.mask0 = maskOf(fixed);
    this.mask1 = maskOf(fixed - 32);
    this.mask2 = maskOf(fixed - 64);
    this.mask3 = maskOf(fixed - 96);
    this.address = IpAddress.fromWords(
      address.family,
      address.w0 & this.mask0,
      address.w1 & this.mask1,
      address.w2 & this.mask2,
      address.w3 & this.mask3,
    );
    this.length = length;
  }

  /** Reads "address/length"; bits after the prefix are cleared. Null for anything else, a zone included. */
  static parse(text: string): Prefix | null {
    const slash = text.indexOf("/");
    const address = slash < 0 ? null : IpAddress.parse(text.slice(0, slash));
    if (address === null || address.zone !== null) return null;
    const digits = text.slice(slash + 1);
    if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return null;
    const length = Number(digits);
    return length > bitsOf(address) ? null : new Prefix(address, length);
  }

  /**
   * The block of `length` leading bits around `address`. Throws RangeError when its family has no such
   * length.
   */
  static of(address: IpAddress, length: number): Prefix {
    if (!Number.isInteger(length) || length < 0 || length > bitsOf(address)) {
      throw new RangeError(
        `Cannot make a prefix of ${address}: the length ${length} is not in 0..${bitsOf(address)}`,
      );
    }
    return new Prefix(address, length);
  }

  /** True for addresses of the same family inside the block. */
  contains(address: IpAddress): boolean {
    return this.containsWords(address.family, address.w0, address.w1, address.w2, address.w3);
  }

  /** As contains(), with the signed words of a parsed packet. */
  containsWords(family: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const network = this.address;
    return (
      family === network.family &&
      (w0 & this.mask0) === network.w0 &&
      (w1 & this.mask1) === network.w1 &&
      (w2 & this.mask2) === network.w2 &&
      (w3 & this.mask3) === network.w3
    );
  }

  equals(other: Prefix): boolean {
    return this.length === other.length && this.address.equals(other.address);
  }

  /** "address/length", in RFC 5952 form. */
  toString(): string {
    return `${this.address}/${this.length}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /**
   * The IPv6 address that stands for an IPv4 address in this /96. Throws RangeError when this is no IPv6 /96.
   */
  embedIpv4(ipv4: IpAddress): IpAddress {
    this.requireSlash96();
    if (ipv4.family !== 4) throw new RangeError(`Cannot embed ${ipv4} in ${this}: it is not an IPv4 address`);
    return IpAddress.fromWords(6, this.address.w0, this.address.w1, this.address.w2, ipv4.w3);
  }

  /**
   * The IPv4 address that an address of this /96 stands for; null outside. Throws RangeError when no IPv6
   * /96.
   */
  extractIpv4(address: IpAddress): IpAddress | null {
    this.requireSlash96();
    return this.contains(address) ? IpAddress.fromWords(4, 0, 0, 0, address.w3) : null;
  }

  private requireSlash96(): void {
    if (this.address.family !== 6 || this.length !== 96) {
      throw new RangeError(`Cannot hold IPv4 addresses in ${this}: only an IPv6 /96 can`);
    }
  }
}

function bitsOf(address: IpAddress): 32 | 128 {
  return address.family === 4 ? 32 : 128;
}

/** The mask of the `fixed` leading bits of one word; less than none and more than 32 are none and all. */
function maskOf(fixed: number): number {
  return fixed <= 0 ? 0 : fixed >= 32 ? -1 : -1 << (32 - fixed);
}
