// The client end of a session (DESIGN §5): one stack over the links to a relay, what the relay tells of flows and
// names, and one end for everything in it. Until links are replaced, the loss of the link ends the tunnel with
// ERR_SESSION_EXPIRED at every stream, pending call and listener.
import type { Clock, RandomBytes } from "../core/link/clock.ts";
import type { ConnectionSource } from "../core/link/connection-source.ts";
import type { ControlMessage } from "../core/link/control-codec.ts";
import { Driver } from "../core/link/driver.ts";
import { type Link, LinkCloseCode, type LinkClosed } from "../core/link/link.ts";
import type { LinkPort } from "../core/link/link-port.ts";
import { Stack } from "../core/link/stack.ts";
import { asyncDispose } from "../core/net/async-dispose.ts";
import { bounded } from "../core/net/bounded.ts";
import { NetError } from "../core/net/net-error.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { optionsError } from "../core/net/operation.ts";
import type { ConnectOptions, OpOptions } from "../core/net/options.ts";
import { SocketAddr, type SocketAddrLike } from "../core/net/socket-addr.ts";
import { TcpListener } from "../core/net/tcp-listener.ts";
import { TcpStream } from "../core/net/tcp-stream.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";
import { firstSessionType, SessionType } from "./control-types.ts";
import { Destinations } from "./destinations.ts";
import { readFailed, readOpened } from "./flow-messages.ts";
import { FlowTable } from "./flow-table.ts";
import { gatewayBuffers, gatewayTimeWait } from "./gateway-route.ts";
import type { Welcome } from "./handshake-messages.ts";
import { clientWatchDefaults, LinkWatch } from "./link-watch.ts";
import { readResolved } from "./name-messages.ts";
import { readPublished } from "./publish-messages.ts";
import { Publisher } from "./publisher.ts";
import { SessionControl } from "./session-control.ts";
import { readBye, readRoute, writeBye } from "./session-messages.ts";
import { TunnelListenerSource } from "./tunnel-listener.ts";
import type {
  Tunnel,
  TunnelBindOptions,
  TunnelEvent,
  TunnelInfo,
  TunnelLinkState,
  TunnelState,
} from "./tunnel-types.ts";

export class TunnelClient extends EventTarget implements Tunnel {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  readonly name: string;
  readonly address: string;
  readonly url: string;
  readonly closed: Promise<void>;
  readonly driver: Driver;
  private readonly welcome: Welcome;
  private readonly clock: Clock;
  private readonly stack: Stack;
  private readonly control: SessionControl;
  private readonly destinations: Destinations;
  private readonly flows = new FlowTable();
  private readonly publisher: Publisher;
  /** Link id to port: one for now, never assumed to be. */
  private readonly links = new Map<number, { readonly port: LinkPort; readonly watch: LinkWatch }>();
  private readonly listeners = new Set<TunnelListenerSource>();
  private snapshot: TunnelState;
  private settleClosed: { resolve(): void; reject(error: NetError): void };
  private closing: Promise<void> | null = null;

  static {
    Object.defineProperty(TunnelClient.prototype, asyncDispose, {
      value(this: TunnelClient) {
        return this.close();
      },
    });
  }

  constructor(welcome: Welcome, link: Link, clock: Clock, random: RandomBytes) {
    super();
    this.welcome = welcome;
    this.clock = clock;
    this.name = welcome.name;
    this.address = welcome.address.toString();
    this.url = link.description;
    const secret = new Uint8Array(32);
    random(secret);
    this.stack = new Stack({ secret, addresses: [welcome.address], portRange: [1_024, 65_535] });
    const gatewayRoute = this.stack.addRoute(everywhere, {
      reliable: true,
      checksum: welcome.routes.gatewayChecksum,
      mtu: welcome.routes.gatewayMtu,
      timeWait: gatewayTimeWait,
      tcp: gatewayBuffers,
    });
    const peerRoute = this.stack.addRoute(welcome.peers, {
      reliable: false,
      checksum: true,
      mtu: welcome.routes.peerMtu,
      // The switch marks before it drops, and nothing else lies between two tunnels.
      tcp: { ecn: "on" },
    });
    this.control = new SessionControl({
      apply: (type, message) => this.apply(type, message),
      protocolError: (_carrier, text) => this.broken(text),
    });
    this.destinations = new Destinations(welcome, (type, message) => this.send(type, message));
    this.publisher = new Publisher((type, message) => this.send(type, message));
    this.driver = new Driver({
      stack: this.stack,
      clock,
      control: (port, type, message) => {
        // Types of a later version, and handshake types after the handshake, mean nothing here.
        if (type >= firstSessionType) this.control.receive(port, type, message);
      },
      acknowledged: (port, number) => this.control.acknowledged(port, number),
      onLinkClosed: (port, reason) => this.linkClosed(port, reason),
      onProtocolError: (_port, text) => this.broken(text),
    });
    this.settleClosed = { resolve: () => {}, reject: () => {} };
    this.closed = new Promise((resolve, reject) => {
      this.settleClosed = { resolve, reject };
    });
    this.closed.catch(() => {});
    const port = this.driver.attach(link, {
      routes: [gatewayRoute, peerRoute],
      receiveCap: welcome.receiveCap,
    });
    this.links.set(welcome.link, { port, watch: this.watch(port) });
    this.control.attach(port);
    this.snapshot = Object.freeze({ phase: "open", links: this.linkStates(), error: null });
  }

