// The client end of a session (DESIGN §5): one stack over the links to a relay, what the relay tells of flows, names
// and peers, and one end for everything in it. Links come and go; without one everything stands still.
import type { Clock, Micros, RandomBytes, TimerHandle } from "../core/link/clock.ts";
import type { ControlMessage } from "../core/link/control-codec.ts";
import { Driver } from "../core/link/driver.ts";
import { type Link, LinkCloseCode, type LinkClosed, type LinkDialer } from "../core/link/link.ts";
import type { LinkPort } from "../core/link/link-port.ts";
import { asyncDispose } from "../core/net/async-dispose.ts";
import { bounded } from "../core/net/bounded.ts";
import { NetError } from "../core/net/net-error.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { requireValidOptions } from "../core/net/operation.ts";
import type { ConnectOptions } from "../core/net/options.ts";
import { SocketAddr, type SocketAddrLike } from "../core/net/socket-addr.ts";
import { TcpListener } from "../core/net/tcp-listener.ts";
import { TcpStream } from "../core/net/tcp-stream.ts";
import { AwayPeers } from "./away-peers.ts";
import { fraction } from "./backoff.ts";
import { ClientLinks } from "./client-links.ts";
import { firstSessionType, SessionType } from "./control-types.ts";
import { Destinations } from "./destinations.ts";
import { readFailed, readOpened } from "./flow-messages.ts";
import { FlowTable } from "./flow-table.ts";
import type { Welcome } from "./handshake-messages.ts";
import { linkInfo } from "./link-info.ts";
import type { WatchOptions } from "./link-watch.ts";
import { readResolved } from "./name-messages.ts";
import { hex, isSame } from "./octets.ts";
import type { Places } from "./places.ts";
import { readPublished } from "./publish-messages.ts";
import { Publisher } from "./publisher.ts";
import type { Credentials } from "./redial.ts";
import { SessionControl } from "./session-control.ts";
import { type Going, type RouteNotice, readBye, readGoing, readRoute, writeBye } from "./session-messages.ts";
import { StateEvent } from "./tunnel-events.ts";
import { TunnelListenerSource } from "./tunnel-listener.ts";
import { TunnelStack } from "./tunnel-stack.ts";
import type { Tunnel, TunnelBindOptions, TunnelInfo, TunnelLinkState, TunnelState } from "./tunnel-types.ts";

/** What a tunnel is made of once the first handshake is done. */
export interface TunnelSetup {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly places: Places;
  /** Where the first link leads. */
  readonly place: LinkDialer;
  readonly credentials: Credentials;
  /** How many are wanted, and when one is dead. */
  readonly links: number;
  readonly watch: WatchOptions;
}

export class TunnelClient extends EventTarget implements Tunnel {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  readonly name: string;
  readonly address: string;
  readonly closed: Promise<void>;
  readonly driver: Driver;
  private where: string;
  private welcome: Welcome;
  private readonly setup: TunnelSetup;
  private readonly clock: Clock;
  private readonly stack: TunnelStack;
  private readonly control: SessionControl;
  private readonly destinations: Destinations;
  private readonly flows = new FlowTable();
  private readonly publisher: Publisher;
  private readonly links: ClientLinks;
  private readonly away: AwayPeers;
  private readonly listeners = new Set<TunnelListenerSource>();
  private snapshot: TunnelState;
  private settleClosed: { resolve(): void; reject(error: NetError): void };
  private closing: Promise<void> | null = null;
  /** Since when there is no link, and what ends that for good; null while there is one. */
  private outage: { readonly since: Micros; readonly timer: TimerHandle } | null = null;
  private leaving: TimerHandle | null = null;
  /** The link that is being attached leads to a relay that knew nothing of the session's state. */
  private isAnew = false;

  static {
    Object.defineProperty(TunnelClient.prototype, asyncDispose, {
      value(this: TunnelClient) {
        return this.close();
      },
    });
  }

