// A link that carries packets as a bad network does: late, lost, doubled, damaged, in another order, through a narrow
// line. Around any link of packets alone, simulated or real (a TUN device), with a seed and whatever clock is given.

import { frameLength, type Link, type LinkClosed, type LinkHandler } from "../link/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import { OrderedClock } from "./ordered-clock.ts";
import { type PathClock, PathDirection } from "./path-direction.ts";
import type { PathOptions } from "./path-options.ts";
import { Random } from "./random.ts";

export interface ImpairOptions {
  readonly clock: PathClock;
  /** A seed, or a generator to share. Default seed 1. */
  readonly random?: Random | number | string;
  /** Both directions, or each: `outward` is what the link's user sends. */
  readonly path?: PathOptions;
  readonly outward?: PathOptions;
  readonly inward?: PathOptions;
}

/** The link, and what happens to its packets each way: options that may be changed, and counters. */
export interface ImpairedLink extends Link {
  readonly outward: PathDirection;
  readonly inward: PathDirection;
}

/**
 * The same link over a bad path.
 *
 * @throws {TypeError} when the link carries more than packets: what is in them may not be lost.
 */
export function impairLink(link: Link, options: ImpairOptions): ImpairedLink {
  if (link.packetsOnly !== true || !link.framed) {
    throw new TypeError(`Cannot impair ${link.description}: only a link of packets alone may lose them`);
  }
  return new PacketImpairment(link, options);
}

class PacketImpairment implements ImpairedLink {
  readonly framed: boolean = true;
  readonly packetsOnly: boolean = true;
  readonly copiesOnSend: boolean = true;
  readonly description: string;
  readonly outward: PathDirection;
  readonly inward: PathDirection;
  private readonly inner: Link;
  private handler: LinkHandler | null = null;

  constructor(link: Link, options: ImpairOptions) {
    this.inner = link;
    this.description = `${link.description}, impaired`;
    const random = options.random instanceof Random ? options.random : new Random(options.random ?? 1);
    const clock = options.clock.arrive === undefined ? new OrderedClock(options.clock) : options.clock;
    const toPeer = (packet: Bytes): void => link.send(packet);
    const toUser = (packet: Bytes): void => this.handler?.message(packet);
    const outward = { ...options.path, ...options.outward };
    const inward = { ...options.path, ...options.inward };
    this.outward = new PathDirection(clock, random.fork(), outward, toPeer, toUser);
    this.inward = new PathDirection(clock, random.fork(), inward, toUser, toPeer);
  }

  get buffered(): number {
    return this.inner.buffered;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
    this.inner.start({
      message: (message) => pass(message, this.inward),
      drained: () => handler.drained(),
      closed: (reason) => this.end(reason),
    });
  }

  send(message: Bytes): void {
    pass(message, this.outward);
  }

  close(code?: number, reason?: string): void {
    this.inner.close(code, reason);
  }

  ref(): void {
    this.inner.ref?.();
  }

  unref(): void {
    this.inner.unref?.();
  }

  private end(reason: LinkClosed): void {
    this.outward.cut();
    this.inward.cut();
    const { handler } = this;
    this.handler = null;
    handler?.closed(reason);
  }
}

function pass(message: Bytes, way: PathDirection): void {
  for (let at = 0; at < message.length; ) {
    const length = frameLength(message, at, message.length);
    if (length <= 0 || at + length > message.length) return;
    way.send(message.slice(at, at + length));
    at += length;
  }
}
