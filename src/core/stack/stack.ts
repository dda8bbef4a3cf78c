// One IP host in user space (RFC 9293, RFC 1122): addresses, routes, ports, listeners, connections. Pure: packets and
// time go in by calls, packets and events are pulled. This file is the host's face; each duty has a file of its own.

import type { Connection } from "../tcp/connection.ts";
import { congestionControls } from "../tcp/controllers.ts";
import { defaultTcpOptions, type TcpOptions, withOptions } from "../tcp/options.ts";
import type { SegmentObserver } from "../tcp/segment-event.ts";
import { SipHash } from "../tcp/siphash.ts";
import { Spares } from "../tcp/spares.ts";
import type { TcpState } from "../tcp/tcp-state.ts";
import { acknowledge, transmit } from "../tcp/transmit.ts";
import type { Bytes } from "../wire/bytes.ts";
import { buildIcmpError } from "../wire/icmp-build.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { Malformed } from "../wire/malformed.ts";
import { Packet, parsePacket } from "../wire/packet.ts";
import type { Prefix } from "../wire/prefix.ts";
import { Addresses } from "./addresses.ts";
import { Connections } from "./connections.ts";
import { newCounters, type StackCounters } from "./counters.ts";
import { StackError } from "./errors.ts";
import type { ForwardRequest, Refusal } from "./forward-request.ts";
import { Ingress } from "./ingress.ts";
import type { Listener, ListenOptions } from "./listener.ts";
import { ListenerTable } from "./listener-table.ts";
import {
  DEFAULT_TIME_WAIT,
  DYNAMIC_PORTS,
  defaultStackLimits,
  type StackLimits,
  type StackOptions,
} from "./options.ts";
import { EphemeralPorts } from "./ports.ts";
import { Route, type RouteOptions, RouteTable } from "./route.ts";
import { type StrayPacket, StrayPackets } from "./stray-packets.ts";

/** IPv6's payload length is 16 bits; its header comes on top. */
const LARGEST_PACKET = 65_575;

export interface ConnectOptions {
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** Default: the stack's first address of the remote's family. */
  readonly local?: IpAddress | undefined;
  /** Default: an ephemeral port. */
  readonly localPort?: number | undefined;
  readonly tcp?: Partial<TcpOptions>;
}

export class Stack {
  readonly counters: StackCounters = newCounters();
  readonly limits: StackLimits;
  private readonly tcp: TcpOptions;
  private readonly timeWait: number;
  private readonly anyDestination: boolean;
  private readonly addresses: Addresses;
  private readonly routes: RouteTable = new RouteTable();
  private readonly listeners: ListenerTable;
  private readonly strays: StrayPackets;
  private readonly ports: EphemeralPorts;
  private readonly live: Connections;
  private readonly requests: ForwardRequest[] = [];
  private readonly ingress: Ingress;

  /** @throws StackError EINVAL when the secret is too short, or there is no such congestion control */
  constructor(options: StackOptions) {
    if (options.secret.length < 32)
      throw new StackError("EINVAL", "Cannot make a stack: its secret needs 32 bytes");
    this.limits = { ...defaultStackLimits, ...options.limits };
    checkTcpOptions(options.tcp);
    this.tcp = withOptions(defaultTcpOptions, options.tcp);
    this.timeWait = options.timeWait ?? DEFAULT_TIME_WAIT;
    this.addresses = new Addresses(options.addresses ?? []);
    this.strays = new StrayPackets(this.limits.strayPackets);
    this.listeners = new ListenerTable(options.synCookies ?? "on-overflow");
    const hash = new SipHash(options.secret, 16);
    this.ports = new EphemeralPorts(options.portRange ?? DYNAMIC_PORTS, hash);
    const sequenceHash = new SipHash(options.secret, 0);
    this.live = new Connections(
      {
        hash,
        sequenceHash,
        limits: this.limits,
        counters: this.counters,
        spares: options.spares ?? new Spares(),
      },
      this.listeners,
      this.strays,
    );
    this.anyDestination = options.anyDestination ?? false;
    const requests = this.anyDestination ? this.requests : null;
    this.ingress = new Ingress(this.live, this.listeners, this.routes, this.addresses, requests);
  }

  /** Sees every segment of every connection, sent or received; null (the default) costs nothing. */
  get observer(): SegmentObserver | null {
    return this.live.observer;
  }
  set observer(observer: SegmentObserver | null) {
    this.live.observer = observer;
  }

  // --- addresses and routes

  owns(address: IpAddress): boolean {
    return this.addresses.has(address);
  }

