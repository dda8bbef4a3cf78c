// The links of a tunnel: for each id its ticket, the port while it is there, and what brings it back while it is not.
// What a link carries is the client's business.
import type { Clock, RandomBytes } from "../core/link/clock.ts";
import { type Link, LinkCloseCode, type LinkClosed } from "../core/link/link.ts";
import type { LinkPort } from "../core/link/link-port.ts";
import type { NetError } from "../core/net/net-error.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import type { Resume } from "./handshake.ts";
import type { Welcome } from "./handshake-messages.ts";
import { LinkWatch, type WatchOptions } from "./link-watch.ts";
import type { Places } from "./places.ts";
import { type Credentials, Redial } from "./redial.ts";
import { onWake } from "./wake-events.ts";

export interface ClientLinksOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly places: Places;
  readonly credentials: Credentials;
  /** How many links are wanted; the relay may allow fewer. */
  readonly wanted: number;
  /** When a link is dead. */
  readonly watch: WatchOptions;
  /** The session as the client knows it now. */
  session(): { readonly session: Bytes; readonly state: Bytes };
  keepsAlive(): boolean;
  /** A link has come; `old` is the one it replaces. Gives its port, or null when the tunnel does not want it. */
  attach(link: Link, welcome: Welcome, old: LinkPort | null): LinkPort | null;
  /** It is in its place. */
  attached(survived: boolean): void;
  /** Closes a port; onLinkClosed is not called. */
  detach(port: LinkPort, reason: LinkClosed): void;
  /** A link is gone, and being dialled anew. */
  lost(port: LinkPort, reason: LinkClosed): void;
  refused(error: NetError): void;
}

interface Ticket {
  readonly generation: number;
  readonly secret: Bytes;
}

interface ClientLink {
  readonly id: number;
  readonly redial: Redial;
  /** Null: it has never been there. */
  ticket: Ticket | null;
  attempt: number;
  live: { readonly port: LinkPort; readonly watch: LinkWatch } | null;
  /** What it is closed with when its relay goes and no other takes it; null: its relay stays. */
  leaving: LinkClosed | null;
  /** Those who wait for replace(). */
  replaced: (() => void)[];
}

export class ClientLinks {
  private readonly options: ClientLinksOptions;
  private readonly all = new Map<number, ClientLink>();
  private readonly endWake: () => void;

  constructor(options: ClientLinksOptions) {
    this.options = options;
    this.endWake = onWake({ wake: () => this.hurry(), moved: () => this.move() });
  }

  /** Links that are there: id and port. */
  *live(): IterableIterator<readonly [number, LinkPort]> {
    for (const { id, live } of this.all.values()) if (live !== null) yield [id, live.port];
  }

  get liveCount(): number {
    let count = 0;
    for (const _ of this.live()) count++;
    return count;
  }

  /** Why a link that is missing could not be dialled last; null when none is known. */
  get lastFailure(): unknown {
    for (const { live, redial } of this.all.values()) {
      if (live === null && redial.failure !== null) return redial.failure;
    }
    return null;
  }

  /** A link whose handshake is done: the first of an id, or one that was dialled for it. */
  arrived(link: Link, welcome: Welcome): void {
    const known = this.all.get(welcome.link);
    const old = known?.live ?? null;
    const port = this.options.attach(link, welcome, old?.port ?? null);
    if (port === null) return;
    old?.watch.stop();
    const entry = known ?? this.make(welcome.link);
    entry.ticket = { generation: welcome.generation, secret: welcome.secret };
    entry.live = { port, watch: this.watch(port) };
    entry.leaving = null;
    // Those to where the session was before were closed for this one.
    for (const { live } of [...this.all.values()]) if (live?.port.isClosed) this.closed(live.port, {});
    for (const settle of entry.replaced.splice(0)) settle();
    this.options.attached(welcome.survived);
    this.grow(welcome.limits.links);
  }

  /** Dials what is missing of the links that are wanted. */
  private grow(allowed: number): void {
    // Who heard that a link is there may have ended everything.
    if (this.all.size === 0) return;
    const wanted = Math.min(this.options.wanted, allowed);
    for (let id = 0; id < wanted; id++) if (!this.all.has(id)) this.make(id).redial.start(0);
  }

