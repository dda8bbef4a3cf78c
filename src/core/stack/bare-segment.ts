// Segments without data that no connection sends: TIME-WAIT's acknowledgments, and the reset that answers a segment for
// which there is no connection (RFC 9293 §3.5.2).

import type { Bytes } from "../wire/bytes.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { ipHeaderLength, writeIpHeader, writeTcpChecksum } from "../wire/ip-header.ts";
import type { Packet } from "../wire/packet.ts";
import { Protocol } from "../wire/protocol.ts";
import { Flag, TcpSegment, tcpHeaderLength, writeTcpHeader } from "../wire/tcp-segment.ts";

/** The reset with the number that the sender will believe (§3.5.2 group 1); null when it is a reset itself. */
export function answerUnknown(packet: Packet, checksum: boolean, hopLimit: number): Bytes | null {
  const { tcp } = packet;
  if ((tcp.flags & Flag.rst) !== 0) return null;
  const reset = new TcpSegment();
  reset.sourcePort = tcp.destinationPort;
  reset.destinationPort = tcp.sourcePort;
  if ((tcp.flags & Flag.ack) !== 0) {
    reset.seq = tcp.ack;
    reset.flags = Flag.rst;
  } else {
    const span =
      tcp.dataEnd -
      tcp.dataStart +
      ((tcp.flags & Flag.syn) !== 0 ? 1 : 0) +
      ((tcp.flags & Flag.fin) !== 0 ? 1 : 0);
    reset.ack = (tcp.seq + span) >>> 0;
    reset.flags = Flag.rst | Flag.ack;
  }
  return bareSegment(packet.destination(), packet.source(), reset, checksum, hopLimit);
}

/** A packet with a segment without data. */
export function bareSegment(
  local: IpAddress,
  remote: IpAddress,
  segment: TcpSegment,
  checksum: boolean,
  hopLimit: number,
): Bytes {
  const ip = ipHeaderLength(remote.family);
  const tcp = tcpHeaderLength(segment);
  const bytes = new Uint8Array(ip + tcp);
  writeIpHeader(bytes, 0, local, remote, Protocol.tcp, tcp, 0, hopLimit, 0);
  writeTcpHeader(bytes, ip, segment);
  if (checksum) writeTcpChecksum(bytes, 0, bytes.length);
  return bytes;
}