  constructor(welcome: Welcome, link: Link, setup: TunnelSetup) {
    super();
    const { clock, random } = setup;
    this.welcome = welcome;
    this.setup = setup;
    this.clock = clock;
    this.name = welcome.name;
    this.address = welcome.address.toString();
    this.where = link.description;
    const secret = new Uint8Array(32);
    random(secret);
    this.stack = new TunnelStack(welcome, secret);
    this.control = new SessionControl({
      apply: (type, message) => this.apply(type, message),
      protocolError: (_carrier, text) => this.broken(text),
    });
    this.destinations = new Destinations(welcome, (type, message) => this.send(type, message));
    this.publisher = new Publisher((type, message) => this.send(type, message));
    this.driver = new Driver({
      stack: this.stack.stack,
      clock,
      control: (port, type, message) => {
        // Types of a later version, and handshake types after the handshake, mean nothing here.
        if (type >= firstSessionType) this.control.receive(port, type, message);
      },
      acknowledged: (port, number) => this.control.acknowledged(port, number),
      onLinkClosed: (port, reason) => this.links.closed(port, reason),
      onProtocolError: (_port, text) => this.broken(text),
    });
    this.away = new AwayPeers(this.driver);
    this.settleClosed = { resolve: () => {}, reject: () => {} };
    this.closed = new Promise((resolve, reject) => {
      this.settleClosed = { resolve, reject };
    });
    this.closed.catch(() => {});
    setup.places.arrived(setup.place);
    this.links = new ClientLinks({
      clock,
      random,
      places: setup.places,
      credentials: { ...setup.credentials, name: welcome.name },
      wanted: setup.links,
      watch: setup.watch,
      session: () => this.welcome,
      keepsAlive: () => this.driver.keepsAlive,
      attach: (next, word, old) => this.attach(next, word, old),
      attached: (survived) => this.attached(survived),
      detach: (port, reason) => this.driver.detach(port, reason),
      lost: (port, reason) => this.linkLost(port, reason),
      refused: (error) => this.refused(error),
    });
    this.snapshot = Object.freeze({ phase: "open", links: [], error: null });
    this.links.arrived(link, welcome);
  }

  get url(): string {
    return this.where;
  }

  get state(): TunnelState {
    return this.snapshot;
  }

  async connect(addr: SocketAddrLike, options: ConnectOptions = {}): Promise<TcpStream> {
    const target = SocketAddr.from(addr);
    requireValidOptions(options);
    this.requireOpen("connect", target);
    // Nothing is awaited before the SYN: `resolve` shares a message with it.
    const remote = this.destinations.find(target);
    const local = options.localAddr === undefined ? undefined : SocketAddr.from(options.localAddr);
    if (local !== undefined) this.requireOwn(local, "connect");
    const source = this.driver.dial(
      {
        remote,
        remotePort: target.port,
        localPort: local === undefined || local.port === 0 ? undefined : local.port,
        peerAddr: this.destinations.peerAddr(target),
      },
      options,
    );
    const flow = this.flows.dialling(source, target);
    try {
      await bounded(
        {
          signal: options.signal,
          timeout: options.timeout,
          timers: source.timers,
          expired: () => failure("ETIMEDOUT", { op: "connect", peerAddr: target }),
          discard: () => {},
        },
        (signal) => source.connected({ signal }),
      );
    } catch (error) {
      if (!this.isUsable && NetError.is(error)) throw this.endOf("connect", target);
      throw error;
    } finally {
      this.flows.dialled(flow);
    }
    return TcpStream.over(source, options);
  }

