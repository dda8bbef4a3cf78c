// A simulated carrier of messages, as a WebSocket is: reliable and ordered while it lives, with a rate, a delay and the
// hidden queue of kernels and proxies; it may stall, and it may die with everything that is under way.

import { type Link, LinkCloseCode, type LinkClosed, type LinkHandler, type Micros } from "../link/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { PathClock } from "./path-direction.ts";
import { Random } from "./random.ts";
import type { CutOptions } from "./sim-path.ts";

export interface StreamOptions {
  /** One-way delay. Default 0. */
  delay?: Micros;
  /** Up to so much more for each message; they keep their order. Default 0. */
  jitter?: Micros;
  /** Bytes per second. Default Infinity. */
  rate?: number;
  /** Bytes that the system takes without saying that they wait: they do not show in `buffered`. Default 256 KiB. */
  hidden?: number;
}

export interface SimStreamOptions {
  readonly clock: PathClock;
  /** For jitter and for the cuts of a byte stream. A seed, or a generator to share. Default seed 1. */
  readonly random?: Random | number | string;
  readonly stream?: StreamOptions;
  readonly aToB?: StreamOptions;
  readonly bToA?: StreamOptions;
  /** False: a byte stream; what arrives is cut anywhere. Default true. */
  readonly framed?: boolean;
  readonly description?: string;
}

export class SimStream {
  /** The ends, each for one driver. */
  readonly a: Link;
  readonly b: Link;
  private readonly ends: readonly [StreamEnd, StreamEnd];

  constructor(options: SimStreamOptions) {
    const { clock, stream = {}, framed = true, description = "simulated stream" } = options;
    const random = options.random instanceof Random ? options.random : new Random(options.random ?? 1);
    const a = new StreamEnd(
      clock,
      random.fork(),
      { ...stream, ...options.aToB },
      framed,
      `${description} (a)`,
    );
    const b = new StreamEnd(
      clock,
      random.fork(),
      { ...stream, ...options.bToA },
      framed,
      `${description} (b)`,
    );
    a.peer = b;
    b.peer = a;
    this.a = a;
    this.b = b;
    this.ends = [a, b];
  }

  /** What a sends takes this much longer from now on, and what b sends: a change of the way. */
  get aToB(): StreamOptions {
    return this.ends[0].options;
  }

  get bToA(): StreamOptions {
    return this.ends[1].options;
  }

  /** Nothing moves for so long, in either direction; nothing is lost. */
  stall(duration: Micros): void {
    for (const end of this.ends) end.stall(duration);
  }

  /** The carrier is dead: what is under way is lost, and the ends are told when they notice. */
  cut(options: CutOptions = {}): void {
    const reason = { code: 1006, reason: options.reason ?? "The link was cut" };
    this.ends[0].die(options.aNotices ?? 0, reason);
    this.ends[1].die(options.bNotices ?? 0, reason);
  }
}

class StreamEnd implements Link {
  readonly framed: boolean;
  readonly description: string;
  readonly options: StreamOptions;
  buffered: number = 0;
  peer: StreamEnd | null = null;
  private readonly clock: PathClock;
  private readonly random: Random;
  private handler: LinkHandler | null = null;
  /** Messages of which the system has not taken all, and what it has taken and not sent. */
  private readonly waiting: Bytes[] = [];
  private hidden: number = 0;
  private lineFreeAt: Micros = 0;
  private lastArrival: Micros = 0;
  private goodbye: LinkClosed | null = null;
  private isDead: boolean = false;
  private isClosed: boolean = false;

  constructor(
    clock: PathClock,
    random: Random,
    options: StreamOptions,
    framed: boolean,
    description: string,
  ) {
    this.clock = clock;
    this.random = random;
    this.options = { ...options };
    this.framed = framed;
    this.description = description;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  send(message: Bytes): void {
    if (this.isClosed) return;
    this.waiting.push(message);
    this.buffered += message.length;
    this.feed();
  }

  close(code: number = LinkCloseCode.normal, reason: string = ""): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.clock.defer(() => this.handler?.closed({ code, reason }));
    this.goodbye = { code, reason };
    this.sayGoodbye();
  }

  stall(duration: Micros): void {
    this.lineFreeAt = Math.max(this.lineFreeAt, this.clock.now()) + duration;
  }

  die(noticedAfter: Micros, reason: LinkClosed): void {
    this.isDead = true;
    if (noticedAfter === Number.POSITIVE_INFINITY) return;
    this.clock.schedule(this.clock.now() + noticedAfter, () => this.end(reason));
  }

  private end(reason: LinkClosed): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler?.closed(reason);
  }

  /** Moves messages into the system, which sends them at the line's rate. */
  private feed(): void {
    const { rate = Number.POSITIVE_INFINITY, hidden = DEFAULT_HIDDEN } = this.options;
    while (this.waiting.length > 0 && (this.hidden === 0 || this.hidden + this.waiting[0].length <= hidden)) {
      const message = this.waiting.shift();
      if (message === undefined) return;
      this.buffered -= message.length;
      this.hidden += message.length;
      const begins = Math.max(this.clock.now(), this.lineFreeAt);
      this.lineFreeAt =
        begins + (rate === Number.POSITIVE_INFINITY ? 0 : (message.length * 1_000_000) / rate);
      this.clock.schedule(this.lineFreeAt, () => this.sent(message));
    }
  }

  private sent(message: Bytes): void {
    this.hidden -= message.length;
    const wasFull = this.waiting.length > 0;
    this.feed();
    if (!this.isDead) {
      const { delay = 0, jitter = 0 } = this.options;
      const at = this.clock.now() + delay + (jitter > 0 ? this.random.next() * jitter : 0);
      const { peer } = this;
      this.lastArrival = Math.max(at, this.lastArrival);
      this.arrive(this.lastArrival, () => peer?.receive(message));
    }
    this.sayGoodbye();
    if (wasFull && this.buffered === 0 && !this.isClosed) this.handler?.drained();
  }

  /** The other end hears of the end after all that was sent before it. */
  private sayGoodbye(): void {
    const { goodbye, peer } = this;
    if (goodbye === null || this.waiting.length > 0 || this.hidden > 0) return;
    this.goodbye = null;
    const at = Math.max(this.lastArrival, this.clock.now() + (this.options.delay ?? 0));
    if (!this.isDead) this.arrive(at, () => peer?.end(goodbye));
  }

  private arrive(at: Micros, task: () => void): void {
    const guarded = (): void => {
      if (!this.isDead) task();
    };
    if (this.clock.arrive === undefined) this.clock.schedule(at, guarded);
    else this.clock.arrive(at, guarded);
  }

  private receive(message: Bytes): void {
    if (this.isClosed) return;
    if (this.framed) {
      this.handler?.message(message);
      return;
    }
    for (let at = 0; at < message.length && !this.isClosed; ) {
      const end = Math.min(message.length, at + this.random.integer(1, Math.max(1, message.length)));
      this.handler?.message(message.slice(at, end));
      at = end;
    }
  }
}

const DEFAULT_HIDDEN = 256 << 10;
