// Why bytes were refused. Parsers return one of these codes and never throw; `none` (0) means accepted.
// The codes are small consecutive integers, so a counter per code is an array.

export const Malformed = {
  /** Accepted. */
  none: 0,
  /** The bytes end before the packet, header or message does. */
  truncated: 1,
  /** The version is neither 4 nor 6. */
  badVersion: 2,
  /** The IPv4 header length is below 20 bytes. */
  badHeaderLength: 3,
  /** The IPv4 total length is below the header length, or an IPv6 packet is a jumbogram. */
  badTotalLength: 4,
  /** A fragment: fourtuple refuses to reassemble (RFC 8900). */
  fragment: 5,
  /** The TCP or ICMP checksum is wrong. */
  badChecksum: 6,
  /** The IPv4 header checksum is wrong. */
  badHeaderChecksum: 7,
  /** The TCP data offset is below 20 bytes or beyond the segment. */
  badDataOffset: 8,
  /** A TCP option has length 0 or 1, or runs beyond the header (RFC 9293 MUST-7). */
  badOption: 9,
  /**
   * An IPv6 extension header runs beyond the packet, is out of order, or still has segments left to visit.
   */
  badExtensionHeader: 10,
  /** An unknown IPv6 option whose type says: discard the packet (RFC 8200 §4.2). */
  unknownOption: 11,
  /** A protocol that is not spoken here: from parseIcmp(), and for whoever demultiplexes packets. */
  unsupportedProtocol: 12,
} as const;

export type Malformed = (typeof Malformed)[keyof typeof Malformed];

/** How many codes there are: the length of an array of counters. */
export const malformedCodes = 13;

const texts: readonly string[] = [
  "well formed",
  "truncated",
  "not an IP packet",
  "bad IPv4 header length",
  "bad total length",
  "fragment",
  "bad checksum",
  "bad IPv4 header checksum",
  "bad TCP data offset",
  "bad TCP option",
  "bad IPv6 extension header",
  "unknown IPv6 option that must not be skipped",
  "unsupported protocol",
];

/** A few lower-case words for a code, fit to follow a colon. */
export function malformedText(code: Malformed): string {
  return texts[code];
}
