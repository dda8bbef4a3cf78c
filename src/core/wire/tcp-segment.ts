// A TCP segment's header as values, and its bytes (RFC 9293 §3.1; options: tcp-options.ts). TcpSegment is a
// reusable struct: parsing fills it and allocates nothing. The payload stays where it is, between dataStart
// and dataEnd of the packet's bytes.

import { readUint16, readUint32, writeUint16, writeUint32 } from "./big-endian.ts";
import { Malformed } from "./malformed.ts";
import { parseTcpOptions, tcpOptionsLength, writeTcpOptions } from "./tcp-options.ts";

/** The control bits of RFC 9293 §3.1. */
export const Flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

/** One TCP segment. Every 32-bit field is unsigned. */
export class TcpSegment {
  sourcePort: number = 0;
  destinationPort: number = 0;
  seq: number = 0;
  ack: number = 0;
  /** Any of Flag, or-ed. Reserved bits are ignored when parsing and zero when writing. */
  flags: number = 0;
  /** The raw 16 bits of the window field. */
  window: number = 0;
  urgent: number = 0;
  /** Where the payload begins in the packet's bytes. Set by the parser, ignored by the writer. */
  dataStart: number = 0;
  /** Where the payload ends in the packet's bytes. Set by the parser, ignored by the writer. */
  dataEnd: number = 0;
  /** Maximum segment size option; 0 = absent. Has a meaning only on a SYN. */
  mss: number = 0;
  /** Window scale option, 0 to 14; -1 = absent. Has a meaning only on a SYN. */
  windowScale: number = -1;
  /** SACK-permitted option. Has a meaning only on a SYN. */
  sackPermitted: boolean = false;
  hasTimestamps: boolean = false;
  tsVal: number = 0;
  tsEcr: number = 0;
  /**
   * How many SACK blocks `sackEdges` holds, 0 to 4. The writer leaves out the last ones when they do not fit.
   */
  sackCount: number = 0;
  /** left0, right0, left1, right1, ... */
  readonly sackEdges: Uint32Array = new Uint32Array(8);

  /** Sets every field to its default: a segment without flags, options or data. */
  clear(): void {
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.seq = 0;
    this.ack = 0;
    this.flags = 0;
    this.window = 0;
    this.urgent = 0;
    this.dataStart = 0;
    this.dataEnd = 0;
    this.clearOptions();
  }

  /** Sets the fields of all options to absent. */
  clearOptions(): void {
    this.mss = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamps = false;
    this.tsVal = 0;
    this.tsEcr = 0;
    this.sackCount = 0;
  }
}

/** Parses the segment in `bytes[start..end)`. After a refusal the fields mean nothing. Checks no checksum. */
export function parseTcpSegment(
  segment: TcpSegment,
  bytes: Uint8Array,
  start: number,
  end: number,
): Malformed {
  segment.dataStart = end;
  segment.dataEnd = end;
  segment.clearOptions();
  if (end - start < 20) return Malformed.truncated;
  segment.sourcePort = readUint16(bytes, start);
  segment.destinationPort = readUint16(bytes, start + 2);
  segment.seq = readUint32(bytes, start + 4);
  segment.ack = readUint32(bytes, start + 8);
  segment.flags = bytes[start + 13];
  segment.window = readUint16(bytes, start + 14);
  segment.urgent = readUint16(bytes, start + 18);
  const headerLength = (bytes[start + 12] >>> 4) * 4;
  if (headerLength < 20 || headerLength > end - start) return Malformed.badDataOffset;
  segment.dataStart = start + headerLength;
  if (headerLength === 20) return Malformed.none;
  return parseTcpOptions(segment, bytes, start + 20, start + headerLength);
}

/** Bytes that writeTcpHeader() will write: 20 and the options, padded to a multiple of 4; at most 60. */
export function tcpHeaderLength(segment: TcpSegment): number {
  return 20 + tcpOptionsLength(segment);
}

/**
 * Writes the header at `out[at..]` and returns its length. The checksum field is zero: see
 * writeTcpChecksum().
 */
export function writeTcpHeader(out: Uint8Array, at: number, segment: TcpSegment): number {
  writeUint16(out, at, segment.sourcePort);
  writeUint16(out, at + 2, segment.destinationPort);
  writeUint32(out, at + 4, segment.seq);
  writeUint32(out, at + 8, segment.ack);
  out[at + 13] = segment.flags;
  writeUint16(out, at + 14, segment.window);
  writeUint16(out, at + 16, 0);
  writeUint16(out, at + 18, segment.urgent);
  const headerLength = writeTcpOptions(out, at + 20, segment) - at;
  out[at + 12] = headerLength << 2;
  return headerLength;
}
