// A packet's way from the link to its connection: parse, find the four-tuple, verify the checksum where the route asks
// for it; what has no connection is a SYN for a listener, a SYN to decide on, or answered by a reset
// (RFC 9293 §3.10.7.1 and §3.10.7.2). ICMP goes to the connection it quotes.

import { Connection } from "../tcp/connection.ts";
import type { TcpOptions } from "../tcp/options.ts";
import { segmentArrives, synArrives } from "../tcp/segment-arrives.ts";
import { addToSum, finishSum } from "../wire/checksum.ts";
import { IcmpMessage, parseIcmp } from "../wire/icmp.ts";
import { buildEchoReply } from "../wire/icmp-build.ts";
import { IpAddress } from "../wire/ip-address.ts";
import { Malformed } from "../wire/malformed.ts";
import { Packet, parsePacket, transportSum } from "../wire/packet.ts";
import { Protocol } from "../wire/protocol.ts";
import { seqAdd, seqLessEqual } from "../wire/seq.ts";
import { Flag, TcpSegment } from "../wire/tcp-segment.ts";
import type { Addresses } from "./addresses.ts";
import type { Connections } from "./connections.ts";
import type { StackCounters } from "./counters.ts";
import type { ForwardRequest } from "./forward-request.ts";
import { icmpError } from "./icmp-input.ts";
import type { Listener } from "./listener.ts";
import type { ListenerTable } from "./listener-table.ts";
import type { Route, RouteTable } from "./route.ts";
import { COOKIE_LIFE, cookieAnswer } from "./syn-cookies.ts";
import { TimeWait } from "./time-wait.ts";

/** RFC 1122 §4.2.3.10: TCP is between two hosts. */
function isOneHost(address: IpAddress): boolean {
  return !address.isUnspecified && !address.isMulticast && !address.isBroadcast;
}

/**
 * What the packet under way is parsed into: one for all stacks, for nothing here calls into another, and no observer may.
 * A host of its own would hold its last message in memory for as long as it hears nothing else.
 */
const packet: Packet = /* @__PURE__ */ new Packet();
const icmp: IcmpMessage = /* @__PURE__ */ new IcmpMessage();
/** What a cookie kept of a SYN. */
const keptSyn: TcpSegment = /* @__PURE__ */ new TcpSegment();

export class Ingress {
  private readonly counters: StackCounters;
  private readonly connections: Connections;
  private readonly listeners: ListenerTable;
  private readonly routes: RouteTable;
  private readonly addresses: Addresses;
  /** Where SYNs go that nobody listens for; null answers them by a reset. */
  private readonly requests: ForwardRequest[] | null;
  /** Of the last packet without a connection: most SYNs that come to a host share one, and connections then share its object. */
  private lastSource: IpAddress = IpAddress.UNSPECIFIED_V4;
  private lastDestination: IpAddress = IpAddress.UNSPECIFIED_V4;

  constructor(
    connections: Connections,
    listeners: ListenerTable,
    routes: RouteTable,
    addresses: Addresses,
    requests: ForwardRequest[] | null,
  ) {
    this.counters = connections.counters;
    this.connections = connections;
    this.listeners = listeners;
    this.routes = routes;
    this.addresses = addresses;
    this.requests = requests;
  }

  /** Never throws; what is refused is counted. */
  packetArrives(now: number, bytes: Uint8Array, start: number, end: number, linkId: number): void {
    const { counters } = this;
    counters.packetsReceived++;
    const refused = parsePacket(packet, bytes, start, end, false);
    if (refused !== Malformed.none) this.countMalformed(refused);
    else if (packet.protocol === Protocol.tcp) this.tcpArrives(now, linkId);
    else if (packet.protocol === (packet.version === 4 ? Protocol.icmp : Protocol.icmpv6))
      this.icmpArrives(now);
    else counters.notForUs++;
  }

