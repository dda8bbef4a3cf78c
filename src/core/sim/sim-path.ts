// A simulated IP path between two stacks: a pair of links that carry packets alone and treat them as networks do. For
// a WebSocket's way of failing (late, never lost, and then dead) see sim-stream.ts.

import {
  frameLength,
  type Link,
  LinkCloseCode,
  type LinkClosed,
  type LinkHandler,
  type Micros,
} from "../link/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import { type PathClock, PathDirection } from "./path-direction.ts";
import type { PathOptions } from "./path-options.ts";
import { Random } from "./random.ts";

export interface SimPathOptions {
  readonly clock: PathClock;
  /** A seed, or a generator to share. Default seed 1. */
  readonly random?: Random | number | string;
  /** Both directions, or each. */
  readonly path?: PathOptions;
  readonly aToB?: PathOptions;
  readonly bToA?: PathOptions;
  readonly description?: string;
}

/** How a path or a stream ends. */
export interface CutOptions {
  /** When each end notices. Default at once; Infinity: never. */
  readonly aNotices?: Micros;
  readonly bNotices?: Micros;
  readonly reason?: string;
}

export class SimPath {
  /** The ends, each for one driver. */
  readonly a: Link;
  readonly b: Link;
  readonly aToB: PathDirection;
  readonly bToA: PathDirection;
  private readonly ends: readonly [PathEnd, PathEnd];

  constructor(options: SimPathOptions) {
    const { clock, path = {}, description = "simulated path" } = options;
    const random = options.random instanceof Random ? options.random : new Random(options.random ?? 1);
    const a = new PathEnd(clock, `${description} (a)`);
    const b = new PathEnd(clock, `${description} (b)`);
    const both = { ...path };
    const toA = (packet: Bytes): void => a.arrive(packet);
    const toB = (packet: Bytes): void => b.arrive(packet);
    this.aToB = new PathDirection(clock, random.fork(), { ...both, ...options.aToB }, toB, toA);
    this.bToA = new PathDirection(clock, random.fork(), { ...both, ...options.bToA }, toA, toB);
    a.way = this.aToB;
    b.way = this.bToA;
    this.a = a;
    this.b = b;
    this.ends = [a, b];
  }

  /** The path is gone: what is under way is lost, and the ends are told when they notice. */
  cut(options: CutOptions = {}): void {
    this.aToB.cut();
    this.bToA.cut();
    const reason = options.reason ?? "The path was cut";
    this.ends[0].endAfter(options.aNotices ?? 0, { reason });
    this.ends[1].endAfter(options.bNotices ?? 0, { reason });
  }
}

class PathEnd implements Link {
  readonly framed: boolean = true;
  readonly packetsOnly: boolean = true;
  readonly buffered: number = 0;
  readonly description: string;
  way: PathDirection | null = null;
  private readonly clock: PathClock;
  private handler: LinkHandler | null = null;
  private isClosed: boolean = false;

  constructor(clock: PathClock, description: string) {
    this.clock = clock;
    this.description = description;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  send(message: Bytes): void {
    if (this.isClosed) return;
    for (let at = 0; at < message.length; ) {
      const length = frameLength(message, at, message.length);
      if (length <= 0) return;
      this.way?.send(message.slice(at, at + length));
      at += length;
    }
  }

  close(code: number = LinkCloseCode.normal, reason: string = ""): void {
    this.end({ code, reason });
  }

  arrive(packet: Bytes): void {
    if (!this.isClosed) this.handler?.message(packet);
  }

  endAfter(delay: Micros, reason: LinkClosed): void {
    if (delay === Number.POSITIVE_INFINITY) return;
    this.clock.schedule(this.clock.now() + delay, () => this.end(reason));
  }

  private end(reason: LinkClosed): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.clock.defer(() => this.handler?.closed(reason));
  }
}
