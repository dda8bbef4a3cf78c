// TIME-WAIT as a small record, RFC 9293 §3.4.2: it acknowledges a FIN that comes again (and starts over), ignores
// resets (RFC 1337), and makes way for a SYN that is clearly newer (RFC 9293 §3.10.7.4, RFC 6191).

import { AckBudget } from "../tcp/ack-budget.ts";
import type { Connection } from "../tcp/connection.ts";
import { timestampValue } from "../tcp/timestamps.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { seqDifference, seqGreater } from "../wire/seq.ts";
import { Flag, TcpSegment } from "../wire/tcp-segment.ts";
import { bareSegment } from "./bare-segment.ts";
import type { Route } from "./route.ts";
import type { TupleEntry } from "./tuple-table.ts";

/** One acknowledgment is built at a time. */
const segment: TcpSegment = /* @__PURE__ */ new TcpSegment();

export class TimeWait implements TupleEntry {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  readonly route: Route;
  nextInBucket: TupleEntry | null = null;
  /** When it ends, and its neighbours that end sooner and later: its queue's own. */
  until = 0;
  before: TimeWait | null = null;
  after: TimeWait | null = null;
  // 32-bit numbers are kept signed: V8 holds those in the record itself, larger ones in memory of their own.
  /** SND.NXT and RCV.NXT. */
  private readonly next: number;
  private readonly ack: number;
  private readonly window: number;
  private readonly hasTimestamps: boolean;
  /** TS.Recent and the start of our timestamp clock. */
  private readonly tsRecent: number;
  private readonly timestampStart: number;
  private readonly hopLimit: number;
  /** Two records that are both sure must not argue for ever. From the first argument on. */
  private budget: AckBudget | null = null;

  constructor(connection: Connection, route: Route, now: number) {
    this.local = connection.local;
    this.localPort = connection.localPort;
    this.remote = connection.remote;
    this.remotePort = connection.remotePort;
    this.route = route;
    this.next = connection.sending.seq(connection.sending.next) | 0;
    this.ack = (connection.receiving.irs + 1 + connection.receiving.next) | 0;
    this.window = Math.min(
      65535,
      Math.floor(connection.receiving.window / (1 << connection.receiving.scale)),
    );
    this.hasTimestamps = connection.timestampsOk;
    this.tsRecent = connection.tsRecent | 0;
    this.timestampStart = (timestampValue(connection, now) - Math.floor(now / 1000)) | 0;
    this.hopLimit = connection.options.hopLimit;
  }

  /** How long it waits, microseconds. */
  get duration(): number {
    return this.route.timeWait;
  }

  /** SND.NXT. */
  get seq(): number {
    return this.next >>> 0;
  }

  /** A segment for it: whether it gives way to a new connection, answers with an ACK (and starts over), or is silent. */
  judge(now: number, segment: TcpSegment): "give-way" | "start-over" | "acknowledge" | "silent" {
    if ((segment.flags & Flag.rst) !== 0) return "silent";
    if ((segment.flags & (Flag.syn | Flag.ack)) === Flag.syn && this.isNewer(segment)) return "give-way";
    const length = segment.dataEnd - segment.dataStart;
    const hasFin = (segment.flags & Flag.fin) !== 0;
    if (hasFin && ((segment.seq + length + 1) | 0) === this.ack) return "start-over";
    // A bare ACK of the right number is the last word of the closing handshake: answering it would go on for ever.
    const bare = length === 0 && !hasFin && (segment.flags & Flag.syn) === 0;
    if (bare && (segment.seq | 0) === this.ack) return "silent";
    this.budget ??= new AckBudget();
    return this.budget.take(now) ? "acknowledge" : "silent";
  }

  /** RFC 6191 §2: the timestamp decides, where both have one and they differ; else the sequence number. */
  private isNewer(syn: TcpSegment): boolean {
    const later = this.hasTimestamps && syn.hasTimestamps ? seqDifference(syn.tsVal, this.tsRecent) : 0;
    return later === 0 ? seqGreater(syn.seq, this.ack) : later > 0;
  }

  /** The ACK that says once more what the last one said. */
  acknowledgment(now: number): Bytes {
    segment.clear();
    segment.sourcePort = this.localPort;
    segment.destinationPort = this.remotePort;
    segment.seq = this.seq;
    segment.ack = this.ack >>> 0;
    segment.flags = Flag.ack;
    segment.window = this.window;
    if (this.hasTimestamps) {
      segment.hasTimestamps = true;
      segment.tsVal = (Math.floor(now / 1000) + this.timestampStart) >>> 0;
      segment.tsEcr = this.tsRecent >>> 0;
    }
    return bareSegment(this.local, this.remote, segment, this.route.checksum, this.hopLimit);
  }
}
