// SYN cookies (Bernstein, 1996; RFC 4987 §3.6): when the SYN queue is full the SYN-ACK's sequence number carries what
// the handshake needs to remember, under the stack's secret, so that nothing is kept until the ACK brings it back.
// Number and age as Linux has them; window scale, SACK and ECN travel in the low bits of the timestamp, where the peer
// uses timestamps; without, they are given up. May use no clock: time is an argument.

import { receiveStart } from "../tcp/buffer-tuning.ts";
import { ECN_SETUP, takesEcn } from "../tcp/ecn.ts";
import { largestSegment, offeredSegment, windowScaleFor } from "../tcp/handshake.ts";
import type { TcpOptions } from "../tcp/options.ts";
import type { SipHash } from "../tcp/siphash.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { Packet } from "../wire/packet.ts";
import { Flag, TcpSegment } from "../wire/tcp-segment.ts";
import { bareSegment } from "./bare-segment.ts";
import type { Route } from "./route.ts";

/** When a listener answers SYNs by cookies: Linux's tcp_syncookies 0, 1, 2. */
export type SynCookies = "never" | "on-overflow" | "always";

/** What a cookie can say of the peer's segment size; the largest that is not above it is taken. */
const SEGMENT_SIZES: readonly number[] = [536, 1220, 1300, 1440, 1460, 4312, 8940, 65_475];
/** The minute in the number, and how many of them old it may be: one to two minutes in all. */
const PERIOD = 60_000_000;
const MOST_PERIODS = 2;
/** Sets these hashes apart from others under the same key. */
const DOMAIN = 0x636f_6f6b;
/** After the last cookie no ACK can bring back one. */
export const COOKIE_LIFE: number = MOST_PERIODS * PERIOD;
/** Low bits of the timestamp: 4 for the window scale, one each for SACK and ECN. */
const OPTION_MASK = 63;
const NO_SCALE = 15;
const SACK_BIT = 16;
const ECN_BIT = 32;

export class SynCookieJar {
  private readonly hash: SipHash;

  constructor(hash: SipHash) {
    this.hash = hash;
  }

  /** The sequence number of the SYN-ACK that answers this SYN. */
  bake(now: number, packet: Packet): number {
    const { tcp } = packet;
    const minute = Math.floor(now / PERIOD);
    const mss = offeredSegment(tcp, packet.version);
    let index = SEGMENT_SIZES.length - 1;
    while (index > 0 && SEGMENT_SIZES[index] > mss) index--;
    const secret = (this.of(packet, minute, tcp.seq) + index) & 0xff_ffff;
    return (this.of(packet, -1, 0) + tcp.seq + (minute << 24) + secret) >>> 0;
  }

  /**
   * Whether an ACK brings back a cookie of ours that is not too old.
   * @param syn is filled with what the SYN said, as far as the cookie kept it
   */
  open(now: number, packet: Packet, syn: TcpSegment): boolean {
    const { tcp } = packet;
    const irs = (tcp.seq - 1) >>> 0;
    const value = (tcp.ack - 1 - this.of(packet, -1, 0) - irs) >>> 0;
    const minute = Math.floor(now / PERIOD);
    const age = (minute - (value >>> 24)) & 255;
    if (age >= MOST_PERIODS) return false;
    const index = (value - this.of(packet, minute - age, irs)) & 0xff_ffff;
    if (index >= SEGMENT_SIZES.length) return false;
    syn.clear();
    syn.sourcePort = tcp.sourcePort;
    syn.destinationPort = tcp.destinationPort;
    syn.seq = irs;
    syn.flags = Flag.syn;
    syn.window = Math.min(tcp.window, 65_535);
    syn.mss = SEGMENT_SIZES[index];
    if (tcp.hasTimestamps) takeOptions(syn, tcp);
    return true;
  }

  /** Linux leaves the SYN's number out: then a segment a byte later fits another segment size. */
  private of(packet: Packet, minute: number, irs: number): number {
    const { tcp } = packet;
    return this.hash
      .start()
      .word(DOMAIN)
      .word(packet.sourceW0)
      .word(packet.sourceW1)
      .word(packet.sourceW2)
      .word(packet.sourceW3)
      .word(packet.destinationW0)
      .word(packet.destinationW1)
      .word(packet.destinationW2)
      .word(packet.destinationW3)
      .word((tcp.sourcePort << 16) | tcp.destinationPort)
      .word(minute)
      .word(irs)
      .finish();
  }
}

/** The SYN-ACK of a cookie: it offers what a connection would, as far as the cookie can remember it. */
export function cookieAnswer(
  packet: Packet,
  route: Route,
  options: TcpOptions,
  isn: number,
  timestamp: number,
): Bytes {
  const { tcp } = packet;
  const answer = new TcpSegment();
  answer.sourcePort = tcp.destinationPort;
  answer.destinationPort = tcp.sourcePort;
  answer.seq = isn;
  answer.ack = (tcp.seq + 1) >>> 0;
  answer.flags = Flag.syn | Flag.ack;
  answer.window = Math.min(receiveStart(options), 65_535);
  answer.mss = largestSegment(route, packet.version, options);
  if (options.timestamps && tcp.hasTimestamps) {
    const scales = options.windowScaling && tcp.windowScale >= 0;
    if (scales) answer.windowScale = windowScaleFor(options);
    answer.sackPermitted = options.sack && tcp.sackPermitted;
    answer.hasTimestamps = true;
    if (takesEcn(tcp.flags, packet.trafficClass, options, route)) answer.flags |= Flag.ece;
    answer.tsVal = mark(timestamp, scales ? tcp.windowScale : NO_SCALE, answer);
    answer.tsEcr = tcp.tsVal;
  }
  return bareSegment(packet.destination(), packet.source(), answer, route.checksum, options.hopLimit);
}

/** Not later than `timestamp`, so that the connection's own clock goes on from it. */
function mark(timestamp: number, scale: number, answer: TcpSegment): number {
  const ecn = (answer.flags & Flag.ece) === 0 ? 0 : ECN_BIT;
  const bits = scale | (answer.sackPermitted ? SACK_BIT : 0) | ecn;
  const marked = ((timestamp & ~OPTION_MASK) | bits) >>> 0;
  return bits > (timestamp & OPTION_MASK) ? (marked - OPTION_MASK - 1) >>> 0 : marked;
}

/** What the peer offered and we took, from the timestamp that it echoes. */
function takeOptions(syn: TcpSegment, ack: TcpSegment): void {
  const scale = ack.tsEcr & NO_SCALE;
  syn.hasTimestamps = true;
  syn.tsVal = ack.tsVal;
  syn.windowScale = scale === NO_SCALE ? -1 : scale;
  syn.sackPermitted = (ack.tsEcr & SACK_BIT) !== 0;
  if ((ack.tsEcr & ECN_BIT) !== 0) syn.flags |= ECN_SETUP;
}
