// One IP host in user space (RFC 9293, RFC 1122): addresses, routes, ports, listeners, connections. Pure: packets and
// time go in by calls, packets and events are pulled. This file is the host's face; each duty has a file of its own.

import { Connection } from "../tcp/connection.ts";
import type { Host } from "../tcp/host.ts";
import { initialSequence, timestampOffset } from "../tcp/isn.ts";
import { MemoryBudget } from "../tcp/memory.ts";
import { defaultTcpOptions, type TcpOptions } from "../tcp/options.ts";
import { linkDied, pongArrived, thaw } from "../tcp/outage.ts";
import { segmentArrives, synArrives } from "../tcp/segment-arrives.ts";
import type { SegmentObserver } from "../tcp/segment-event.ts";
import { RecordPool } from "../tcp/sent-records.ts";
import { SipHash } from "../tcp/siphash.ts";
import { SlabPool } from "../tcp/slab-pool.ts";
import type { TcpState } from "../tcp/tcp-state.ts";
import { timersDue } from "../tcp/timeouts.ts";
import { transmit } from "../tcp/transmit.ts";
import { addToSum, finishSum } from "../wire/checksum.ts";
import { IcmpMessage, parseIcmp } from "../wire/icmp.ts";
import { buildEchoReply, buildIcmpError } from "../wire/icmp-build.ts";
import { IpAddress } from "../wire/ip-address.ts";
import { Malformed } from "../wire/malformed.ts";
import { Packet, parsePacket, transportSum } from "../wire/packet.ts";
import type { Prefix } from "../wire/prefix.ts";
import { Protocol } from "../wire/protocol.ts";
import { Flag, TcpSegment } from "../wire/tcp-segment.ts";
import { ChangedList, ReadyList } from "./connection-lists.ts";
import { newCounters, type StackCounters } from "./counters.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { StackError } from "./errors.ts";
import type { ForwardRequest, Refusal } from "./forward-request.ts";
import { icmpError } from "./icmp-input.ts";
import { Listener, type ListenOptions } from "./listener.ts";
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
import { buildSegment, TimeWait } from "./time-wait.ts";
import { TupleTable } from "./tuple-table.ts";

export interface ConnectOptions {
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** Default: the stack's first address of the remote's family. */
  readonly local?: IpAddress;
  /** Default: an ephemeral port. */
  readonly localPort?: number;
  readonly tcp?: Partial<TcpOptions>;
}

export class Stack {
  readonly counters: StackCounters = newCounters();
  readonly limits: StackLimits;
  /** Sees every segment of every connection, sent or received; null costs nothing. */
  observer: SegmentObserver | null = null;

  private readonly addresses: IpAddress[];
  private readonly tcp: TcpOptions;
  private readonly anyDestination: boolean;
  private readonly defaultTimeWait: number;
  private readonly routes: RouteTable = new RouteTable();
  private readonly table: TupleTable;
  private readonly listeners: Map<number, Listener[]> = new Map();
  private readonly heap: DeadlineHeap<Connection | TimeWait> = new DeadlineHeap();
  private readonly readyList: ReadyList = new ReadyList();
  private readonly changedList: ChangedList = new ChangedList();
  private readonly strays: StrayPackets;
  private readonly ports: EphemeralPorts;
  private readonly sequenceHash: SipHash;
  private readonly memory: MemoryBudget;
  private readonly host: Host;
  private readonly packet: Packet = new Packet();
  private readonly icmp: IcmpMessage = new IcmpMessage();
  private acceptable: Listener[] = [];
  private requests: ForwardRequest[] = [];
  private pings: number[] = [];
  private readonly awaitingPong: Set<Connection> = new Set();
  private liveConnections = 0;
  private halfOpen = 0;
  private timeWaits = 0;