  private tcpArrives(now: number, linkId: number): void {
    const entry = this.connections.table.find(packet);
    if (entry === null) {
      this.unknownTuple(now, linkId);
    } else if (entry instanceof Connection) {
      if (entry.route.checksum && !this.verifies()) return;
      segmentArrives(entry, now, packet, linkId);
      this.connections.rearm(entry);
    } else if (entry instanceof TimeWait) {
      if (entry.route.checksum && !this.verifies()) return;
      this.timeWaitArrives(now, entry, linkId);
    }
  }

  private verifies(): boolean {
    const header =
      packet.version === 6 || finishSum(addToSum(0, packet.bytes, packet.start, packet.payloadStart)) === 0;
    if (header && finishSum(transportSum(packet)) === 0) return true;
    this.counters.badChecksum++;
    return false;
  }

  private timeWaitArrives(now: number, record: TimeWait, linkId: number): void {
    const verdict = record.judge(now, packet.tcp);
    if (verdict === "start-over") this.connections.restartTimeWait(now, record);
    if (verdict === "start-over" || verdict === "acknowledge")
      this.connections.stray(record.acknowledgment(now), record.route);
    if (verdict !== "give-way") return;
    this.connections.dropTimeWait(record);
    this.unknownTuple(now, linkId);
    // RFC 9293 §3.10.7.4: the new numbers begin above all that the old incarnation used. The clock of RFC 6528 alone
    // may have been overtaken by a fast sender; Linux leaves as much room.
    const anew = this.connections.table.find(packet);
    if (anew instanceof Connection && seqLessEqual(anew.sending.isn, record.seq))
      anew.sending.isn = seqAdd(record.seq, 65_537);
  }

  private unknownTuple(now: number, linkId: number): void {
    const { tcp } = packet;
    if (!packet.isFrom(this.lastSource)) this.lastSource = packet.source();
    if (!packet.isTo(this.lastDestination)) this.lastDestination = this.addresses.same(packet.destination());
    const { lastSource: remote, lastDestination: local } = this;
    const route = this.routes.find(remote);
    const forUs = this.requests !== null || this.addresses.has(local);
    if (route === null || !forUs || !isOneHost(remote) || !isOneHost(local) || tcp.sourcePort === 0) {
      this.counters.notForUs++;
      return;
    }
    if (route.checksum && !this.verifies()) return;
    const kind = tcp.flags & (Flag.syn | Flag.ack | Flag.rst);
    const listener = this.listeners.find(local, tcp.destinationPort);
    if (kind === Flag.syn) {
      if (listener !== null) this.synForListener(now, listener, route, local, remote);
      else if (this.requests !== null) this.synForNobody(now, this.requests, route, local, remote);
      else this.connections.refuse(packet, route);
      return;
    }
    const cookie = kind === Flag.ack && listener !== null && now < listener.cookiesUntil;
    if (!cookie || !this.cookieForListener(now, linkId, listener, route, local, remote))
      this.connections.refuse(packet, route);
  }

  private synForListener(
    now: number,
    listener: Listener,
    route: Route,
    local: IpAddress,
    remote: IpAddress,
  ): void {
    const { connections, counters } = this;
    const { synCookies } = listener;
    const fits = listener.hasRoom && connections.hasRoom(true);
    if (listener.isFull || !connections.hasRoom(false) || (!fits && synCookies === "never")) {
      counters.synDropped++;
      return;
    }
    if (!fits || synCookies === "always") {
      counters.synCookiesSent++;
      listener.cookiesUntil = now + COOKIE_LIFE;
      const isn = connections.cookies.bake(now, packet);
      const timestamp = connections.timestamp(now, local, remote);
      const options = listener.optionsFor(route);
      connections.stray(cookieAnswer(packet, route, options, isn, timestamp), route);
      return;
    }
    const connection = this.passiveOpen(
      now,
      route,
      local,
      remote,
      listener.optionsFor(route),
      packet.tcp,
      packet.trafficClass,
    );
    connection.origin = listener;
    listener.handshakes.add(connection);
    connection.synPending = true;
    this.connections.ready(connection);
  }

