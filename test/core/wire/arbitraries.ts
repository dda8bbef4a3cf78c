// fast-check arbitraries for wire tests: every segment and address that can be constructed.

import fc from "fast-check";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { ipHeaderLength, writeIpHeader, writeTcpChecksum } from "../../../src/core/wire/ip-header.ts";
import { TcpSegment, tcpHeaderLength, writeTcpHeader } from "../../../src/core/wire/tcp-segment.ts";

export const uint8: fc.Arbitrary<number> = fc.nat(0xff);
export const uint16: fc.Arbitrary<number> = fc.nat(0xffff);
export const uint32: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
);

export const segments: fc.Arbitrary<TcpSegment> = fc
  .record({
    sourcePort: uint16,
    destinationPort: uint16,
    seq: uint32,
    ack: uint32,
    flags: uint8,
    window: uint16,
    urgent: uint16,
    mss: fc.oneof(fc.constant(0), uint16),
    windowScale: fc.integer({ min: -1, max: 14 }),
    sackPermitted: fc.boolean(),
    timestamps: fc.option(fc.tuple(uint32, uint32)),
    sack: fc.array(fc.tuple(uint32, uint32), { maxLength: 4 }),
  })
  .map((fields) => {
    const { timestamps, sack, ...plain } = fields;
    const segment = Object.assign(new TcpSegment(), plain);
    if (timestamps !== null) {
      segment.hasTimestamps = true;
      segment.tsVal = timestamps[0];
      segment.tsEcr = timestamps[1];
    }
    segment.sackCount = sack.length;
    segment.sackEdges.set(sack.flat());
    return segment;
  });

export function addresses(family: 4 | 6): fc.Arbitrary<IpAddress> {
  return fc.tuple(uint32, uint32, uint32, uint32).map((words) => IpAddress.fromWords(family, ...words));
}

/** A whole packet written at `at` of an array with `after` foreign bytes behind it, and where it ends. */
export function buildTcpPacket(
  source: IpAddress,
  destination: IpAddress,
  segment: TcpSegment,
  payload: Uint8Array,
  at = 0,
  after = 0,
): { bytes: Uint8Array<ArrayBuffer>; end: number } {
  const ip = ipHeaderLength(destination.family);
  const length = ip + tcpHeaderLength(segment) + payload.length;
  const bytes = new Uint8Array(at + length + after).fill(0xee);
  writeIpHeader(bytes, at, source, destination, 6, length - ip, 0x2b, 64, 0xbeef);
  const header = writeTcpHeader(bytes, at + ip, segment);
  bytes.set(payload, at + ip + header);
  writeTcpChecksum(bytes, at, at + length);
  return { bytes, end: at + length };
}