  constructor(options: StackOptions) {
    if (options.secret.length < 32)
      throw new StackError("EINVAL", "Cannot make a stack: its secret needs 32 bytes");
    this.limits = { ...defaultStackLimits, ...options.limits };
    this.addresses = [...(options.addresses ?? [])];
    this.tcp = { ...defaultTcpOptions, ...options.tcp };
    this.anyDestination = options.anyDestination ?? false;
    this.defaultTimeWait = options.timeWait ?? DEFAULT_TIME_WAIT;
    this.sequenceHash = new SipHash(options.secret, 0);
    const portHash = new SipHash(options.secret, 16);
    this.table = new TupleTable(portHash.start().word(0x7461_626c).finish() | 0);
    this.ports = new EphemeralPorts(options.portRange ?? DYNAMIC_PORTS, portHash);
    this.strays = new StrayPackets(this.limits.strayPackets);
    this.memory = new MemoryBudget(this.limits.memory, this.limits.reserve);
    this.host = this.makeHost();
  }

  // --- addresses and routes

  addAddress(address: IpAddress): void {
    if (!this.owns(address)) this.addresses.push(address);
  }

  removeAddress(address: IpAddress): void {
    const at = this.addresses.findIndex((own) => own.equals(address));
    if (at >= 0) this.addresses.splice(at, 1);
  }

  owns(address: IpAddress): boolean {
    return this.addresses.some((own) => own.equals(address));
  }

