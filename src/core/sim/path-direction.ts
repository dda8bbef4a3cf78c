// One direction of a simulated path: a queue in front of a line of some rate, then the way, on which packets are lost,
// late, doubled or damaged. Every draw comes from the seed.

import type { Clock, Micros } from "../link/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import { buildIcmpError } from "../wire/icmp-build.ts";
import { Malformed } from "../wire/malformed.ts";
import { Packet, parsePacket } from "../wire/packet.ts";
import { markCongestion } from "./mark-congestion.ts";
import { newPathCounters, type PathCounters, type PathOptions } from "./path-options.ts";
import type { Random } from "./random.ts";

/** A clock that may tell arrivals from timers. */
export interface PathClock extends Clock {
  arrive?(at: Micros, task: () => void): unknown;
}

export class PathDirection {
  /** Change them while it runs: what is under way is not affected. */
  readonly options: PathOptions;
  readonly counters: PathCounters = newPathCounters();
  private readonly clock: PathClock;
  private readonly random: Random;
  private readonly deliver: (packet: Bytes) => void;
  /** Back to the sender: ICMP errors. */
  private readonly answer: (packet: Bytes) => void;
  /** When the line will have sent what waits. */
  private lineFreeAt: Micros = 0;
  /** Nothing arrives before what was sent before it, unless it is reordered. */
  private lastArrival: Micros = 0;
  private isBad: boolean = false;
  private isCut: boolean = false;

  constructor(
    clock: PathClock,
    random: Random,
    options: PathOptions,
    deliver: (packet: Bytes) => void,
    answer: (packet: Bytes) => void,
  ) {
    this.clock = clock;
    this.random = random;
    this.options = { ...options };
    this.deliver = deliver;
    this.answer = answer;
  }

  /** Bytes that wait for the line now. */
  get queued(): number {
    const { rate = Number.POSITIVE_INFINITY } = this.options;
    const waiting = this.lineFreeAt - this.clock.now();
    return waiting > 0 && Number.isFinite(rate) ? (waiting * rate) / 1_000_000 : 0;
  }

  /** Takes one whole packet, which it may keep. */
  send(packet: Bytes): void {
    if (this.isCut) return;
    const { counters, options, random } = this;
    counters.packets++;
    counters.bytes += packet.length;
    if (packet.length > (options.mtu ?? Number.POSITIVE_INFINITY)) {
      counters.tooLong++;
      if (options.tooBig) this.answerTooBig(packet, options.mtu ?? 0);
      return;
    }
    if (this.queued + packet.length > (options.queue ?? DEFAULT_QUEUE)) {
      counters.overflowed++;
      return;
    }
    const sentAt = this.line(packet);
    if (this.isLost()) {
      counters.lost++;
      return;
    }
    let arrivesAt = sentAt + (options.delay ?? 0) + random.next() * (options.jitter ?? 0);
    if (random.chance(options.reorder ?? 0)) {
      counters.reordered++;
      arrivesAt += options.reorderDelay ?? 1_000 + (options.delay ?? 0) / 4;
    } else {
      arrivesAt = this.lastArrival = Math.max(arrivesAt, this.lastArrival);
    }
    if (random.chance(options.duplicate ?? 0)) {
      counters.duplicated++;
      this.arrive(arrivesAt + random.next() * 1_000, packet.slice());
    }
    if (random.chance(options.corrupt ?? 0)) {
      counters.corrupted++;
      packet = packet.slice();
      packet[random.integer(0, packet.length - 1)] ^= 1 << random.integer(0, 7);
    }
    this.arrive(arrivesAt, packet);
  }

  /** What is under way is gone, and nothing more is taken. */
  cut(): void {
    this.isCut = true;
  }

  /** When the line has sent the packet; marks it if it waited long. */
  private line(packet: Bytes): Micros {
    const { rate = Number.POSITIVE_INFINITY, mark = Number.POSITIVE_INFINITY } = this.options;
    const now = this.clock.now();
    const begins = Math.max(now, this.lineFreeAt);
    if (begins - now > mark && markCongestion(packet)) this.counters.marked++;
    if (rate === Number.POSITIVE_INFINITY) return begins;
    this.lineFreeAt = begins + (packet.length * 1_000_000) / rate;
    return this.lineFreeAt;
  }

  private isLost(): boolean {
    const { loss = 0 } = this.options;
    if (typeof loss === "number") return this.random.chance(loss);
    if (this.random.chance(this.isBad ? loss.leave : loss.enter)) this.isBad = !this.isBad;
    return this.random.chance(this.isBad ? (loss.bad ?? 1) : (loss.good ?? 0));
  }

  private arrive(at: Micros, packet: Bytes): void {
    const task = (): void => {
      if (this.isCut) return;
      this.counters.delivered++;
      this.counters.deliveredBytes += packet.length;
      this.deliver(packet);
    };
    if (this.clock.arrive === undefined) this.clock.schedule(at, task);
    else this.clock.arrive(at, task);
  }

  private answerTooBig(bytes: Bytes, mtu: number): void {
    const packet = new Packet();
    if (parsePacket(packet, bytes, 0, bytes.length, false) !== Malformed.none) return;
    // The router is taken to have the destination's address: one less to configure.
    const error = buildIcmpError(packet, packet.destination(), { kind: "too-big", mtu }, 64);
    if (error !== null) this.answer(error);
  }
}

const DEFAULT_QUEUE = 256 << 10;