  addRoute(prefix: Prefix, options: RouteOptions): Route {
    checkTcpOptions(options.tcp);
    const route = new Route(prefix, options, this.tcp, this.timeWait);
    this.routes.add(route);
    return route;
  }

  /** Connections over it stay, without a way to their peers until they time out. */
  removeRoute(route: Route): void {
    this.routes.remove(route);
  }

  routeTo(address: IpAddress): Route | null {
    return this.routes.find(address);
  }

  // --- packets and time in

  /** One packet from a link, at its time of arrival. Never throws; what is refused is counted. */
  input(now: number, bytes: Uint8Array, start: number, end: number, linkId: number): void {
    this.ingress.packetArrives(now, bytes, start, end, linkId);
  }

  /** When timeout() is due next, microseconds; infinity when nothing waits. */
  nextDeadline(): number {
    return this.live.nextDeadline;
  }

  /** Does what is due by `now`. Calling it early or twice changes nothing. */
  timeout(now: number): void {
    this.live.timeout(now);
  }

  // --- packets out

  /** A packet of no connection: it goes before all others. */
  takePacket(): StrayPacket | null {
    return this.strays.take();
  }

  /** Whether takePacket() has one. */
  get hasPackets(): boolean {
    return !this.strays.isEmpty;
  }

  /** A connection that may have something to send: put it in the ring of its route and call transmit(). */
  takeReady(): Connection | null {
    return this.live.readyList.take();
  }

  /**
   * Writes one IP packet of `connection` at out[at..at+room).
   * @param segmentLimit largest payload the link should carry at once
   * @returns its length; 0 when there is nothing to send now; -1 when it does not fit
   */
  transmit(
    connection: Connection,
    now: number,
    out: Uint8Array,
    at: number,
    room: number,
    linkId: number,
    segmentLimit: number,
  ): number {
    return transmit(connection, now, out, at, room, linkId, segmentLimit);
  }

  /** The ACK that `connection` owes, alone, at out[at..at+room); as transmit(), 0 when it owes none. */
  acknowledge(
    connection: Connection,
    now: number,
    out: Uint8Array,
    at: number,
    room: number,
    linkId: number,
  ): number {
    return acknowledge(connection, now, out, at, room, linkId);
  }

  /**
   * Every packet that wants to leave now: for tests and tools, which have no links and no budget. A driver takes the
   * connections that are ready and calls transmit() with its own memory.
   */
  packets(now: number): Bytes[] {
    const packets: Bytes[] = [];
    for (let stray = this.takePacket(); stray !== null; stray = this.takePacket()) packets.push(stray.bytes);
    const out = new Uint8Array(LARGEST_PACKET);
    for (let ready = this.takeReady(); ready !== null; ready = this.takeReady()) {
      for (;;) {
        const length = this.transmit(ready, now, out, 0, LARGEST_PACKET, 0, LARGEST_PACKET);
        if (length <= 0) break;
        packets.push(out.slice(0, length));
      }
    }
    return packets;
  }

  /** A reliable route on which progress is overdue: all its links should be asked, and linksAnswered() be called. */
  takePingWanted(): Route | null {
    return this.live.takePingWanted();
  }

  // --- events

  /** A connection with events: read them by its takeEvents(). */
  takeChanged(): Connection | null {
    return this.live.changedList.take();
  }

  /** A listener with connections to accept: accept() until it gives null. */
  takeAcceptable(): Listener | null {
    return this.listeners.takeAcceptable();
  }

  takeRequest(): ForwardRequest | null {
    return this.requests.shift() ?? null;
  }

  // --- the user's calls

  /** Begins a connection. @throws StackError EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENETUNREACH, ERR_LIMIT */
  connect(now: number, options: ConnectOptions): Connection {
    const { remote, remotePort } = options;
    checkTcpOptions(options.tcp);
    const route = this.routes.find(remote);
    if (route === null) throw new StackError("ENETUNREACH", `no route to ${remote}`);
    const local = options.local ?? this.addresses.of(remote.family);
    if (local === undefined) throw new StackError("EADDRNOTAVAIL", `no address of the family of ${remote}`);
    // A forwarder speaks for other hosts, everybody else for itself: answers to another address would not come in.
    if (!this.anyDestination && !this.owns(local))
      throw new StackError("EADDRNOTAVAIL", `${local} is not an address of this host`);
    if (!this.live.hasRoom(false)) {
      throw new StackError("ERR_LIMIT", `the stack has its ${this.limits.connections} connections`);
    }
    const { table } = this.live;
    const isFree = (port: number): boolean => table.get(local, port, remote, remotePort) === null;
    const isUnused = (port: number): boolean => isFree(port) && !this.listeners.hasPort(port);
    const localPort = options.localPort ?? this.ports.choose(local, remote, remotePort, isUnused);
    if (localPort === 0) throw new StackError("EADDRNOTAVAIL", `no free port for ${remote}:${remotePort}`);
    if (!isFree(localPort))
      throw new StackError("EADDRINUSE", `port ${localPort} is connected there already`);
    const tcp = route.optionsWith(options.tcp);
    const connection = this.live.create(now, route, local, localPort, remote, remotePort, tcp);
    connection.open(now);
    return connection;
  }