  /** An ACK that may end a handshake that was not kept. False: it does not. */
  private cookieForListener(
    now: number,
    linkId: number,
    listener: Listener,
    route: Route,
    local: IpAddress,
    remote: IpAddress,
  ): boolean {
    const { connections, counters } = this;
    if (!connections.cookies.open(now, packet, keptSyn)) {
      counters.synCookiesFailed++;
      return false;
    }
    // The peer's data, or its keepalive, brings it again.
    if (listener.isFull || !connections.hasRoom(false)) {
      counters.acceptOverflows++;
      return true;
    }
    counters.synCookiesReceived++;
    const options = listener.optionsFor(route);
    const connection = this.passiveOpen(now, route, local, remote, options, keptSyn, 0);
    connection.origin = listener;
    // Its SYN-ACK has left: when, nobody knows, so it gives no round trip.
    connection.sending.isn = (packet.tcp.ack - 1) >>> 0;
    connection.sending.next = 0;
    connection.synWentTwice = true;
    segmentArrives(connection, now, packet, linkId);
    connections.rearm(connection);
    return true;
  }

  private synForNobody(
    now: number,
    requests: ForwardRequest[],
    route: Route,
    local: IpAddress,
    remote: IpAddress,
  ): void {
    if (!this.connections.hasRoom(true)) {
      this.counters.synDropped++;
      return;
    }
    const connection = this.passiveOpen(
      now,
      route,
      local,
      remote,
      route.tcp,
      packet.tcp,
      packet.trafficClass,
    );
    connection.held = true;
    // The request outlives the message that its SYN came in.
    const request: ForwardRequest = { connection, syn: packet.bytes.slice(packet.start, packet.end) };
    connection.origin = request;
    requests.push(request);
  }

  private passiveOpen(
    now: number,
    route: Route,
    local: IpAddress,
    remote: IpAddress,
    options: TcpOptions,
    segment: TcpSegment,
    trafficClass: number,
  ): Connection {
    const { connections } = this;
    const connection = connections.create(
      now,
      route,
      local,
      segment.destinationPort,
      remote,
      segment.sourcePort,
      options,
    );
    connection.passive = true;
    connection.state = "SYN-RECEIVED";
    connection.lastHeard = now;
    synArrives(connection, now, segment, trafficClass);
    connection.sending.edge = segment.window;
    connection.sending.maxWindow = segment.window;
    connection.sending.wl1 = -1;
    connections.halfOpen++;
    return connection;
  }

  private icmpArrives(now: number): void {
    const { counters } = this;
    const route = this.routes.find(packet.source());
    if (route === null || !(this.requests !== null || this.addresses.has(packet.destination()))) {
      counters.notForUs++;
      return;
    }
    const refused = parseIcmp(icmp, packet, true);
    if (refused !== Malformed.none) {
      this.countMalformed(refused);
      return;
    }
    counters.icmpReceived++;
    if (icmp.kind === "echo-request") {
      const reply = buildEchoReply(packet, route.tcp.hopLimit);
      if (reply !== null) this.connections.stray(reply, route);
      return;
    }
    const connection = icmp.quoted.present ? this.quotedConnection() : null;
    if (connection === null) return;
    icmpError(connection, now, icmp);
    this.connections.rearm(connection);
  }

  /** The connection whose segment an error quotes: there we are the source. */
  private quotedConnection(): Connection | null {
    const { quoted } = icmp;
    const { version } = quoted;
    const source = IpAddress.fromWords(
      version,
      quoted.sourceW0,
      quoted.sourceW1,
      quoted.sourceW2,
      quoted.sourceW3,
    );
    const destination = IpAddress.fromWords(
      version,
      quoted.destinationW0,
      quoted.destinationW1,
      quoted.destinationW2,
      quoted.destinationW3,
    );
    const entry = this.connections.table.get(source, quoted.sourcePort, destination, quoted.destinationPort);
    return entry instanceof Connection ? entry : null;
  }

  private countMalformed(reason: Malformed): void {
    const { malformed } = this.counters;
    malformed[reason] = (malformed[reason] ?? 0) + 1;
  }
}