  async bind(addr: SocketAddrLike, options: TunnelBindOptions = {}): Promise<TcpListener> {
    const wanted = SocketAddr.from(addr);
    requireValidOptions(options);
    this.requireOpen("bind", wanted);
    this.requireOwn(wanted, "bind");
    const place = options.publish === undefined ? undefined : SocketAddr.from(options.publish);
    const inner = this.driver.listen({ address: null, port: wanted.port, backlog: options.backlog }, options);
    let publication: { readonly id: number; readonly published: SocketAddr } | undefined;
    if (place !== undefined) {
      try {
        publication = await this.publisher.publish(
          { place, local: inner.localAddr.port, lost: (error) => source.fail(error) },
          options.signal,
        );
      } catch (error) {
        inner.close();
        throw error;
      }
    }
    const source: TunnelListenerSource = new TunnelListenerSource(
      inner,
      new SocketAddr(this.address, inner.localAddr.port),
      publication?.published,
      (accepted) => this.flows.describe(accepted),
      () => {
        this.listeners.delete(source);
        if (publication !== undefined) this.publisher.unpublish(publication.id);
      },
    );
    this.listeners.add(source);
    return TcpListener.over(source, options);
  }

  info(): TunnelInfo {
    return {
      network: this.welcome.network,
      subject: this.welcome.subject,
      session: hex(this.welcome.session),
      limits: { streams: this.welcome.limits.streams, publications: this.welcome.limits.publications },
      links: [...this.links.live()].map(([id, port]) => linkInfo(id, port)),
    };
  }

  close(): Promise<void> {
    this.closing ??= this.snapshot.phase === "closed" ? Promise.resolve() : this.closeGently();
    return this.closing;
  }

  private async closeGently(): Promise<void> {
    this.change("closing", null);
    for (const listener of [...this.listeners]) listener.close();
    for (const source of this.stack.sources()) {
      if (source.info().state.startsWith("SYN")) source.reset();
      else source.close();
    }
    const began = this.clock.now();
    const deadline = began + closeTime;
    await this.turn();
    while (this.isOpen && this.clock.now() < deadline) {
      // Nothing is lost without a goodbye but the relay's time: it is worth a moment, not more.
      const isWaiting = this.stack.hasUnsent || (this.outage !== null && this.clock.now() < began + byeTime);
      if (!isWaiting) break;
      await this.sleep(flushPoll);
    }
    if (!this.isOpen) return;
    this.send(SessionType.bye, writeBye({ code: undefined, text: undefined }));
    await this.turn();
    this.finish(null, new NetError("ERR_SOCKET_CLOSED", "The tunnel was closed on this side"));
  }

  private get isUsable(): boolean {
    return this.snapshot.phase === "open" || this.snapshot.phase === "detached";
  }

  private get isOpen(): boolean {
    return this.snapshot.phase !== "closed";
  }

  private apply(type: number, message: ControlMessage): void {
    switch (type) {
      case SessionType.opened:
        this.with(readOpened(message), (opened) => this.flows.opened(opened));
        break;
      case SessionType.failed:
        this.with(readFailed(message), (failed) => this.flows.failed(failed));
        break;
      case SessionType.resolved:
        this.with(readResolved(message), (resolved) => this.destinations.resolved(resolved));
        break;
      case SessionType.published:
        this.with(readPublished(message), (published) => this.publisher.published(published));
        break;
      case SessionType.route:
        this.with(readRoute(message), (notice) => this.routeChanged(notice));
        break;
      case SessionType.going:
        this.with(readGoing(message), (going) => this.leave(going));
        break;
      case SessionType.bye:
        this.with(readBye(message), ({ code, text }) => {
          const why = text === undefined || text === "" ? "the relay ended the session" : text;
          this.finish(new NetError(code ?? "ERR_SESSION_EXPIRED", `The tunnel has ended: ${why}`));
        });
        break;
      // Unknown types are ignored.
    }
  }

  private with<T extends object>(read: T | string, use: (message: T) => void): void {
    if (typeof read === "string") this.broken(read);
    else use(read);
  }