  /** Begins to listen. @throws StackError EADDRINUSE, EADDRNOTAVAIL, EINVAL */
  listen(_now: number, options: ListenOptions): Listener {
    const { address } = options;
    checkTcpOptions(options.tcp);
    if (address !== null && !this.owns(address)) {
      throw new StackError("EADDRNOTAVAIL", `${address} is not an address of this host`);
    }
    const local = address ?? this.addresses.first;
    return this.listeners.listen(options, (isFree) =>
      local === undefined ? 0 : this.ports.choose(local, null, 0, isFree),
    );
  }

  /** Lets a forward request's handshake go on. False when the peer has given up meanwhile. */
  admit(now: number, request: ForwardRequest, tcp?: Partial<TcpOptions>): boolean {
    const { connection } = request;
    if (connection.state !== "SYN-RECEIVED") return false;
    if (tcp !== undefined) connection.setOptions(now, tcp);
    connection.held = false;
    connection.synPending = true;
    this.live.ready(connection);
    return true;
  }

  /** Turns a forward request down. */
  refuse(_now: number, request: ForwardRequest, how: Refusal): void {
    const { connection, syn } = request;
    if (connection.state !== "SYN-RECEIVED") return;
    connection.released = true;
    connection.enterClosed(null, how === "reset");
    if (how === "reset" || how === "silent") return;
    const packet = new Packet();
    if (parsePacket(packet, syn, 0, syn.length, false) !== Malformed.none) return;
    const reason = how === "prohibited" ? "prohibited" : how === "net-unreachable" ? "net" : "host";
    const error = buildIcmpError(
      packet,
      connection.local,
      { kind: "unreachable", reason },
      this.tcp.hopLimit,
    );
    if (error !== null) this.live.stray(error, connection.route as Route);
  }

  /** Ends everything at once, with this error; resets leave where there is a link. */
  abortAll(now: number, code: string, text: string): void {
    this.listeners.closeAll(now);
    for (const connection of [...this.live]) connection.abort(now, { code, text });
  }

  // --- links and routes come and go

  /** What left on this link is lost: it goes again at once, without a congestion response. */
  linkDied(now: number, linkId: number): void {
    this.live.linkDied(now, linkId);
  }

  /** No link, or the other side is detached: nothing leaves on this route, and its timers stand still. */
  freeze(now: number, route: Route): void {
    if (route.frozen) return;
    route.frozen = true;
    this.live.freeze(now, route);
  }

  /** The route works again: every connection tells its window and resends from SND.UNA. */
  thaw(now: number, route: Route): void {
    route.frozen = false;
    this.live.thaw(now, route);
  }

  /** The host at this address is away: its connections stand still until release(), whatever their route. */
  hold(now: number, remote: IpAddress): void {
    this.live.hold(now, remote);
  }

  /** It is back: as thaw(), for its connections. */
  release(now: number, remote: IpAddress): void {
    this.live.release(now, remote);
  }

  /**
   * All links of a reliable route have answered pings: what left on it up to `askedAt` has arrived at the other side,
   * and what that side has said of it since has arrived here.
   */
  linksAnswered(now: number, route: Route, askedAt: number): void {
    this.live.linksAnswered(now, route, askedAt);
  }

  // --- to look at

  /** Connections in any state but TIME-WAIT. */
  get connectionCount(): number {
    return this.live.live;
  }

  connections(): IterableIterator<Connection> {
    return this.live[Symbol.iterator]();
  }

  countByState(): Record<TcpState, number> {
    return this.live.countByState();
  }

  /** Bytes queued for sending or unread, over all connections. */
  get memoryUsed(): number {
    return this.live.memory.used;
  }
}

/** What comes from JavaScript may be anything. */
function checkTcpOptions(tcp: Partial<TcpOptions> | undefined): void {
  const name = tcp?.congestionControl;
  if (name === undefined || congestionControls.includes(name)) return;
  const known = congestionControls.join(", ");
  throw new StackError("EINVAL", `no congestion control "${String(name)}": there are ${known}`);
}
