// ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443) messages as values: echo, and the errors that matter to TCP
// with the four-tuple and sequence number of the segment they quote. Writing them: icmp-build.ts. IcmpMessage
// is a reusable struct: parsing fills it and allocates nothing.

import { readInt32, readUint16, readUint32 } from "./big-endian.ts";
import { addToSum, finishSum } from "./checksum.ts";
import { Malformed } from "./malformed.ts";
import { type Packet, transportSum } from "./packet.ts";
import { Protocol } from "./protocol.ts";

/** What a message is, the same for both families. `other`: well formed, nothing that fourtuple acts on. */
export type IcmpKind =
  | "echo-request"
  | "echo-reply"
  | "unreachable"
  | "too-big"
  | "time-exceeded"
  | "parameter-problem"
  | "other";

/** Why a destination is unreachable, the same for both families. */
export type UnreachableReason = "net" | "host" | "protocol" | "port" | "prohibited" | "other";

/** One ICMP or ICMPv6 message. */
export class IcmpMessage {
  kind: IcmpKind = "other";
  /** The type on the wire; its meaning differs between the families. */
  type: number = 0;
  /** The code on the wire; its meaning differs between the families. */
  code: number = 0;
  /** Of `unreachable`; "other" for all other kinds. */
  reason: UnreachableReason = "other";
  /**
   * Of `too-big`: the next hop's MTU, in bytes of IP packet; 0 when an old router (before RFC 1191) does not
   * say.
   */
  mtu: number = 0;
  /** Of echo messages. */
  identifier: number = 0;
  /** Of echo messages. */
  sequence: number = 0;
  /** What an error quotes of the packet it is about. */
  readonly quoted: QuotedSegment = new QuotedSegment();
}

/**
 * The beginning of a packet inside an ICMP error: one that this host is said to have sent. Words are signed.
 */
export class QuotedSegment {
  /**
   * True when a TCP header's ports and sequence number were there; false leaves all other fields without
   * meaning.
   */
  present: boolean = false;
  version: 4 | 6 = 4;
  sourceW0: number = 0;
  sourceW1: number = 0;
  sourceW2: number = 0;
  sourceW3: number = 0;
  destinationW0: number = 0;
  destinationW1: number = 0;
  destinationW2: number = 0;
  destinationW3: number = 0;
  sourcePort: number = 0;
  destinationPort: number = 0;
  seq: number = 0;
}

/**
 * Parses the ICMP or ICMPv6 message that a parsed packet carries; the packet's protocol has to be that of its
 * family, or the message is refused as unsupportedProtocol. Quoted packets may be cut anywhere. Never throws.
 */
export function parseIcmp(message: IcmpMessage, packet: Packet, verifyChecksum: boolean): Malformed {
  const { bytes, payloadStart: at, payloadEnd: end } = packet;
  const ipv4 = packet.version === 4;
  message.kind = "other";
  message.reason = "other";
  message.mtu = 0;
  message.identifier = 0;
  message.sequence = 0;
  message.quoted.present = false;
  if (packet.protocol !== (ipv4 ? Protocol.icmp : Protocol.icmpv6)) return Malformed.unsupportedProtocol;
  if (end - at < 8) return Malformed.truncated;
  if (verifyChecksum) {
    const sum = ipv4 ? addToSum(0, bytes, at, end) : transportSum(packet);
    if (finishSum(sum) !== 0) return Malformed.badChecksum;
  }
  message.type = bytes[at];
  message.code = bytes[at + 1];
  message.kind = ipv4 ? kindOfIcmp(message.type, message.code) : kindOfIcmpv6(message.type);
  switch (message.kind) {
    case "other":
      return Malformed.none;
    case "echo-request":
    case "echo-reply":
      message.identifier = readUint16(bytes, at + 4);
      message.sequence = readUint16(bytes, at + 6);
      return Malformed.none;
    case "unreachable":
      message.reason = ipv4 ? reasonOfIcmp(message.code) : reasonOfIcmpv6(message.code);
      break;
    case "too-big":
      message.mtu = ipv4 ? readUint16(bytes, at + 6) : readUint32(bytes, at + 4);
      break;
  }
  if (ipv4) parseQuotedIpv4(message.quoted, bytes, at + 8, end);
  else parseQuotedIpv6(message.quoted, bytes, at + 8, end);
  return Malformed.none;
}

