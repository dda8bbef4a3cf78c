// The largest segment that a path takes: what ICMP says of it (RFC 1191, RFC 8201, checked as RFC 5927 asks), and what
// is found without ICMP: a black hole is left by smaller segments, and larger ones are tried as probes made of the
// user's own data (RFC 4821, RFC 8899; Linux's tcp_mtu_probing). On unreliable routes only; sizes are payload and
// options, as the MSS counts them. May use this room's types; time is an argument.

import { ipHeaderLength } from "../wire/ip-header.ts";
import type { Connection } from "./connection.ts";

/** RFC 8899 §5.1.1 PMTU_RAISE_TIMER, RFC 8201 §4: what a path did not take may be tried again. */
export const TRY_AGAIN = 600_000_000;
/** RFC 8899 §5.1.1 PROBE_TIMER: after a probe was lost. */
const AFTER_LOSS = 1_000_000;
/** One lost probe may be congestion's doing. */
const MOST_LOSSES = 2;
/** The search ends when so little is left to win. */
const SMALL_STEP = 16;
/** Timeouts in a row of the same large segment: Linux's tcp_retries1. */
const BLACK_HOLE = 3;
/** So many where the path took large segments and loses many of any size: there three are no rarity. */
const BLACK_HOLE_AMID_LOSS = 6;
/** Linux's TCP_BASE_MSS, and the least that IPv4 takes; IPv6 takes 1,280 bytes everywhere. */
const BASE_V4 = 1024;
const FLOOR_V4 = 536;
const FLOOR_V6 = 1220;
/** A lost probe is found by what is sent after it (RFC 4821 §7.3). */
const SEGMENTS_BEHIND = 3;

/** Of a connection whose segments were lowered once. */
export class PathMtu {
  /** What two SYNs agreed on. */
  readonly agreed: number;
  /** Sizes that pass, and above which none will. */
  low: number;
  high: number;
  /** When larger ones may be tried. */
  searchAt: number;
  /** The probe under way: its size and offsets; -1 when there is none. */
  size = -1;
  start = -1;
  end = -1;
  /** Lowered for silence alone: larger ones are not known to be what was lost. */
  isUnproven = false;
  private losses = 0;
  /** After a rest the largest is tried first: the path may be another one. */
  private restart = true;

  constructor(agreed: number, low: number, searchAt: number) {
    this.agreed = agreed;
    this.low = low;
    this.high = agreed;
    this.searchAt = searchAt;
  }

  /** The path takes `low` and no more is known. */
  lowered(low: number, high: number, searchAt: number): void {
    this.low = low;
    this.high = high;
    this.searchAt = searchAt;
    this.restart = high === this.agreed && searchAt > 0;
    this.losses = 0;
    this.forget();
  }

  /** The next size to try; 0 when the search rests. */
  next(now: number): number {
    if (now < this.searchAt || this.size >= 0) return 0;
    if (this.high <= this.low) {
      this.high = this.agreed;
      this.restart = true;
    }
    if (this.high <= this.low) return 0;
    if (this.restart || this.high - this.low < SMALL_STEP) return this.high;
    return (this.low + this.high + 1) >> 1;
  }

  passed(now: number): void {
    this.low = this.size;
    this.losses = 0;
    this.restart = false;
    this.rest(now);
    this.forget();
  }

  failed(now: number, atMost: number = this.size - 1): void {
    this.losses++;
    this.searchAt = now + AFTER_LOSS;
    if (this.losses >= MOST_LOSSES || atMost < this.size - 1) {
      this.high = Math.max(this.low, Math.min(atMost, this.high));
      this.losses = 0;
      this.restart = false;
      // What is within a small step of what passes is not looked for a second time.
      if (this.high - this.low < SMALL_STEP) this.high = this.low;
      this.rest(now);
    }
    this.forget();
  }

  /** What begins there goes again, cut to what passes: its ACK says nothing of the probe. */
  resent(start: number): void {
    if (start === this.start) this.forget();
  }

  private forget(): void {
    this.size = this.start = this.end = -1;
  }

  private rest(now: number): void {
    if (this.high <= this.low) this.searchAt = now + TRY_AGAIN;
  }
}

/** The handshake agreed on `agreed`: less, if the destination is known to be behind a smaller path. */
export function withinPath(connection: Connection, now: number, agreed: number): number {
  if (connection.route.reliable) return agreed;
  const known = connection.host.pathMtu(now, connection.remote);
  if (known === null || known.mtu - headerLength(connection.remote.family) >= agreed) return agreed;
  const low = Math.max(known.mtu - headerLength(connection.remote.family), 1);
  connection.path = new PathMtu(agreed, low, known.until);
  return low;
}

/**
 * ICMP too big: the path takes at most `payload` bytes in a segment. Believed only of what is under way and larger than
 * that, and never upwards (RFC 8201 §4, RFC 5927 §7.2).
 * @returns whether anything under way is known to be dropped by it
 */
