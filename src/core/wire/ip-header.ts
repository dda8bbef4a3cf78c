// Writing IP headers and the checksums of what they carry: IPv4 (RFC 791) without options, IPv6 (RFC 8200)
// without extension headers.

import { readUint16, writeUint16, writeUint32 } from "./big-endian.ts";
import { addToSum, finishSum } from "./checksum.ts";
import type { IpAddress } from "./ip-address.ts";
import { Protocol } from "./protocol.ts";

/**
 * Don't fragment: path MTU discovery (RFC 1191) needs it, and makes the identification meaningless (RFC
 * 6864).
 */
const DONT_FRAGMENT = 0x4000;

/** Bytes of the header that writeIpHeader() writes. */
export function ipHeaderLength(family: 4 | 6): 20 | 40 {
  return family === 4 ? 20 : 40;
}

/**
 * Writes an IP header at `out[at..]`, the IPv4 header checksum included; both addresses are of one family.
 * `payloadLength` is what follows the header, at most 65,515 bytes in IPv4 and 65,535 in IPv6.
 * `identification` is IPv4's alone; the don't-fragment bit is set. IPv6's flow label is 0.
 */
export function writeIpHeader(
  out: Uint8Array,
  at: number,
  source: IpAddress,
  destination: IpAddress,
  protocol: number,
  payloadLength: number,
  trafficClass: number,
  hopLimit: number,
  identification: number,
): void {
  if (destination.family === 4) {
    const first = 0x4500 | (trafficClass & 0xff);
    const totalLength = (20 + payloadLength) & 0xffff;
    const hopLimitAndProtocol = ((hopLimit & 0xff) << 8) | (protocol & 0xff);
    const sum = first + totalLength + (identification & 0xffff) + DONT_FRAGMENT + hopLimitAndProtocol;
    writeUint16(out, at, first);
    writeUint16(out, at + 2, totalLength);
    writeUint16(out, at + 4, identification);
    writeUint16(out, at + 6, DONT_FRAGMENT);
    writeUint16(out, at + 8, hopLimitAndProtocol);
    writeUint16(out, at + 10, finishSum(sum + sumOfWord(source.w3) + sumOfWord(destination.w3)));
    writeUint32(out, at + 12, source.w3);
    writeUint32(out, at + 16, destination.w3);
    return;
  }
  writeUint32(out, at, 0x6000_0000 | ((trafficClass & 0xff) << 20));
  writeUint16(out, at + 4, payloadLength);
  out[at + 6] = protocol;
  out[at + 7] = hopLimit;
  source.writeTo(out, at + 8);
  destination.writeTo(out, at + 24);
}

function sumOfWord(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/**
 * Fills the TCP checksum of a finished packet in `out[at..end)`. IPv4 options are allowed, extension headers
 * not. `sum` is that of `out[summedFrom..end)`, where the caller has it already.
 */
export function writeTcpChecksum(
  out: Uint8Array,
  at: number,
  end: number,
  summedFrom: number = end,
  sum: number = 0,
): void {
  writeTransportChecksum(out, at, end, Protocol.tcp, 16, summedFrom, sum);
}

/** Fills the checksum of a finished ICMPv6 packet, which covers a pseudo-header (RFC 4443 §2.3). */
export function writeIcmpv6Checksum(out: Uint8Array, at: number, end: number): void {
  writeTransportChecksum(out, at, end, Protocol.icmpv6, 2, end, 0);
}

function writeTransportChecksum(
  out: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  field: number,
  summedFrom: number,
  known: number,
): void {
  const ipv4 = out[at] >>> 4 === 4;
  const addresses = at + (ipv4 ? 12 : 8);
  const afterAddresses = at + (ipv4 ? 20 : 40);
  const payload = ipv4 ? at + (out[at] & 15) * 4 : afterAddresses;
  const previous = readUint16(out, payload + field);
  if (previous !== 0) writeUint16(out, payload + field, 0);
  const begun = end - payload + protocol + known;
  const sum =
    payload === afterAddresses
      ? addToSum(begun, out, addresses, summedFrom)
      : addToSum(addToSum(begun, out, addresses, afterAddresses), out, payload, summedFrom);
  writeUint16(out, payload + field, finishSum(sum));
}
