// All connections of a stack, and what they ask of their host: the table, the deadlines, the lists of those that have
// something to send or to tell, TIME-WAIT records in their place, the end of links and routes.

import { returnMemory } from "../tcp/buffer-tuning.ts";
import { Connection } from "../tcp/connection.ts";
import type { Host } from "../tcp/host.ts";
import { initialSequence, TimestampOffsets } from "../tcp/isn.ts";
import { MemoryBudget } from "../tcp/memory.ts";
import type { TcpOptions } from "../tcp/options.ts";
import { linkDied, linksAnswered, thaw } from "../tcp/outage.ts";
import type { SegmentObserver } from "../tcp/segment-event.ts";
import type { RecordPool } from "../tcp/sent-records.ts";
import type { SipHash } from "../tcp/siphash.ts";
import type { SlabPool } from "../tcp/slab-pool.ts";
import type { Spares } from "../tcp/spares.ts";
import type { TcpState } from "../tcp/tcp-state.ts";
import { timersDue } from "../tcp/timeouts.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { Packet } from "../wire/packet.ts";
import { AnswerBudget } from "./answer-budget.ts";
import { answerUnknown } from "./bare-segment.ts";
import { ChangedList, ReadyList } from "./connection-lists.ts";
import type { StackCounters } from "./counters.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { Listener } from "./listener.ts";
import type { ListenerTable } from "./listener-table.ts";
import type { StackLimits } from "./options.ts";
import { type KnownPath, PathMemory } from "./path-memory.ts";
import type { Route } from "./route.ts";
import type { StrayPackets } from "./stray-packets.ts";
import { SynCookieJar } from "./syn-cookies.ts";
import { TimeWait } from "./time-wait.ts";
import { TimeWaitQueue } from "./time-wait-queue.ts";
import { TupleTable } from "./tuple-table.ts";

/** What they get of their stack. */
export interface ConnectionsSetup {
  /** For initial sequence numbers; and for all else, under another key. */
  readonly sequenceHash: SipHash;
  readonly hash: SipHash;
  readonly limits: StackLimits;
  readonly counters: StackCounters;
  readonly spares: Spares;
}

export class Connections implements Host {
  observer: SegmentObserver | null = null;
  readonly slabs: SlabPool;
  readonly records: RecordPool;
  readonly memory: MemoryBudget;
  readonly counters: StackCounters;
  readonly table: TupleTable;
  readonly readyList: ReadyList = new ReadyList();
  readonly changedList: ChangedList = new ChangedList();
  /** Connections in any state but TIME-WAIT; and of those, in SYN-RECEIVED. */
  live = 0;
  halfOpen = 0;
  private readonly timeWaits: TimeWaitQueue = new TimeWaitQueue();
  private readonly heap: DeadlineHeap<Connection> = new DeadlineHeap();
  readonly cookies: SynCookieJar;
  private readonly sequenceHash: SipHash;
  private readonly timestampOffsets: TimestampOffsets;
  private readonly paths: PathMemory;
  private readonly answers: AnswerBudget;
  private readonly limits: StackLimits;
  private readonly listeners: ListenerTable;
  private readonly strays: StrayPackets;
  /** Reliable routes whose links should be asked, and the connections that wait for the answers. */
  private readonly pings: Route[] = [];
  /** Hosts that are away, as text: their connections stand still whatever their route. */
  private away: Set<string> | null = null;
  private awaitingPong: Set<Connection> | null = null;

  constructor(setup: ConnectionsSetup, listeners: ListenerTable, strays: StrayPackets) {
    const { hash, limits, spares } = setup;
    this.slabs = spares.slabs;
    this.records = spares.records;
    this.limits = limits;
    this.paths = new PathMemory(limits.paths);
    this.answers = new AnswerBudget(hash, limits.answers);
    this.counters = setup.counters;
    this.listeners = listeners;
    this.strays = strays;
    this.memory = new MemoryBudget(limits.memory, limits.reserve);
    this.sequenceHash = setup.sequenceHash;
    this.timestampOffsets = new TimestampOffsets(setup.sequenceHash);
    this.cookies = new SynCookieJar(hash);
    this.table = new TupleTable(hash.start().word(0x7461_626c).finish() | 0);
  }

  /** Whether one more may be made; `handshake` for one that a peer asks for. */
  hasRoom(handshake: boolean): boolean {
    return this.live < this.limits.connections && !(handshake && this.halfOpen >= this.limits.halfOpen);
  }

  create(
    now: number,
    route: Route,
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    options: TcpOptions,
  ): Connection {
    const connection = new Connection({
      host: this,
      route,
      local,
      localPort,
      remote,
      remotePort,
      options,
      isn: initialSequence(this.sequenceHash, now, local, localPort, remote, remotePort),
      timestampOffset: this.timestampOffsets.of(local, remote),
    });
    if (route.frozen || this.isAway(connection)) connection.timers.freeze(now);
    this.table.add(connection);
    this.live++;
    return connection;
  }

  /** The timestamp that a connection between these two would say now. */
  timestamp(now: number, local: IpAddress, remote: IpAddress): number {
    return (Math.floor(now / 1000) + this.timestampOffsets.of(local, remote)) >>> 0;
  }

  *[Symbol.iterator](): IterableIterator<Connection> {
    for (const entry of this.table) if (entry instanceof Connection) yield entry;
  }

  // --- time

  get nextDeadline(): number {
    return Math.min(this.heap.earliest, this.timeWaits.earliest);
  }

