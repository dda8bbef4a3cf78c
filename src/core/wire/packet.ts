// An IP packet as values: IPv4 (RFC 791), IPv6 (RFC 8200) and, inside, TCP. Packet is a reusable struct:
// parsing fills it and allocates nothing. It refers to the bytes it was parsed from. Fragments are refused,
// IPv4 options and IPv6 extension headers are skipped.

import { readInt32, readUint16 } from "./big-endian.ts";
import { addToSum, finishSum } from "./checksum.ts";
import { IpAddress } from "./ip-address.ts";
import { skipExtensionHeaders } from "./ipv6-extensions.ts";
import { Malformed } from "./malformed.ts";
import { Protocol } from "./protocol.ts";
import { parseTcpSegment, TcpSegment } from "./tcp-segment.ts";

/** One IP packet. Address words are signed; an IPv4 address is in the last word and the others are 0. */
export class Packet {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the packet begins in `bytes`. */
  start: number = 0;
  /** Where the packet ends, by its own length field; the bytes may go on. */
  end: number = 0;
  version: 4 | 6 = 4;
  /** The protocol of the payload: in IPv6 that of the header after all extension headers. */
  protocol: number = 0;
  /** IPv4's type of service, IPv6's traffic class: DSCP and, in the low two bits, ECN. */
  trafficClass: number = 0;
  /** IPv4's time to live, IPv6's hop limit. */
  hopLimit: number = 0;
  sourceW0: number = 0;
  sourceW1: number = 0;
  sourceW2: number = 0;
  sourceW3: number = 0;
  destinationW0: number = 0;
  destinationW1: number = 0;
  destinationW2: number = 0;
  destinationW3: number = 0;
  /** Where the transport header begins in `bytes`. */
  payloadStart: number = 0;
  payloadEnd: number = 0;
  /** The segment, when `protocol` is TCP. */
  readonly tcp: TcpSegment = new TcpSegment();

  isFrom(address: IpAddress): boolean {
    return address.equalsWords(this.version, this.sourceW0, this.sourceW1, this.sourceW2, this.sourceW3);
  }

  isTo(address: IpAddress): boolean {
    return address.equalsWords(
      this.version,
      this.destinationW0,
      this.destinationW1,
      this.destinationW2,
      this.destinationW3,
    );
  }

  /** The source address, in a new object. */
  source(): IpAddress {
    return IpAddress.fromWords(this.version, this.sourceW0, this.sourceW1, this.sourceW2, this.sourceW3);
  }

  /** The destination address, in a new object. */
  destination(): IpAddress {
    return IpAddress.fromWords(
      this.version,
      this.destinationW0,
      this.destinationW1,
      this.destinationW2,
      this.destinationW3,
    );
  }
}

/**
 * The total length in bytes of the packet that begins at `start`, by its header. 0: more bytes are needed to
 * tell (4 in IPv4, 6 in IPv6). -1: no IP packet begins like this.
 */
export function packetLength(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return 0;
  const version = bytes[start] >>> 4;
  if (version === 4) {
    if (end - start < 4) return 0;
    const length = readUint16(bytes, start + 2);
    return length < 20 ? -1 : length;
  }
  if (version !== 6) return -1;
  return end - start < 6 ? 0 : 40 + readUint16(bytes, start + 4);
}

/**
 * Parses the packet at `bytes[start..end)`, and the segment in it when its protocol is TCP. Anything else
 * that IP may carry is accepted with its `protocol`, and `tcp` is left as it was; see icmp.ts. Returns why it
 * is refused, or Malformed.none. Never throws. After a refusal, fields mean nothing, but `end` and the
 * payload's positions stay within the range. With `verifyChecksums` false, neither the IPv4 header's nor the
 * segment's checksum is looked at.
 */