function kindOfIcmp(type: number, code: number): IcmpKind {
  switch (type) {
    case 0:
      return "echo-reply";
    case 3:
      return code === 4 ? "too-big" : "unreachable";
    case 8:
      return "echo-request";
    case 11:
      return "time-exceeded";
    case 12:
      return "parameter-problem";
    default:
      return "other";
  }
}

function kindOfIcmpv6(type: number): IcmpKind {
  switch (type) {
    case 1:
      return "unreachable";
    case 2:
      return "too-big";
    case 3:
      return "time-exceeded";
    case 4:
      return "parameter-problem";
    case 128:
      return "echo-request";
    case 129:
      return "echo-reply";
    default:
      return "other";
  }
}

/** RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1. */
function reasonOfIcmp(code: number): UnreachableReason {
  if (code === 0 || code === 6 || code === 11) return "net";
  if (code === 1 || code === 7 || code === 8 || code === 12) return "host";
  if (code === 2) return "protocol";
  if (code === 3) return "port";
  return code === 9 || code === 10 || code === 13 ? "prohibited" : "other";
}

/** RFC 4443 §3.1. */
function reasonOfIcmpv6(code: number): UnreachableReason {
  if (code === 0) return "net";
  if (code === 2 || code === 3) return "host";
  if (code === 4) return "port";
  return code === 1 || code === 5 || code === 6 ? "prohibited" : "other";
}

function parseQuotedIpv4(quoted: QuotedSegment, bytes: Uint8Array, at: number, end: number): void {
  if (end - at < 20 || bytes[at] >>> 4 !== 4 || bytes[at + 9] !== Protocol.tcp) return;
  const headerLength = (bytes[at] & 15) * 4;
  // Only the first fragment has the ports.
  if (headerLength < 20 || (readUint16(bytes, at + 6) & 0x1fff) !== 0) return;
  quoted.version = 4;
  quoted.sourceW0 = 0;
  quoted.sourceW1 = 0;
  quoted.sourceW2 = 0;
  quoted.sourceW3 = readInt32(bytes, at + 12);
  quoted.destinationW0 = 0;
  quoted.destinationW1 = 0;
  quoted.destinationW2 = 0;
  quoted.destinationW3 = readInt32(bytes, at + 16);
  parseQuotedTcp(quoted, bytes, at + headerLength, end);
}

function parseQuotedIpv6(quoted: QuotedSegment, bytes: Uint8Array, start: number, end: number): void {
  if (end - start < 40 || bytes[start] >>> 4 !== 6) return;
  let protocol = bytes[start + 6];
  let at = start + 40;
  while (protocol !== Protocol.tcp) {
    const fragment = protocol === Protocol.fragment;
    const skipped =
      fragment ||
      protocol === Protocol.hopByHop ||
      protocol === Protocol.routing ||
      protocol === Protocol.destinationOptions;
    if (!skipped || end - at < 8) return;
    if (fragment && readUint16(bytes, at + 2) >>> 3 !== 0) return;
    protocol = bytes[at];
    at += fragment ? 8 : 8 + 8 * bytes[at + 1];
  }
  quoted.version = 6;
  quoted.sourceW0 = readInt32(bytes, start + 8);
  quoted.sourceW1 = readInt32(bytes, start + 12);
  quoted.sourceW2 = readInt32(bytes, start + 16);
  quoted.sourceW3 = readInt32(bytes, start + 20);
  quoted.destinationW0 = readInt32(bytes, start + 24);
  quoted.destinationW1 = readInt32(bytes, start + 28);
  quoted.destinationW2 = readInt32(bytes, start + 32);
  quoted.destinationW3 = readInt32(bytes, start + 36);
  parseQuotedTcp(quoted, bytes, at, end);
}

/** RFC 792 promises no more than 8 bytes: the ports and the sequence number. */
function parseQuotedTcp(quoted: QuotedSegment, bytes: Uint8Array, at: number, end: number): void {
  if (end - at < 8) return;
  quoted.sourcePort = readUint16(bytes, at);
  quoted.destinationPort = readUint16(bytes, at + 2);
  quoted.seq = readUint32(bytes, at + 4);
  quoted.present = true;
}
