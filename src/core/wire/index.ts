// The public face of core/wire: bytes to values and back, without state, clock or I/O.

export type { Bytes } from "./bytes.ts";
export { accelerateChecksums, addToSum, finishSum } from "./checksum.ts";
export type { IcmpKind, UnreachableReason } from "./icmp.ts";
export { IcmpMessage, parseIcmp, QuotedSegment } from "./icmp.ts";
export type { IcmpError } from "./icmp-build.ts";
export { buildEchoReply, buildIcmpError } from "./icmp-build.ts";
export { hashWords, IpAddress, parseLegacyIpv4 } from "./ip-address.ts";
export { ipHeaderLength, writeIpHeader, writeTcpChecksum } from "./ip-header.ts";
export { Malformed, malformedCodes, malformedText } from "./malformed.ts";
export { type Allocate, allocateBy } from "./memory.ts";
export { Packet, packetLength, parsePacket } from "./packet.ts";
export { Prefix } from "./prefix.ts";
export { Protocol } from "./protocol.ts";
export { seqAdd, seqDifference, seqGreater, seqGreaterEqual, seqLess, seqLessEqual } from "./seq.ts";
export { Flag, parseTcpSegment, TcpSegment, tcpHeaderLength, writeTcpHeader } from "./tcp-segment.ts";