  timeout(now: number): void {
    while (this.heap.earliest <= now) {
      const connection = this.heap.pop();
      if (connection === null) break;
      timersDue(connection, now);
      this.rearm(connection);
    }
    for (let over = this.timeWaits.due(now); over !== null; over = this.timeWaits.due(now))
      this.dropTimeWait(over);
  }

  // --- links and routes

  linkDied(now: number, linkId: number): void {
    for (const connection of this) {
      linkDied(connection, now, linkId);
      this.rearm(connection);
    }
  }

  freeze(now: number, route: Route): void {
    for (const connection of this) if (connection.route === route) connection.timers.freeze(now);
  }

  thaw(now: number, route: Route): void {
    for (const connection of this) {
      if (connection.route === route && !this.isAway(connection)) thaw(connection, now);
    }
  }

  /** The host at this address is away: its connections freeze, those to come too. */
  hold(now: number, remote: IpAddress): void {
    this.away ??= new Set();
    this.away.add(remote.toString());
    for (const connection of this) if (connection.remote.equals(remote)) connection.timers.freeze(now);
  }

  /** It is back: what its route allows thaws. */
  release(now: number, remote: IpAddress): void {
    if (!this.away?.delete(remote.toString())) return;
    if (this.away.size === 0) this.away = null;
    for (const connection of this) {
      if (connection.remote.equals(remote) && !(connection.route as Route).frozen) thaw(connection, now);
    }
  }

  private isAway(connection: Connection): boolean {
    return this.away?.has(connection.remote.toString()) ?? false;
  }

  takePingWanted(): Route | null {
    return this.pings.pop() ?? null;
  }

  linksAnswered(now: number, route: Route, askedAt: number): void {
    if (this.awaitingPong === null) return;
    for (const connection of this.awaitingPong) {
      if (connection.route !== route) continue;
      if (linksAnswered(connection, now, askedAt)) {
        this.awaitingPong.delete(connection);
        this.rearm(connection);
      } else this.wantPing(connection);
    }
    if (this.awaitingPong.size === 0) this.awaitingPong = null;
  }

  // --- what connections ask of their host

  ready(connection: Connection): void {
    if (!connection.timers.frozen) this.readyList.push(connection);
  }

  changed(connection: Connection): void {
    this.changedList.push(connection);
  }

  rearm(connection: Connection): void {
    if (connection.state !== "CLOSED") this.heap.advance(connection, connection.timers.next());
  }

  wantPing(connection: Connection): void {
    const route = connection.route as Route;
    this.awaitingPong ??= new Set();
    this.awaitingPong.add(connection);
    if (!this.pings.includes(route)) this.pings.push(route);
  }

  mayAnswer(now: number): boolean {
    if (this.answers.take(now)) return true;
    this.counters.withheld++;
    return false;
  }

  refuse(packet: Packet, route: Route): void {
    const reset = answerUnknown(packet, route.checksum, route.tcp.hopLimit);
    if (reset === null) return;
    this.counters.resetsSent++;
    this.stray(reset, route);
  }

  pathMtu(now: number, remote: IpAddress): KnownPath | null {
    return this.paths.of(now, remote);
  }

  rememberPathMtu(now: number, remote: IpAddress, mtu: number): void {
    this.paths.learn(now, remote, mtu);
  }

  established(connection: Connection): boolean {
    const { origin } = connection;
    if (origin instanceof Listener) {
      if (origin.isFull) {
        this.counters.acceptOverflows++;
        return false;
      }
      origin.established(connection);
      this.listeners.becameAcceptable(origin);
    }
    connection.origin = null;
    this.halfOpen--;
    return true;
  }

  timeWait(now: number, connection: Connection): void {
    this.closed(connection);
    const record = new TimeWait(connection, connection.route as Route, now);
    // The FIN that brought it here is acknowledged by the record: the connection says no more.
    if (connection.ackPending) this.stray(record.acknowledgment(now), record.route);
    if (this.timeWaits.size >= this.limits.timeWait) {
      this.counters.timeWaitOverflows++;
      return;
    }
    this.table.add(record);
    this.timeWaits.add(now, record);
  }

  /** The FIN came again: our ACK was lost, and the wait for what may yet come begins anew (RFC 9293 §3.10.7.4). */
  restartTimeWait(now: number, record: TimeWait): void {
    this.timeWaits.remove(record);
    this.timeWaits.add(now, record);
  }

  dropTimeWait(record: TimeWait): void {
    this.table.remove(record);
    this.timeWaits.remove(record);
  }

  /** The four-tuple is free; the object lives on with its user. */
  closed(connection: Connection): void {
    this.table.remove(connection);
    this.heap.remove(connection);
    this.awaitingPong?.delete(connection);
    this.live--;
    returnMemory(connection);
    if (connection.origin === null) return;
    this.halfOpen--;
    if (connection.origin instanceof Listener) connection.origin.handshakes.delete(connection);
    connection.origin = null;
  }

  stray(bytes: Uint8Array<ArrayBuffer>, route: Route): void {
    if (!this.strays.push(bytes, route)) this.counters.strayDropped++;
  }

  countByState(): Record<TcpState, number> {
    const counts: Record<TcpState, number> = {
      CLOSED: 0,
      LISTEN: this.listeners.count,
      "SYN-SENT": 0,
      "SYN-RECEIVED": 0,
      ESTABLISHED: 0,
      "FIN-WAIT-1": 0,
      "FIN-WAIT-2": 0,
      "CLOSE-WAIT": 0,
      CLOSING: 0,
      "LAST-ACK": 0,
      "TIME-WAIT": this.timeWaits.size,
    };
    for (const connection of this) counts[connection.state]++;
    return counts;
  }
}
