// Every TCP segment on a device, in the order it passed, with what a test may want to know of it.

import type { Link } from "../../src/core/link/index.ts";
import { type Direction, tapLink } from "../../src/core/sim/index.ts";
import { Flag, Malformed, Packet, Protocol, parsePacket } from "../../src/core/wire/index.ts";

export interface Seen {
  /** Out: from this stack to the kernel. */
  readonly direction: Direction;
  /** The port at the kernel's end. */
  readonly kernelPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** As the header has it, not scaled. */
  readonly window: number;
  /** Bytes of data. */
  readonly length: number;
  readonly mss: number;
  readonly windowScale: number;
  readonly sackPermitted: boolean;
  readonly hasTimestamps: boolean;
  readonly sackCount: number;
}

/** The same link; what passes is added to `seen`. */
export function watchLink(link: Link, seen: Seen[]): Link {
  const packet = new Packet();
  return tapLink(link, {
    packet(direction, bytes, start, end) {
      const copy = bytes.slice(start, end) as Uint8Array<ArrayBuffer>;
      if (parsePacket(packet, copy, 0, copy.length, true) !== Malformed.none) return;
      if (packet.protocol !== Protocol.tcp) return;
      const { tcp } = packet;
      const { seq, ack, flags, window, mss, windowScale, sackPermitted, hasTimestamps, sackCount } = tcp;
      seen.push({
        direction,
        kernelPort: direction === "out" ? tcp.destinationPort : tcp.sourcePort,
        seq: seq >>> 0,
        ack: ack >>> 0,
        flags,
        window,
        length: tcp.dataEnd - tcp.dataStart,
        mss,
        windowScale,
        sackPermitted,
        hasTimestamps,
        sackCount,
      });
    },
  });
}

export const isSyn = ({ flags }: Seen): boolean => (flags & Flag.syn) !== 0;
export const isFin = ({ flags }: Seen): boolean => (flags & Flag.fin) !== 0;
export const isRst = ({ flags }: Seen): boolean => (flags & Flag.rst) !== 0;
export const isAck = ({ flags }: Seen): boolean => (flags & Flag.ack) !== 0;