  addRoute(prefix: Prefix, options: RouteOptions): Route {
    const route = new Route(prefix, options, this.tcp, this.defaultTimeWait);
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

  // --- packets in

  /** One packet from a link, at its time of arrival. Never throws; what is refused is counted. */
  input(now: number, bytes: Uint8Array, start: number, end: number, linkId: number): void {
    const { packet, counters } = this;
    counters.packetsReceived++;
    const refused = parsePacket(packet, bytes, start, end, false);
    if (refused !== Malformed.none) {
      counters.malformed[refused] = (counters.malformed[refused] ?? 0) + 1;
      return;
    }
    if (packet.protocol === Protocol.tcp) this.tcpArrives(now, linkId);
    else if (packet.protocol === (packet.version === 4 ? Protocol.icmp : Protocol.icmpv6))
      this.icmpArrives(now);
    else counters.notForUs++;
  }

  private tcpArrives(now: number, linkId: number): void {
    const { packet } = this;
    const entry = this.table.find(packet);
    if (entry === null) {
      this.unknownTuple(now);
      return;
    }
    if (entry instanceof Connection) {
      if (entry.route.checksum && !this.verifies()) return;
      segmentArrives(entry, now, packet, linkId);
      this.rearm(entry);
    } else if (entry instanceof TimeWait) {
      if (entry.route.checksum && !this.verifies()) return;
      this.timeWaitArrives(now, entry);
    }
  }

  private verifies(): boolean {
    const { packet } = this;
    const header =
      packet.version === 6 || finishSum(addToSum(0, packet.bytes, packet.start, packet.payloadStart)) === 0;
    if (header && finishSum(transportSum(packet)) === 0) return true;
    this.counters.badChecksum++;
    return false;
  }

  private timeWaitArrives(now: number, record: TimeWait): void {
    const verdict = record.judge(now, this.packet.tcp);
    if (verdict === "acknowledge") this.stray(record.acknowledgment(now), record.route);
    if (verdict !== "give-way") return;
    this.dropTimeWait(record);
    this.unknownTuple(now);
  }

  /** A segment without a connection: a SYN for a listener or a forward request, else a reset (§3.10.7.1, .2). */
  private unknownTuple(now: number): void {
    const { packet, counters } = this;
    const { tcp } = packet;
    const route = this.routes.findWords(
      packet.version,
      packet.sourceW0,
      packet.sourceW1,
      packet.sourceW2,
      packet.sourceW3,
    );
    const remote = packet.source();
    const local = packet.destination();
    if (route === null || remote.isUnspecified || remote.isMulticast || tcp.sourcePort === 0) {
      counters.notForUs++;
      return;
    }
    const ours = this.owns(local);
    if (!ours && !this.anyDestination) {
      counters.notForUs++;
      return;
    }
    if (route.checksum && !this.verifies()) return;
    if ((tcp.flags & (Flag.syn | Flag.ack | Flag.rst)) !== Flag.syn) {
      this.refuseUnknown(packet, route);
      return;
    }
    const listener = this.listenerFor(local, tcp.destinationPort);
    if (listener !== null) this.synForListener(now, listener, route, local, remote);
    else if (this.anyDestination) this.synForNobody(now, route, local, remote);
    else this.refuseUnknown(packet, route);
  }

  private synForListener(
    now: number,
    listener: Listener,
    route: Route,
    local: IpAddress,
    remote: IpAddress,
  ): void {
    if (!listener.hasRoom || !this.hasRoom()) {
      this.counters.synDropped++;
      return;
    }
    const connection = this.passiveOpen(now, route, local, remote, listener.tcp);
    connection.origin = listener;
    listener.handshakes.add(connection);
    connection.synPending = true;
    this.host.ready(connection);
  }

  private synForNobody(now: number, route: Route, local: IpAddress, remote: IpAddress): void {
    const { packet } = this;
    if (!this.hasRoom()) {
      this.counters.synDropped++;
      return;
    }
    const connection = this.passiveOpen(now, route, local, remote, undefined);
    connection.held = true;
    // The request outlives the message that its SYN came in.
    const request: ForwardRequest = { connection, syn: packet.bytes.slice(packet.start, packet.end) };
    connection.origin = request;
    this.requests.push(request);
  }

  private hasRoom(): boolean {
    return this.liveConnections < this.limits.connections && this.halfOpen < this.limits.halfOpen;
  }

  private passiveOpen(
    now: number,
    route: Route,
    local: IpAddress,
    remote: IpAddress,
    tcp: Partial<TcpOptions> | undefined,
  ): Connection {
    const segment = this.packet.tcp;
    const connection = this.newConnection(
      now,
      route,
      local,
      segment.destinationPort,
      remote,
      segment.sourcePort,
      tcp,
    );
    connection.passive = true;
    connection.state = "SYN-RECEIVED";
    connection.lastHeard = now;
    synArrives(connection, now, segment);
    connection.sending.edge = segment.window;
    connection.sending.maxWindow = segment.window;
    connection.sending.wl1 = -1;
    this.halfOpen++;
    return connection;
  }

  private newConnection(
    now: number,
    route: Route,
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    tcp: Partial<TcpOptions> | undefined,
  ): Connection {
    const connection = new Connection({
      host: this.host,
      route,
      local,
      localPort,
      remote,
      remotePort,
      options: tcp === undefined ? route.tcp : { ...route.tcp, ...tcp },
      isn: initialSequence(this.sequenceHash, now, local, localPort, remote, remotePort),
      timestampOffset: timestampOffset(this.sequenceHash, local, remote),
    });
    if (route.frozen) connection.timers.freeze(now);
    this.table.add(connection);
    this.liveConnections++;
    return connection;
  }

  private icmpArrives(now: number): void {
    const { packet, icmp, counters } = this;
    const route = this.routes.find(packet.source());
    if (route === null || !(this.anyDestination || this.owns(packet.destination()))) {
      counters.notForUs++;
      return;
    }
    const refused = parseIcmp(icmp, packet, true);
    if (refused !== Malformed.none) {
      counters.malformed[refused] = (counters.malformed[refused] ?? 0) + 1;
      return;
    }
    counters.icmpReceived++;
    if (icmp.kind === "echo-request") {
      const reply = buildEchoReply(packet, this.tcp.hopLimit);
      if (reply !== null) this.stray(reply, route);
      return;
    }
    if (!icmp.quoted.present) return;
    const connection = this.quotedConnection();
    if (connection === null) return;
    icmpError(connection, now, icmp);
    this.rearm(connection);
  }

  private quotedConnection(): Connection | null {
    const { quoted } = this.icmp;
    const source = IpAddress.fromWords(
      quoted.version,
      quoted.sourceW0,
      quoted.sourceW1,
      quoted.sourceW2,
      quoted.sourceW3,
    );
    const destination = IpAddress.fromWords(
      quoted.version,
      quoted.destinationW0,
      quoted.destinationW1,
      quoted.destinationW2,
      quoted.destinationW3,
    );
    const entry = this.table.get(source, quoted.sourcePort, destination, quoted.destinationPort);
    return entry instanceof Connection ? entry : null;
  }

  // --- time

  /** When timeout() is due next, microseconds; infinity when nothing waits. */
  nextDeadline(): number {
    return this.heap.earliest;
  }

  /** Does what is due by `now`. Calling it early or twice changes nothing. */
  timeout(now: number): void {
    while (this.heap.earliest <= now) {
      const item = this.heap.pop();
      if (item === null) return;
      if (item instanceof TimeWait) {
        if (item.until <= now) this.dropTimeWait(item);
        else this.heap.advance(item, item.until);
        continue;
      }
      timersDue(item, now);
      this.rearm(item);
    }
  }

  private rearm(connection: Connection): void {
    if (connection.state !== "CLOSED") this.heap.advance(connection, connection.timers.next());
  }

  // --- packets out

  /** A packet of no connection: it goes before all others. */
  takePacket(): StrayPacket | null {
    return this.strays.take();
  }

  /** A connection that may have something to send: put it in the ring of its route and call transmit(). */
  takeReady(): Connection | null {
    return this.readyList.take();
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

  /** A link that a connection on a reliable route wants pinged; -1 when there is none. */
  takePingWanted(): number {
    return this.pings.pop() ?? -1;
  }

  // --- events

  takeChanged(): Connection | null {
    return this.changedList.take();
  }

  /** A listener with connections to accept: accept() until it gives null. */
  takeAcceptable(): Listener | null {
    const listener = this.acceptable.shift() ?? null;
    if (listener !== null) listener.isAcceptable = false;
    return listener;
  }

  takeRequest(): ForwardRequest | null {
    return this.requests.shift() ?? null;
  }

  /** Lets a forward request's handshake go on. False when the peer has given up meanwhile. */
  admit(now: number, request: ForwardRequest, tcp?: Partial<TcpOptions>): boolean {
    const { connection } = request;
    if (connection.state !== "SYN-RECEIVED") return false;
    if (tcp !== undefined) connection.setOptions(now, tcp);
    connection.held = false;
    connection.synPending = true;
    this.host.ready(connection);
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
    if (error !== null) this.stray(error, connection.route as Route);
  }

  // --- the user's calls

  /** Begins a connection. @throws StackError EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH, ERR_LIMIT */
  connect(now: number, options: ConnectOptions): Connection {
    const { remote, remotePort } = options;
    const route = this.routes.find(remote);
    if (route === null) throw new StackError("ENETUNREACH", `no route to ${remote}`);
    const local = options.local ?? this.addresses.find((address) => address.family === remote.family);
    if (local === undefined) throw new StackError("EADDRNOTAVAIL", `no address of the family of ${remote}`);
    if (this.liveConnections >= this.limits.connections) {
      throw new StackError("ERR_LIMIT", `the stack has its ${this.limits.connections} connections`);
    }
    const isFree = (port: number): boolean => this.table.get(local, port, remote, remotePort) === null;
    const localPort =
      options.localPort ??
      this.ports.choose(local, remote, remotePort, (port) => isFree(port) && !this.listeners.has(port));
    if (localPort === 0) throw new StackError("EADDRNOTAVAIL", `no free port for ${remote}:${remotePort}`);
    if (!isFree(localPort))
      throw new StackError("EADDRINUSE", `port ${localPort} is connected there already`);
    const connection = this.newConnection(now, route, local, localPort, remote, remotePort, options.tcp);
    connection.open(now);
    return connection;
  }

  /** Begins to listen. @throws StackError EADDRINUSE, EADDRNOTAVAIL */
  listen(_now: number, options: ListenOptions): Listener {
    const { address } = options;
    if (address !== null && !this.owns(address)) {
      throw new StackError("EADDRNOTAVAIL", `${address} is not an address of this host`);
    }
    const port = options.port === 0 ? this.listeningPort(address) : options.port;
    if (port === 0) throw new StackError("EADDRNOTAVAIL", "no free port");
    if (this.isListening(address, port)) throw new StackError("EADDRINUSE", `port ${port} is in use`);
    const listener = new Listener(port, options, (_at, closed) => this.forgetListener(closed));
    const others = this.listeners.get(port);
    if (others === undefined) this.listeners.set(port, [listener]);
    else others.push(listener);
    return listener;
  }

  private listeningPort(address: IpAddress | null): number {
    const local = address ?? this.addresses[0];
    if (local === undefined) return 0;
    return this.ports.choose(local, null, 0, (port) => !this.isListening(address, port));
  }

  private isListening(address: IpAddress | null, port: number): boolean {
    const others = this.listeners.get(port);
    if (others === undefined) return false;
    return others.some(
      (other) => other.address === null || address === null || other.address.equals(address),
    );
  }

  private listenerFor(local: IpAddress, port: number): Listener | null {
    const candidates = this.listeners.get(port);
    if (candidates === undefined) return null;
    return candidates.find((listener) => listener.address === null || listener.address.equals(local)) ?? null;
  }

  private forgetListener(listener: Listener): void {
    const others = (this.listeners.get(listener.port) ?? []).filter((other) => other !== listener);
    if (others.length === 0) this.listeners.delete(listener.port);
    else this.listeners.set(listener.port, others);
  }

  // --- links and routes come and go

  /** What left on this link is lost: it goes again at once, without a congestion response. */
  linkDied(now: number, linkId: number): void {
    for (const connection of this.connections()) {
      linkDied(connection, now, linkId);
      this.rearm(connection);
    }
  }

  /** No link, or the other side is detached: nothing leaves on this route, and its timers stand still. */
  freeze(now: number, route: Route): void {
    if (route.frozen) return;
    route.frozen = true;
    for (const connection of this.connections())
      if (connection.route === route) connection.timers.freeze(now);
  }

  /** The route works again: every connection tells its window and resends from SND.UNA. */
  thaw(now: number, route: Route): void {
    route.frozen = false;
    for (const connection of this.connections()) if (connection.route === route) thaw(connection, now);
  }

  /** The answer to a ping sent on this link at `sentAt`. */
  pong(now: number, linkId: number, sentAt: number): void {
    for (const connection of this.awaitingPong) {
      pongArrived(connection, now, linkId, sentAt);
      this.rearm(connection);
    }
    this.awaitingPong.clear();
  }

  /** Ends everything at once, with this error; resets leave where there is a link. */
  abortAll(now: number, code: string, text: string): void {
    for (const listeners of [...this.listeners.values()])
      for (const listener of listeners) listener.close(now);
    for (const connection of [...this.connections()]) connection.abort(now, { code, text });
  }

  // --- to look at

  /** Connections in any state but TIME-WAIT. */
  get connectionCount(): number {
    return this.liveConnections;
  }

  countByState(): Record<TcpState, number> {
    const counts: Record<TcpState, number> = {
      CLOSED: 0,
      LISTEN: 0,
      "SYN-SENT": 0,
      "SYN-RECEIVED": 0,
      ESTABLISHED: 0,
      "FIN-WAIT-1": 0,
      "FIN-WAIT-2": 0,
      "CLOSE-WAIT": 0,
      CLOSING: 0,
      "LAST-ACK": 0,
      "TIME-WAIT": this.timeWaits,
    };
    for (const connection of this.connections()) counts[connection.state]++;
    for (const listeners of this.listeners.values()) counts.LISTEN += listeners.length;
    return counts;
  }

  *connections(): IterableIterator<Connection> {
    for (const entry of this.table) if (entry instanceof Connection) yield entry;
  }

  /** Bytes queued for sending or unread, over all connections. */
  get memoryUsed(): number {
    return this.memory.used;
  }

  // --- what connections ask of their host

  private makeHost(): Host {
    const stack = this;
    return {
      slabs: new SlabPool(),
      records: new RecordPool(),
      memory: this.memory,
      counters: this.counters,
      get observer(): SegmentObserver | null {
        return stack.observer;
      },
      ready: (connection) => {
        if (!connection.timers.frozen) this.readyList.push(connection);
      },
      changed: (connection) => this.changedList.push(connection),
      rearm: (connection) => this.rearm(connection),
      wantPing: (connection, linkId) => {
        this.awaitingPong.add(connection);
        if (!this.pings.includes(linkId)) this.pings.push(linkId);
      },
      refuse: (packet, route) => this.refuseUnknown(packet, route as Route),
      established: (connection) => this.established(connection),
      timeWait: (now, connection) => this.enterTimeWait(now, connection),
      closed: (connection) => this.forget(connection),
    };
  }

  private established(connection: Connection): boolean {
    const { origin } = connection;
    if (origin instanceof Listener) {
      if (origin.isFull) {
        this.counters.acceptOverflows++;
        return false;
      }
      origin.established(connection);
      if (!origin.isAcceptable) {
        origin.isAcceptable = true;
        this.acceptable.push(origin);
      }
    }
    connection.origin = null;
    this.halfOpen--;
    return true;
  }

  private enterTimeWait(now: number, connection: Connection): void {
    this.forget(connection);
    if (this.timeWaits >= this.limits.timeWait) {
      this.counters.timeWaitOverflows++;
      return;
    }
    const record = new TimeWait(connection, connection.route as Route, now);
    // The FIN that brought it here is acknowledged by the record: the connection says no more.
    if (connection.ackPending) this.stray(record.acknowledgment(now), record.route);
    this.table.add(record);
    this.heap.advance(record, record.until);
    this.timeWaits++;
  }

  private dropTimeWait(record: TimeWait): void {
    this.table.remove(record);
    this.heap.remove(record);
    this.timeWaits--;
  }

  /** The four-tuple is free; the object lives on with its user. */
  private forget(connection: Connection): void {
    this.table.remove(connection);
    this.heap.remove(connection);
    this.awaitingPong.delete(connection);
    this.liveConnections--;
    if (connection.origin === null) return;
    this.halfOpen--;
    if (connection.origin instanceof Listener) connection.origin.handshakes.delete(connection);
    connection.origin = null;
  }

  /** RFC 9293 §3.5.2 group 1: the number that the sender will believe. */
  private refuseUnknown(packet: Packet, route: Route): void {
    const { tcp } = packet;
    if ((tcp.flags & Flag.rst) !== 0) return;
    const reset = new TcpSegment();
    reset.sourcePort = tcp.destinationPort;
    reset.destinationPort = tcp.sourcePort;
    if ((tcp.flags & Flag.ack) !== 0) {
      reset.seq = tcp.ack;
      reset.flags = Flag.rst;
    } else {
      const span =
        tcp.dataEnd -
        tcp.dataStart +
        ((tcp.flags & Flag.syn) !== 0 ? 1 : 0) +
        ((tcp.flags & Flag.fin) !== 0 ? 1 : 0);
      reset.ack = (tcp.seq + span) >>> 0;
      reset.flags = Flag.rst | Flag.ack;
    }
    this.counters.resetsSent++;
    this.stray(
      buildSegment(packet.destination(), packet.source(), reset, route.checksum, this.tcp.hopLimit),
      route,
    );
  }

  private stray(bytes: Uint8Array<ArrayBuffer>, route: Route): void {
    if (!this.strays.push(bytes, route)) this.counters.strayDropped++;
  }
}