  private routeChanged({ address, state }: RouteNotice): void {
    if (state === "detached") {
      this.away.add(address);
      return;
    }
    if (state === "gone") this.stack.peerGone(address);
    this.away.remove(address);
  }

  /** Puts a link under the session; with the first after an outage everything goes on. */
  private attach(link: Link, welcome: Welcome, old: LinkPort | null): LinkPort | null {
    const known = this.welcome;
    if (!isSame(welcome.session, known.session) || !welcome.address.equals(known.address)) {
      link.close(LinkCloseCode.protocolError, "another session");
      this.finish(new NetError("EPROTO", `The tunnel has ended: ${link.description} gave another session`));
      return null;
    }
    this.welcome = welcome;
    this.where = link.description;
    this.isAnew = !isSame(welcome.state, known.state);
    if (this.isAnew) {
      // Links to where the old state is known would bring word of it. They go before the new one is there: so every
      // connection says where it is, as after an outage.
      for (const [, port] of [...this.links.live()]) this.replace(port);
      this.beginAnew();
    }
    const port = this.driver.attach(link, { routes: this.stack.routes, receiveCap: welcome.receiveCap });
    if (old !== null) this.replace(old);
    this.control.attach(port);
    // The relay tells anew who is away.
    if (this.outage !== null || this.isAnew) this.away.clear();
    return port;
  }

  private replace(old: LinkPort): void {
    this.control.detach(old);
    this.driver.detach(old, { code: LinkCloseCode.replaced, reason: "a newer link is in its place" });
  }

  private attached(survived: boolean): void {
    const { outage, isAnew } = this;
    this.outage = null;
    this.isAnew = false;
    this.change(this.snapshot.phase === "detached" ? "open" : this.snapshot.phase, null);
    this.dispatchEvent(new StateEvent("attached", this.snapshot));
    if (outage === null && !isAnew) return;
    if (outage !== null) this.clock.cancel(outage.timer);
    const length = outage === null ? 0 : (this.clock.now() - outage.since) / 1_000;
    this.dispatchEvent(new StateEvent("resumed", this.snapshot, { outage: length, survived }));
  }

  /** The relay knows nothing of what was: it is told again, and what it held for us is lost. */
  private beginAnew(): void {
    this.control.reset();
    this.destinations.beginAnew(this.stack.gatewayGone(this.clock.now()));
    this.publisher.beginAnew();
  }

  private linkLost(port: LinkPort, reason: LinkClosed): void {
    this.control.detach(port);
    if (!this.isOpen) return;
    if (this.links.liveCount > 0 || this.outage !== null) {
      this.change(this.snapshot.phase, null);
      return;
    }
    const since = this.clock.now();
    const { grace } = this.welcome;
    const timer = this.clock.schedule(since + grace * 1_000 + lastTry, () => {
      const text = `The tunnel has ended: no relay could be reached for ${grace} ms`;
      this.finish(new NetError("ERR_SESSION_EXPIRED", text, { cause: this.links.lastFailure ?? undefined }));
    });
    if (!this.driver.keepsAlive) this.clock.unref?.(timer);
    this.outage = { since, timer };
    this.change(this.snapshot.phase === "closing" ? "closing" : "detached", null);
    const why = reason.reason ? `: ${reason.reason}` : "";
    const error = new NetError(
      "ECONNRESET",
      `The link to ${this.url} was lost (code ${reason.code ?? "none"}${why})`,
      { cause: reason.error },
    );
    this.dispatchEvent(new StateEvent("detached", this.snapshot, { reason: error }));
  }

  private refused(error: NetError): void {
    this.finish(new NetError(error.code, `The tunnel has ended: ${error.message}`, { cause: error }));
  }

  /** The relay is about to stop: away at a random moment, so that not all come to the next one at once. */
  private leave({ spread, alternates }: Going): void {
    this.setup.places.moveTo(alternates);
    if (this.leaving !== null) return;
    const wait = Math.round(fraction(this.setup.random) * spread * 1_000);
    this.leaving = this.clock.schedule(this.clock.now() + wait, () => {
      this.leaving = null;
      this.links.leave({ code: LinkCloseCode.going, reason: "as the relay asked" });
    });
    this.clock.unref?.(this.leaving);
  }