  /** The driver says that a link is gone. */
  closed(port: LinkPort, reason: LinkClosed): void {
    for (const entry of this.all.values()) {
      if (entry.live?.port !== port) continue;
      entry.live.watch.stop();
      entry.live = entry.leaving = null;
      this.options.lost(port, reason);
      // Who hears of it may have ended everything.
      if (this.all.has(entry.id)) entry.redial.start();
      return;
    }
  }

  /** Drops a link as if it had been lost: it is dialled anew. */
  cut(id: number, reason: LinkClosed = {}): void {
    const live = this.all.get(id)?.live;
    if (live === null || live === undefined) return;
    this.options.detach(live.port, reason);
    this.closed(live.port, reason);
  }

  /** Dials a link anew and drops the old one when the new one is there. Resolves then, or when all is over. */
  replace(id: number): Promise<void> {
    const entry = this.all.get(id);
    if (entry === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      entry.replaced.push(resolve);
      entry.redial.start(0);
    });
  }

  /** replace(), for every link. */
  async replaceAll(): Promise<void> {
    await Promise.all([...this.all.keys()].map((id) => this.replace(id)));
  }

  /** The network may be back, or another one. */
  hurry(): void {
    for (const { redial, live } of this.all.values()) {
      redial.hurry();
      live?.watch.doubt();
    }
  }

  /** This machine is on another network: new links over that one, and the old ones go when they are there. */
  private move(): void {
    this.hurry();
    void this.replaceAll();
  }

  /**
   * The relay goes. Where it named others each link is dialled there first and dropped when the new one is there, or when
   * nobody takes it; without others all are dropped now, for this relay takes no more.
   */
  leave(reason: LinkClosed): void {
    const { hasAlternates } = this.options.places;
    for (const entry of [...this.all.values()]) {
      if (entry.live === null) continue;
      if (!hasAlternates) {
        this.cut(entry.id, reason);
        continue;
      }
      entry.leaving = reason;
      entry.redial.start(0);
    }
  }

  /** No link is wanted any more; those that are there are the driver's to close. */
  stop(): void {
    this.endWake();
    for (const { redial, live, replaced } of this.all.values()) {
      redial.stop();
      live?.watch.stop();
      for (const settle of replaced) settle();
    }
    this.all.clear();
  }

  private make(id: number): ClientLink {
    const { clock, random, places, credentials, keepsAlive } = this.options;
    const entry: ClientLink = {
      id,
      ticket: null,
      attempt: 0,
      live: null,
      leaving: null,
      replaced: [],
      redial: new Redial({
        turn: id,
        clock,
        random,
        places,
        credentials,
        keepsAlive,
        resume: () => this.claim(entry),
        arrived: (link, next) => this.arrived(link, next),
        failed: () => {
          if (entry.leaving !== null) this.cut(id, entry.leaving);
        },
        refused: (error) => this.options.refused(error),
      }),
    };
    this.all.set(id, entry);
    return entry;
  }

  /** What shows that a link is one of this session's. While another is there, that one vouches: it is where it leads. */
  private claim(entry: ClientLink): Resume {
    const others = [...this.all.values()].filter(({ ticket }) => ticket !== null);
    // Not where it is leaving: the relay that it goes to knows none of them.
    const voucher = others.find(
      ({ live, leaving, id }) => live !== null && leaving === null && id !== entry.id,
    );
    const via = voucher ?? (entry.ticket === null ? others[0] : entry);
    if (via === undefined || via.ticket === null) throw new Error("A session without a ticket");
    const { generation, secret } = via.ticket;
    const attempt = ++entry.attempt;
    const claim = { ...this.options.session(), link: entry.id, via: via.id, generation, attempt };
    return { claim, secret };
  }

  private watch(port: LinkPort): LinkWatch {
    return new LinkWatch(this.options.clock, port, {
      ...this.options.watch,
      dead: () => {
        const reason = { code: LinkCloseCode.timeout, reason: "nothing came back" };
        this.options.detach(port, reason);
        this.closed(port, reason);
      },
    });
  }
}
