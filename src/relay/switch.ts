// Forwards packets between sessions (DESIGN §5). The policy is asked at the first SYN of a tunnel to a port of
// another; a listener learns with that SYN who dials, as the relay attests it. A packet to nobody is answered, so
// that a dialler does not wait for a timeout.
import type { Clock, Micros } from "../core/link/clock.ts";
import { readInt32, readUint16 } from "../core/wire/big-endian.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import { IpAddress } from "../core/wire/ip-address.ts";
import { SessionType } from "../tunnel/control-types.ts";
import { writeFailed, writeOpened } from "../tunnel/flow-messages.ts";
import { type RouteState, writeRoute } from "../tunnel/session-messages.ts";
import type { AbsentPeers } from "./absent-peers.ts";
import type { RelayCounters } from "./counters.ts";
import { PeerAccess } from "./peer-access.ts";
import { type Decision, deny, type Policy } from "./policy.ts";
import { refusalTo } from "./reset-packet.ts";
import type { RelaySession } from "./session.ts";
import type { SessionTable } from "./session-table.ts";
import { icmpv6Protocol, isEchoRequest, isFirstSyn, isPlain, isReset } from "./transport-header.ts";

export interface SwitchOptions {
  readonly sessions: SessionTable;
  readonly absent: AbsentPeers<RelaySession>;
  /** Until when whoever is not there counts as detached, as this session sees it; microseconds. */
  absentUntil(from: RelaySession): Micros;
  readonly clock: Clock;
  readonly policy: Policy;
  readonly counters: RelayCounters;
  readonly peerPorts: number;
}

export class Switch {
  private readonly options: SwitchOptions;

  constructor(options: SwitchOptions) {
    this.options = options;
  }

  /** Takes a packet whose source is `from` and whose destination is a peer's address. */
  forward(from: RelaySession, bytes: Bytes, start: number, end: number): void {
    const { counters } = this.options;
    if (!isPlain(bytes, start, end)) {
      counters.peerDropped++;
      return;
    }
    const to = this.options.sessions.byAddress(
      readInt32(bytes, start + 24),
      readInt32(bytes, start + 28),
      readInt32(bytes, start + 32),
      readInt32(bytes, start + 36),
    );
    if (to === null) {
      this.toNobody(from, bytes, start, end);
      return;
    }
    if (bytes[start + 6] === icmpv6Protocol) {
      if (this.mayTell(from, to, bytes, start)) this.deliver(from, to, 0, bytes, start, end);
      else counters.peerDenied++;
      return;
    }
    const port = readUint16(bytes, start + 42);
    if (isFirstSyn(bytes, start)) {
      this.syn(from, to, port, bytes, start, end);
      return;
    }
    if (from.access?.get(to)?.allows(port) || to.access?.get(from)?.allows(readUint16(bytes, start + 40))) {
      this.deliver(from, to, readInt32(bytes, start + 40), bytes, start, end);
      return;
    }
    this.stranger(from, to, bytes, start, end);
  }

  /** A session has lost its last link: its peers stand still until it is back. */
  detached(session: RelaySession): void {
    for (const other of peersOf(session)) this.tellAway(other, session);
  }

  /** A session has a link again, or for the first time: those who wait for it go on. */
  attached(session: RelaySession): void {
    const { absent } = this.options;
    // Also to those who are detached by now: word of its absence may be on its way to them.
    for (const other of session.awaitedBy ?? []) this.tell(other, session.address, "attached");
    session.awaitedBy = null;
    absent.arrived(session.address);
    // Its `welcome` made it forget who is away.
    absent.forget(session);
    for (const other of peersOf(session)) {
      if (other.isAttached) continue;
      other.awaitedBy?.delete(session);
      this.tellAway(session, other);
    }
  }

  /** A session has ended: its peers are told, and what it had waiting is forgotten. */
  ended(session: RelaySession): void {
    const others = new Set([...peersOf(session), ...(session.awaitedBy ?? [])]);
    this.forget(session);
    // Not only to those who are attached: this one has to be known when they come back.
    const message = writeRoute({ address: session.address, state: "gone" });
    for (const other of others) other.sendControl(SessionType.route, message);
  }

  /** A session goes on elsewhere: its peers, who may follow it, stand still. */
  left(session: RelaySession): void {
    const others = peersOf(session);
    this.forget(session);
    for (const other of others) if (other.isAttached) this.tell(other, session.address, "detached");
  }

  private forget(session: RelaySession): void {
    for (const other of peersOf(session)) {
      other.access?.delete(session);
      other.knownBy?.delete(session);
      other.awaitedBy?.delete(session);
      other.forgetTransit(session);
    }
    session.access = session.knownBy = session.awaitedBy = null;
  }

  /** Those who have no link themselves learn it when they come back. */
  private tellAway(other: RelaySession, away: RelaySession): void {
    if (!other.isAttached || away.awaitedBy?.has(other)) return;
    away.awaitedBy ??= new Set();
    away.awaitedBy.add(other);
    this.tell(other, away.address, "detached");
  }

  private tell(other: RelaySession, address: IpAddress, state: RouteState): void {
    other.sendControl(SessionType.route, writeRoute({ address, state }));
  }

  /** ICMPv6 passes between those who may talk. A ping asks, as a connection to the echo port (RFC 862) would. */
  private mayTell(from: RelaySession, to: RelaySession, bytes: Bytes, start: number): boolean {
    if (from.access?.get(to)?.isAnyAllowed === true || to.access?.get(from)?.isAnyAllowed === true)
      return true;
    return isEchoRequest(bytes, start) && isAllowed(this.ask(from, to, echoPort));
  }

