// Writing ICMP (RFC 792, RFC 1122 §3.2.2) and ICMPv6 (RFC 4443): echo replies, and errors that quote the
// packet they are about. Both return a whole IP packet, or null where the RFCs forbid to answer. How often to
// answer is the caller's to limit (RFC 1812 §4.3.2.8, RFC 4443 §2.4 f).

import { writeUint16, writeUint32 } from "./big-endian.ts";
import type { Bytes } from "./bytes.ts";
import { addToSum, finishSum } from "./checksum.ts";
import type { UnreachableReason } from "./icmp.ts";
import type { IpAddress } from "./ip-address.ts";
import { ipHeaderLength, writeIcmpv6Checksum, writeIpHeader } from "./ip-header.ts";
import type { Packet } from "./packet.ts";
import { Protocol } from "./protocol.ts";

/** RFC 1812 §4.3.2.3: an IPv4 error has at most 576 bytes, its IP header included. */
const MAX_ERROR_V4 = 576;

/** RFC 4443 §2.4 c: an ICMPv6 error has at most IPv6's minimum MTU. */
const MAX_ERROR_V6 = 1280;

/**
 * What an error says. `mtu` in bytes of IP packet; `pointer` is the position of the bad byte in the quoted
 * packet.
 */
export type IcmpError =
  | { readonly kind: "unreachable"; readonly reason: UnreachableReason }
  | { readonly kind: "too-big"; readonly mtu: number }
  | { readonly kind: "time-exceeded"; readonly code: 0 | 1 }
  | { readonly kind: "parameter-problem"; readonly code: number; readonly pointer: number };

/**
 * The reply to an echo request (a parsed packet whose message parseIcmp() called "echo-request"), from the
 * address it was sent to. Null when it was sent to many hosts or not from one (RFC 1122 §3.2.2.6, RFC 4443
 * §4.2).
 */
export function buildEchoReply(request: Packet, hopLimit: number): Bytes | null {
  const { bytes, payloadStart, payloadEnd } = request;
  const local = request.destination();
  const remote = request.source();
  if (isMany(local) || isMany(remote) || local.isUnspecified || remote.isUnspecified) return null;
  const header = ipHeaderLength(request.version);
  const out = new Uint8Array(header + payloadEnd - payloadStart);
  out.set(bytes.subarray(payloadStart, payloadEnd), header);
  out[header] = request.version === 4 ? 0 : 129;
  writeUint16(out, header + 2, 0);
  return finish(out, local, remote, hopLimit);
}

/**
 * An error about `packet` (one that parsePacket() took apart as far as its IP header), sent from `source` to
 * the packet's source. Null when there must be none: about an ICMP error or redirect, to many hosts or not
 * from one (RFC 1122 §3.2.2, RFC 4443 §2.4 e). "too-big" may answer an IPv6 multicast.
 */
export function buildIcmpError(
  packet: Packet,
  source: IpAddress,
  error: IcmpError,
  hopLimit: number,
): Bytes | null {
  const remote = packet.source();
  const ipv4 = packet.version === 4;
  if (isMany(remote) || remote.isUnspecified || isIcmpError(packet)) return null;
  if (isMany(packet.destination()) && (ipv4 || error.kind !== "too-big")) return null;
  const header = ipHeaderLength(packet.version);
  const room = (ipv4 ? MAX_ERROR_V4 : MAX_ERROR_V6) - header - 8;
  const quotedEnd = Math.min(packet.end, packet.start + room);
  const out = new Uint8Array(header + 8 + quotedEnd - packet.start);
  if (ipv4) writeErrorV4(out, header, error);
  else writeErrorV6(out, header, error);
  out.set(packet.bytes.subarray(packet.start, quotedEnd), header + 8);
  return finish(out, source, remote, hopLimit);
}

function writeErrorV4(out: Bytes, at: number, error: IcmpError): void {
  switch (error.kind) {
    case "unreachable":
      out[at] = 3;
      out[at + 1] = { net: 0, host: 1, protocol: 2, port: 3, prohibited: 13, other: 1 }[error.reason];
      return;
    case "too-big":
      out[at] = 3;
      out[at + 1] = 4;
      writeUint16(out, at + 6, Math.min(error.mtu, 0xffff));
      return;
    case "time-exceeded":
      out[at] = 11;
      out[at + 1] = error.code;
      return;
    case "parameter-problem":
      out[at] = 12;
      out[at + 1] = error.code;
      out[at + 4] = error.pointer;
  }
}

function writeErrorV6(out: Bytes, at: number, error: IcmpError): void {
  switch (error.kind) {
    case "unreachable":
      // ICMPv6 says "protocol" as a parameter problem at the next-header field (RFC 4443 §3.4).
      if (error.reason === "protocol") {
        writeErrorV6(out, at, { kind: "parameter-problem", code: 1, pointer: 6 });
        return;
      }
      out[at] = 1;
      out[at + 1] = { net: 0, host: 3, port: 4, prohibited: 1, other: 3 }[error.reason];
      return;
    case "too-big":
      out[at] = 2;
      writeUint32(out, at + 4, error.mtu);
      return;
    case "time-exceeded":
      out[at] = 3;
      out[at + 1] = error.code;
      return;
    case "parameter-problem":
      out[at] = 4;
      out[at + 1] = error.code;
      writeUint32(out, at + 4, error.pointer);
  }
}

/** Writes the IP header and the checksum of a message that is in its place. */
function finish(out: Bytes, source: IpAddress, destination: IpAddress, hopLimit: number): Bytes {
  const header = ipHeaderLength(destination.family);
  const protocol = destination.family === 4 ? Protocol.icmp : Protocol.icmpv6;
  writeIpHeader(out, 0, source, destination, protocol, out.length - header, 0, hopLimit, 0);
  if (destination.family === 6) writeIcmpv6Checksum(out, 0, out.length);
  else writeUint16(out, header + 2, finishSum(addToSum(0, out, header, out.length)));
  return out;
}

function isMany(address: IpAddress): boolean {
  return address.isMulticast || address.isBroadcast;
}

/** True for everything of ICMP but questions and answers; an unreadable message counts as an error. */
function isIcmpError(packet: Packet): boolean {
  if (packet.protocol === Protocol.icmpv6) {
    return packet.payloadStart >= packet.payloadEnd || packet.bytes[packet.payloadStart] < 128;
  }
  if (packet.protocol !== Protocol.icmp) return false;
  const type = packet.payloadStart < packet.payloadEnd ? packet.bytes[packet.payloadStart] : 3;
  return type !== 0 && type !== 8 && (type < 13 || type > 18);
}