  get state(): TunnelState {
    return this.snapshot;
  }

  async connect(addr: SocketAddrLike, options: ConnectOptions = {}): Promise<TcpStream> {
    const target = SocketAddr.from(addr);
    requireValid(options);
    this.requireOpen("connect", target);
    // Nothing is awaited before the SYN: `resolve` shares a message with it.
    const { remote, isPeer } = this.destinations.find(target);
    const local = options.localAddr === undefined ? undefined : SocketAddr.from(options.localAddr);
    if (local !== undefined) this.requireOwn(local, "connect");
    const source = this.driver.dial(
      {
        remote,
        remotePort: target.port,
        localPort: local === undefined || local.port === 0 ? undefined : local.port,
        peerAddr: isPeer ? undefined : target,
      },
      options,
    );
    this.flows.dialling(source, target);
    try {
      await bounded(
        {
          ...options,
          timers: source.timers,
          expired: () => failure("ETIMEDOUT", { op: "connect", peerAddr: target }),
          discard: () => {},
        },
        (signal) => source.connected({ signal }),
      );
    } catch (error) {
      if (this.snapshot.phase !== "open" && NetError.is(error)) throw this.endOf("connect", target);
      throw error;
    } finally {
      this.flows.dialled(source);
    }
    return TcpStream.over(source, options);
  }

  async bind(addr: SocketAddrLike, options: TunnelBindOptions = {}): Promise<TcpListener> {
    const wanted = SocketAddr.from(addr);
    requireValid(options);
    this.requireOpen("bind", wanted);
    this.requireOwn(wanted, "bind");
    const place = options.publish === undefined ? undefined : SocketAddr.from(options.publish);
    const inner = this.driver.listen({ address: null, port: wanted.port, backlog: options.backlog }, options);
    let publication: { readonly id: number; readonly published: SocketAddr } | undefined;
    if (place !== undefined) {
      try {
        publication = await this.publisher.publish(place, inner.localAddr.port, options.signal);
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
      links: [...this.links].map(([id, { port }]) => ({
        id,
        description: port.link.description,
        rtt: port.rtt === 0 ? undefined : port.rtt / 1_000,
        minRtt: port.minRtt === 0 ? undefined : port.minRtt / 1_000,
        rate: port.rate === 0 ? undefined : port.rate,
        bytesSent: port.bytesSent,
        bytesReceived: port.bytesReceived,
        inFlight: port.inFlight,
        budget: port.budget,
      })),
    };
  }

  close(): Promise<void> {
    this.closing ??= this.snapshot.phase === "closed" ? Promise.resolve() : this.closeGently();
    return this.closing;
  }

  private async closeGently(): Promise<void> {
    this.change("closing", null);
    for (const listener of [...this.listeners]) listener.close();
    for (const source of this.sources()) {
      if (source.info().state.startsWith("SYN")) source.reset();
      else source.close();
    }
    const deadline = this.clock.now() + closeTime;
    await this.turn();
    while (this.clock.now() < deadline && this.isOpen && this.hasUnsent()) await this.sleep(flushPoll);
    if (!this.isOpen) return;
    this.send(SessionType.bye, writeBye({ code: undefined, text: undefined }));
    await this.turn();
    this.finish(null, new NetError("ERR_SOCKET_CLOSED", "The tunnel was closed on this side"));
  }

  /** Whether something the user wrote, or a FIN, is not acknowledged yet. */
  private hasUnsent(): boolean {
    for (const source of this.sources()) {
      const { state } = source.info();
      if (state !== "TIME-WAIT" && state !== "FIN-WAIT-2" && state !== "CLOSED") return true;
    }
    return false;
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
        this.with(readRoute(message), ({ address, state }) => {
          if (state === "gone") this.peerGone(address);
        });
        break;
      case SessionType.bye:
        this.with(readBye(message), ({ code, text }) => {
          const why = text === undefined || text === "" ? "the relay ended the session" : text;
          this.finish(new NetError(code ?? "ERR_SESSION_EXPIRED", `The tunnel has ended: ${why}`));
        });
        break;
      // `going` asks to come back elsewhere, which takes sessions that survive; unknown types are ignored.
    }
  }