export function parsePacket(
  packet: Packet,
  bytes: Uint8Array,
  start: number,
  end: number,
  verifyChecksums: boolean,
): Malformed {
  packet.bytes = bytes;
  packet.start = start;
  packet.end = end;
  packet.payloadStart = end;
  packet.payloadEnd = end;
  if (start >= end || end > bytes.length) return Malformed.truncated;
  const version = bytes[start] >>> 4;
  if (version !== 4 && version !== 6) return Malformed.badVersion;
  const refused =
    version === 4
      ? parseIpv4(packet, bytes, start, end, verifyChecksums)
      : parseIpv6(packet, bytes, start, end);
  if (refused !== Malformed.none || packet.protocol !== Protocol.tcp) return refused;
  if (packet.payloadEnd - packet.payloadStart < 20) return Malformed.truncated;
  if (verifyChecksums && finishSum(transportSum(packet)) !== 0) return Malformed.badChecksum;
  return parseTcpSegment(packet.tcp, bytes, packet.payloadStart, packet.payloadEnd);
}

/**
 * The sum of the payload and its pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1): finishSum() is 0 when it
 * verifies.
 */
export function transportSum(packet: Packet): number {
  const { bytes, start, payloadStart, payloadEnd } = packet;
  const lengthAndProtocol = payloadEnd - payloadStart + packet.protocol;
  const addresses = start + (packet.version === 4 ? 12 : 8);
  const afterAddresses = start + (packet.version === 4 ? 20 : 40);
  // Without options or extension headers the addresses lie right before the payload: one range.
  if (payloadStart === afterAddresses) return addToSum(lengthAndProtocol, bytes, addresses, payloadEnd);
  return addToSum(
    addToSum(lengthAndProtocol, bytes, addresses, afterAddresses),
    bytes,
    payloadStart,
    payloadEnd,
  );
}

function parseIpv4(
  packet: Packet,
  bytes: Uint8Array,
  start: number,
  end: number,
  verify: boolean,
): Malformed {
  if (end - start < 20) return Malformed.truncated;
  const headerLength = (bytes[start] & 15) * 4;
  if (headerLength < 20) return Malformed.badHeaderLength;
  const totalLength = readUint16(bytes, start + 2);
  if (totalLength < headerLength) return Malformed.badTotalLength;
  if (totalLength > end - start) return Malformed.truncated;
  if (verify && finishSum(addToSum(0, bytes, start, start + headerLength)) !== 0)
    return Malformed.badHeaderChecksum;
  // More-fragments bit or a fragment offset.
  if ((readUint16(bytes, start + 6) & 0x3fff) !== 0) return Malformed.fragment;
  packet.version = 4;
  packet.end = start + totalLength;
  packet.trafficClass = bytes[start + 1];
  packet.hopLimit = bytes[start + 8];
  packet.protocol = bytes[start + 9];
  packet.sourceW0 = 0;
  packet.sourceW1 = 0;
  packet.sourceW2 = 0;
  packet.sourceW3 = readInt32(bytes, start + 12);
  packet.destinationW0 = 0;
  packet.destinationW1 = 0;
  packet.destinationW2 = 0;
  packet.destinationW3 = readInt32(bytes, start + 16);
  packet.payloadStart = start + headerLength;
  packet.payloadEnd = packet.end;
  return Malformed.none;
}

function parseIpv6(packet: Packet, bytes: Uint8Array, start: number, end: number): Malformed {
  if (end - start < 40) return Malformed.truncated;
  const totalLength = 40 + readUint16(bytes, start + 4);
  if (totalLength > end - start) return Malformed.truncated;
  packet.version = 6;
  packet.end = start + totalLength;
  packet.trafficClass = ((bytes[start] & 15) << 4) | (bytes[start + 1] >>> 4);
  packet.protocol = bytes[start + 6];
  packet.hopLimit = bytes[start + 7];
  packet.sourceW0 = readInt32(bytes, start + 8);
  packet.sourceW1 = readInt32(bytes, start + 12);
  packet.sourceW2 = readInt32(bytes, start + 16);
  packet.sourceW3 = readInt32(bytes, start + 20);
  packet.destinationW0 = readInt32(bytes, start + 24);
  packet.destinationW1 = readInt32(bytes, start + 28);
  packet.destinationW2 = readInt32(bytes, start + 32);
  packet.destinationW3 = readInt32(bytes, start + 36);
  packet.payloadStart = start + 40;
  packet.payloadEnd = packet.end;
  return packet.protocol === Protocol.tcp ? Malformed.none : skipExtensionHeaders(packet);
}