  private syn(
    from: RelaySession,
    to: RelaySession,
    port: number,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    const decision = this.ask(from, to, port);
    if (decision === "pending") return;
    if (!(decision instanceof Promise)) {
      this.decided(decision, from, to, bytes, start, end);
      return;
    }
    // The SYN waits for the answer; it is copied, for its message may be large and the answer late.
    const held = bytes.slice(start, end);
    void decision.then((answer) => {
      if (from.isOpen && to.isOpen) this.decided(answer, from, to, held, 0, held.length);
    });
  }

  /** "pending": it was asked before and has not answered. */
  private ask(from: RelaySession, to: RelaySession, port: number): Decision | Promise<Decision> | "pending" {
    const access = this.accessOf(from, to);
    const known = access.get(port);
    if (known !== undefined) return known;
    const decision = this.options.policy.authorize(from.principal, {
      kind: "peer",
      name: to.name,
      subject: to.principal.subject,
      port,
    });
    if (!(decision instanceof Promise)) {
      access.set(port, decision);
      return decision;
    }
    access.set(port, "pending");
    return decision.then((answer) => {
      access.set(port, answer);
      return answer;
    });
  }

  private decided(
    decision: Decision,
    from: RelaySession,
    to: RelaySession,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    const local = readUint16(bytes, start + 40);
    const port = readUint16(bytes, start + 42);
    if (!decision.allowed) {
      this.options.counters.peerDenied++;
      this.refuse(from, "ERR_DENIED", decision, bytes, start, end);
      return;
    }
    if (!to.isAttached) {
      this.toAway(from, to);
      return;
    }
    // Control goes before packets, so the listener knows the dialler when it sees the SYN.
    to.sendControl(
      SessionType.opened,
      writeOpened({
        local: port,
        address: from.address,
        port: local,
        name: from.name,
        subject: from.principal.subject,
        peerHost: undefined,
        peerPort: undefined,
      }),
    );
    this.deliver(from, to, readInt32(bytes, start + 40), bytes, start, end);
  }

  /** A packet of a connection that no SYN of this relay's time began: after a change of sessions, or a guess. */
  private stranger(from: RelaySession, to: RelaySession, bytes: Bytes, start: number, end: number): void {
    const forth = this.ask(from, to, readUint16(bytes, start + 42));
    const back = this.ask(to, from, readUint16(bytes, start + 40));
    if (isAllowed(forth) || isAllowed(back)) {
      this.deliver(from, to, readInt32(bytes, start + 40), bytes, start, end);
      return;
    }
    // While the policy thinks, the packet is lost, and its sender's TCP sends it again.
    this.options.counters.peerDenied++;
  }

  private toNobody(from: RelaySession, bytes: Bytes, start: number, end: number): void {
    this.options.counters.peerUnknown++;
    if (bytes[start + 6] === icmpv6Protocol || isReset(bytes, start)) return;
    const until = this.options.absentUntil(from);
    if (until > this.options.clock.now()) {
      const absentee = IpAddress.fromBytes(bytes, start + 24, 6);
      if (this.options.absent.wait(from, absentee, until)) return;
    }
    if (isFirstSyn(bytes, start)) {
      this.refuse(from, "EHOSTUNREACH", deny("peers", "no tunnel has this name now"), bytes, start, end);
      return;
    }
    const address = IpAddress.fromBytes(bytes, start + 24, 6);
    from.sendControl(SessionType.route, writeRoute({ address, state: "gone" }));
  }

  /** Tells why, then resets: the dialler's connect fails at once. */
  private refuse(
    from: RelaySession,
    code: string,
    decision: Decision,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    from.sendControl(
      SessionType.failed,
      writeFailed({
        local: readUint16(bytes, start + 40),
        address: IpAddress.fromBytes(bytes, start + 24, 6),
        port: readUint16(bytes, start + 42),
        code,
        text: decision.text,
        rule: code === "ERR_DENIED" ? decision.rule : undefined,
        retryAfter: undefined,
      }),
    );
    const reset = refusalTo(bytes, start, end);
    from.transit(null, readInt32(bytes, start + 40), reset, 0, reset.length);
  }

  private deliver(
    from: RelaySession,
    to: RelaySession,
    flow: number,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    if (!to.isAttached) {
      this.toAway(from, to);
      return;
    }
    this.options.counters.peerPackets++;
    this.options.counters.peerBytes += end - start;
    to.transit(from, flow, bytes, start, end);
  }

  /** The sender keeps it, and sends it again when it hears that the other one is back. */
  private toAway(from: RelaySession, to: RelaySession): void {
    this.options.counters.peerAway++;
    this.tellAway(from, to);
  }

  private accessOf(from: RelaySession, to: RelaySession): PeerAccess {
    from.access ??= new Map();
    let access = from.access.get(to);
    if (access === undefined) {
      access = new PeerAccess(this.options.peerPorts);
      from.access.set(to, access);
      to.knownBy ??= new Set();
      to.knownBy.add(from);
    }
    return access;
  }
}

/** Who has talked with this session, in either direction; itself not. */
function peersOf(session: RelaySession): Set<RelaySession> {
  const others = new Set([...(session.access?.keys() ?? []), ...(session.knownBy ?? [])]);
  others.delete(session);
  return others;
}

function isAllowed(decision: Decision | Promise<Decision> | "pending"): boolean {
  return decision !== "pending" && !(decision instanceof Promise) && decision.allowed;
}

const echoPort = 7;