  private with<T extends object>(read: T | string, use: (message: T) => void): void {
    if (typeof read === "string") this.broken(read);
    else use(read);
  }

  private peerGone(address: IpAddress): void {
    for (const source of this.sources()) {
      if (!source.connection.remote.equals(address)) continue;
      const reason = "the peer's tunnel has ended";
      source.reset(failure("ECONNRESET", { op: "read", peerAddr: source.peerAddr, reason }));
    }
  }

  private linkClosed(port: LinkPort, reason: LinkClosed): void {
    for (const [id, link] of this.links) {
      if (link.port !== port) continue;
      link.watch.stop();
      this.links.delete(id);
    }
    this.control.detach(port);
    if (this.links.size > 0 || !this.isOpen) return;
    const why = reason.reason ? `: ${reason.reason}` : "";
    this.finish(
      new NetError(
        "ERR_SESSION_EXPIRED",
        `The tunnel has ended: the link to ${this.url} was lost (code ${reason.code ?? "none"}${why})`,
        { cause: reason.error },
      ),
    );
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
    this.change("closed", error);
    for (const { watch } of this.links.values()) watch.stop();
    const cause = error ?? rest;
    for (const listener of [...this.listeners]) {
      if (cause === undefined) listener.close();
      else
        listener.fail(
          failure(cause.code, { op: "accept", localAddr: listener.localAddr, reason: cause.message, cause }),
        );
    }
    this.publisher.end(cause ?? null);
    this.driver.close(cause, closeWith);
    this.links.clear();
    this.listeners.clear();
    this.flows.clear();
    if (error === null) this.settleClosed.resolve();
    else this.settleClosed.reject(error);
    this.dispatchEvent(new StateEvent("closed", this.snapshot));
  }

  private change(phase: TunnelState["phase"], error: NetError | null): void {
    const links = phase === "closed" ? [] : this.linkStates();
    this.snapshot = Object.freeze({ phase, links: Object.freeze(links), error });
    this.dispatchEvent(new StateEvent("statechange", this.snapshot));
  }

  private linkStates(): TunnelLinkState[] {
    return [...this.links].map(([id, { port }]) => Object.freeze({ id, description: port.link.description }));
  }

  private send(type: number, message: ControlMessage): void {
    if (!this.isOpen || this.control.send(type, message)) return;
    this.broken("it stopped acknowledging session control");
  }

  private watch(port: LinkPort): LinkWatch {
    return new LinkWatch(this.clock, port, {
      ...clientWatchDefaults,
      dead: () => {
        const reason = { code: LinkCloseCode.timeout, reason: "nothing came back" };
        port.close(reason);
        this.linkClosed(port, reason);
      },
    });
  }

  private *sources(): Iterable<ConnectionSource> {
    for (const connection of [...this.stack.connections()]) {
      const source = (connection.user as { readonly source?: ConnectionSource | null } | null)?.source;
      if (source !== null && source !== undefined) yield source;
    }
  }

  private requireOpen(op: "connect" | "bind", addr: SocketAddr): void {
    if (this.snapshot.phase !== "open") throw this.endOf(op, addr);
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

class StateEvent extends Event implements TunnelEvent {
  readonly state: TunnelState;

  constructor(type: string, state: TunnelState) {
    super(type);
    this.state = state;
  }
}

function requireValid(options: OpOptions): void {
  const wrong = optionsError(options);
  if (wrong !== undefined) throw wrong.error;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes of packets that the relay may have sent and this side not yet taken, on one link. */
export const receiveCap: number = 8 * 1_048_576;

const everywhere: Prefix = Prefix.parse("::/0") as Prefix;
/** Microseconds: how long close() waits, and how often it looks. */
const closeTime = 5_000_000;
const flushPoll = 5_000;