export function tooBigArrives(connection: Connection, now: number, offset: number, payload: number): boolean {
  const { sending, path } = connection;
  const { records } = sending;
  if (connection.route.reliable || offset < sending.una || offset >= sending.next) return false;
  const record = records.at(records.indexOf(offset));
  if (record === null || record.length + options(connection) <= payload) return false;
  if (payload < sending.mss) {
    lower(connection, payload, path?.agreed ?? sending.mss, now + TRY_AGAIN);
    remember(connection, now);
  } else if (path !== null && path.start === record.start) {
    path.failed(now, payload);
  } else return false;
  return records.markLargerLost(Math.min(payload, sending.mss) - options(connection));
}

/** The retransmission timer fired, `attempts` is counted: silence may be a path that drops what is large. */
export function pathTimedOut(connection: Connection, now: number): void {
  const { sending, route, path, attempts } = connection;
  if (route.reliable || !connection.options.mtuProbing) return;
  if (path !== null && path.size >= 0) path.failed(now);
  const { first } = sending.records;
  // A window closed over what is under way explains the silence.
  if (first === null || sending.edge <= sending.una) return;
  const enough = losesMany(connection, first.length) ? BLACK_HOLE_AMID_LOSS : BLACK_HOLE;
  if (attempts % enough !== 0) return;
  const floor = connection.remote.family === 4 ? FLOOR_V4 : FLOOR_V6;
  const base = connection.remote.family === 4 && attempts === enough ? BASE_V4 : floor;
  if (sending.mss <= base || first.length + options(connection) <= base) return;
  connection.host.counters.blackHoles++;
  lower(connection, base, sending.mss, 0);
}

/** The path took segments of this size, and a tenth of what arrived had to go again. */
function losesMany(connection: Connection, first: number): boolean {
  const { una, largestArrived, bytesRetransmitted } = connection.sending;
  return largestArrived >= first && 10 * bytesRetransmitted > una;
}

/**
 * How much payload the next segment of new data may have: `largest`, or more when it should be a probe. Its loss has to
 * be found by what follows it, so there must be as much to send and room for it.
 */
export function probeSize(
  connection: Connection,
  now: number,
  largest: number,
  segmentLimit: number,
): number {
  const { path, sending, recovery } = connection;
  if (path === null || recovery !== "none") return largest;
  const size = path.next(now);
  if (size === 0) return largest;
  const payload = size - (sending.mss - largest);
  const needed = payload + SEGMENTS_BEHIND * largest;
  const fits =
    payload <= segmentLimit &&
    needed <= sending.unsent &&
    needed <= sending.edge - sending.next &&
    needed <= connection.controller.window &&
    sending.records.sackedCount === 0;
  return fits ? payload : largest;
}

/** A segment of `length` is about to leave although segments have at most `largest`. */
export function probeLeaves(connection: Connection, length: number, largest: number): void {
  const { path, sending } = connection;
  if (path === null) return;
  path.size = length + (sending.mss - largest);
  path.start = sending.next;
  path.end = sending.next + length;
}

/** SND.UNA has moved. */
export function pathAcknowledged(connection: Connection, now: number): void {
  const { path, sending } = connection;
  if (path === null) return;
  if (path.size >= 0 && sending.una >= path.end) {
    path.passed(now);
    sending.mss = path.low;
    connection.controller.segmentSizeChanged(sending.mss);
    remember(connection, now);
  } else if (path.isUnproven) {
    // What did not pass when it was larger does now.
    path.isUnproven = false;
    remember(connection, now);
  }
}

/** Whether the bytes just found lost are the probe's alone: no congestion, only a segment too large (RFC 4821 §7.6). */
export function probeWasLost(connection: Connection, now: number, lostBytes: number): boolean {
  const { path, sending } = connection;
  if (path === null || path.size < 0) return false;
  const record = sending.records.at(sending.records.indexOf(path.start));
  if (record === null || record.start !== path.start || !record.lost) return false;
  path.failed(now);
  return record.length === lostBytes;
}

function lower(connection: Connection, mss: number, high: number, searchAt: number): void {
  const { sending } = connection;
  connection.path ??= new PathMtu(sending.mss, mss, searchAt);
  connection.path.lowered(mss, high, searchAt);
  connection.path.isUnproven = searchAt === 0;
  sending.mss = mss;
  connection.controller.segmentSizeChanged(mss);
}

function remember(connection: Connection, now: number): void {
  connection.host.rememberPathMtu(
    now,
    connection.remote,
    connection.sending.mss + headerLength(connection.remote.family),
  );
}

/** IP and TCP without options: what the MSS does not count (RFC 6691). */
export function headerLength(family: 4 | 6): number {
  return ipHeaderLength(family) + 20;
}

function options(connection: Connection): number {
  return connection.timestampsOk ? 12 : 0;
}