  cutLink(id?: number): void {
    const chosen = id ?? this.snapshot.links[0]?.id;
    if (chosen !== undefined) this.links.cut(chosen);
  }

  async roam(): Promise<void> {
    await this.links.replaceAll();
  }

  private broken(text: string): void {
    this.finish(
      new NetError("EPROTO", `The tunnel has ended: ${this.url} broke the protocol: ${text}`),
      undefined,
      { code: LinkCloseCode.protocolError, reason: text },
    );
  }

  /** The one end of everything. `error` is null after close(); what is left then fails with `rest`. */
  private finish(error: NetError | null, rest?: NetError, closeWith?: LinkClosed): void {
    if (!this.isOpen) return;
    this.links.stop();
    if (this.outage !== null) this.clock.cancel(this.outage.timer);
    if (this.leaving !== null) this.clock.cancel(this.leaving);
    this.outage = this.leaving = null;
    this.change("closed", error);
    const cause = error ?? rest;
    for (const listener of [...this.listeners]) {
      if (cause === undefined) listener.close();
      else listener.fail(cause);
    }
    this.publisher.end(cause ?? null);
    this.driver.close(cause, closeWith);
    this.listeners.clear();
    this.flows.clear();
    if (error === null) this.settleClosed.resolve();
    else this.settleClosed.reject(error);
    this.dispatchEvent(new StateEvent("closed", this.snapshot, { reason: error }));
  }

  private change(phase: TunnelState["phase"], error: NetError | null): void {
    const links = phase === "closed" ? [] : this.linkStates();
    this.snapshot = Object.freeze({ phase, links: Object.freeze(links), error });
    this.dispatchEvent(new StateEvent("statechange", this.snapshot));
  }

  private linkStates(): TunnelLinkState[] {
    return [...this.links.live()].map(([id, { link }]) =>
      Object.freeze({ id, description: link.description }),
    );
  }

  private send(type: number, message: ControlMessage): void {
    if (!this.isOpen || this.control.send(type, message)) return;
    this.broken("it stopped acknowledging session control");
  }

  private requireOpen(op: "connect" | "bind", addr: SocketAddr): void {
    if (!this.isUsable) throw this.endOf(op, addr);
  }

  private endOf(op: "connect" | "bind", addr: SocketAddr): NetError {
    const error = this.snapshot.error;
    const where = op === "bind" ? { localAddr: addr } : { peerAddr: addr };
    if (error === null) return failure("ERR_SOCKET_CLOSED", { op, ...where, reason: "the tunnel is closed" });
    return failure(error.code, { op, ...where, reason: error.message, cause: error });
  }

  private requireOwn(addr: SocketAddr, op: "connect" | "bind"): void {
    const own = ["", "::", "0.0.0.0", this.address, `${this.name}.peer`];
    if (own.includes(addr.hostname.toLowerCase())) return;
    throw failure("EADDRNOTAVAIL", {
      op,
      localAddr: addr,
      reason: `a tunnel listens on its own address only: write ":${addr.port}"`,
    });
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.clock.defer(resolve));
  }

  private sleep(time: number): Promise<void> {
    return new Promise((resolve) => this.clock.schedule(this.clock.now() + time, resolve));
  }
}

/** Bytes of packets that the relay may have sent and this side not yet taken, on one link. */
export const receiveCap: number = 8 * 1_048_576;

/** Microseconds: how long close() waits, and how often it looks. */
const closeTime = 5_000_000;
const byeTime = 500_000;
/** Beyond the session's grace, for the attempt that is under way when it ends. */
const lastTry = 10_000_000;
const flushPoll = 5_000;
