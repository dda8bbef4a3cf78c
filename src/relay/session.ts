// What the relay keeps of one tunnel client: who it is, its links, its gateway stack, what it has bound and
// published, and what waits in the switch for it. Without a link everything stands still, until one comes back or
// the session's time is over.
import type { Micros } from "../core/link/clock.ts";
import type { ControlMessage } from "../core/link/control-codec.ts";
import { Driver } from "../core/link/driver.ts";
import { type Link, LinkCloseCode, type LinkClosed } from "../core/link/link.ts";
import type { LinkPort } from "../core/link/link-port.ts";
import { type Route, Stack } from "../core/link/stack.ts";
import { NetError } from "../core/net/net-error.ts";
import { readInt32 } from "../core/wire/big-endian.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";
import { firstSessionType, SessionType } from "../tunnel/control-types.ts";
import { gatewayOptions, gatewayTimeWait } from "../tunnel/gateway-route.ts";
import { stateLength } from "../tunnel/handshake-messages.ts";
import { LinkWatch, watchDefaults } from "../tunnel/link-watch.ts";
import { readResolve, writeResolved } from "../tunnel/name-messages.ts";
import { readPublish, readUnpublish } from "../tunnel/publish-messages.ts";
import { SessionControl } from "../tunnel/session-control.ts";
import { readBye, writeBye } from "../tunnel/session-messages.ts";
import { SessionGateway } from "./gateway.ts";
import type { Hub } from "./hub.ts";
import { LinkRecords, type LiveLink } from "./link-record.ts";
import type { PeerAccess } from "./peer-access.ts";
import type { Principal } from "./principal.ts";
import { Publications } from "./publications.ts";
import { Outlet } from "./transit-queue.ts";

export interface SessionIdentity {
  /** The session's public name: 16 bytes, and the same as hex. */
  readonly key: Bytes;
  readonly id: string;
  readonly principal: Principal;
  readonly name: string;
  readonly address: IpAddress;
}

export class RelaySession {
  readonly key: Bytes;
  readonly id: string;
  /** As of the last hello: a token's rights may have changed. */
  principal: Principal;
  readonly name: string;
  readonly address: IpAddress;
  /** Names what is kept here: 8 random bytes, told in `welcome`. */
  readonly state: Bytes = new Uint8Array(stateLength);
  readonly driver: Driver;
  readonly gateway: SessionGateway;
  readonly publications: Publications;
  /** What this session may reach of others, and who holds such a thing of it; null: nothing, nobody. */
  access: Map<RelaySession, PeerAccess> | null = null;
  knownBy: Set<RelaySession> | null = null;
  /** Sessions that were told that this one is detached; null: none. */
  awaitedBy: Set<RelaySession> | null = null;
  readonly links: LinkRecords;
  /** When it got a link after it had none, microseconds; null while it is detached. */
  attachedSince: Micros | null = null;
  /** Until when tunnels that this one talks with may be on their way here; it was on another relay before. */
  readonly movesUntil: Micros;
  isOpen = true;
  private readonly hub: Hub;
  private readonly stack: Stack;
  private readonly route: Route;
  private readonly control: SessionControl;
  private readonly onEnd: (session: RelaySession) => void;

  /** @param isReborn It comes with a ticket of a relay that is no more, or of another one. */
  constructor(
    hub: Hub,
    identity: SessionIdentity,
    isReborn: boolean,
    onEnd: (session: RelaySession) => void,
  ) {
    this.hub = hub;
    this.links = new LinkRecords(hub.tickets);
    this.movesUntil = isReborn ? hub.clock.now() + hub.limits.grace * 1_000 : 0;
    hub.random(this.state);
    this.key = identity.key;
    this.id = identity.id;
    this.principal = identity.principal;
    this.name = identity.name;
    this.address = identity.address;
    this.onEnd = onEnd;
    const secret = new Uint8Array(32);
    hub.random(secret);
    this.stack = new Stack({
      secret,
      addresses: [hub.addresses.gateway],
      anyDestination: true,
      portRange: [1_024, 65_535],
      timeWait: gatewayTimeWait,
      spares: hub.spares,
      limits: {
        connections: hub.limits.streams + 1_024,
        halfOpen: hub.limits.dials + 1_024,
        memory: hub.limits.sessionMemory,
      },
    });
    this.route = this.stack.addRoute(Prefix.of(identity.address, 128), {
      reliable: true,
      checksum: false,
      mtu: gatewayMtu,
      tcp: gatewayOptions,
    });
    this.control = new SessionControl({
      apply: (type, message) => this.apply(type, message),
      protocolError: (_carrier, text) => this.broken(text),
    });
    this.driver = new Driver({
      stack: this.stack,
      clock: hub.clock,
      transit: (bytes, start, end) => this.examine(bytes, start, end),
      control: (port, type, message) => {
        if (type >= firstSessionType) this.control.receive(port, type, message);
        else this.hub.counters.controlUnknown++;
      },
      acknowledged: (port, number) => this.control.acknowledged(port, number),
      request: (request, source) => this.gateway.request(request, source),
      onLinkClosed: (port, reason) => this.linkClosed(port, reason),
      onProtocolError: (_port, text) => this.broken(text),
    });
    this.gateway = new SessionGateway(hub, this);
    this.publications = new Publications(hub, this);
  }

  get isAttached(): boolean {
    return this.attachedSince !== null;
  }

  /** Bytes that it holds beyond what every session does, about: what is buffered, streams, names, unacknowledged control. */
  get memoryUsed(): number {
    const entries = this.gateway.handleCount + this.control.pending;
    return this.stack.memoryUsed + this.stack.connectionCount * streamMemory + entries * entryMemory;
  }

  /**
   * Takes a link whose handshake is done: a new one, or in the place of one that is gone or about to be. What is
   * replaced is fenced: nothing that comes on it counts any more.
   */
  attach(id: number, link: Link, receiveCap: number | undefined): void {
    const { hub } = this;
    const record = this.links.get(id);
    const old = record.live;
    const port = this.driver.attach(link, { routes: [this.route], receiveCap });
    const watch = new LinkWatch(hub.clock, port, {
      ...watchDefaults,
      dead: () => {
        const reason = { code: LinkCloseCode.timeout, reason: "nothing came back" };
        port.close(reason);
        this.linkClosed(port, reason);
      },
    });
    const outlet = new Outlet<RelaySession | null>(hub.limits.switchQueue, () => port.rate, hub.counters);
    this.links.place(record, { port, watch, outlet });
    if (old !== null) {
      this.retire(old);
      this.driver.detach(old.port, { code: LinkCloseCode.replaced, reason: "a newer link is in its place" });
    }
    this.control.attach(port);
    if (this.isAttached) return;
    this.attachedSince = hub.clock.now();
    hub.detached.remove(this);
    hub.counters.detached = hub.detached.size;
    hub.peers.attached(this);
  }

  sendControl(type: number, message: ControlMessage): void {
    if (this.isOpen && !this.control.send(type, message))
      this.broken("it stopped acknowledging session control");
  }

  /** Queues a packet of another session (null: of the switch itself) for this one. */
  transit(from: RelaySession | null, flow: number, bytes: Bytes, start: number, end: number): void {
    const link = this.linkFor(flow);
    if (link === null) {
      this.hub.counters.peerDropped++;
      return;
    }
    const queue = link.outlet.add(this.hub.clock.now(), from, flow, bytes, start, end);
    this.driver.offer(queue, link.port);
  }

  forgetTransit(from: RelaySession): void {
    for (const { outlet } of this.links.live) outlet.remove(from);
  }

  /** Its time without a link is over. */
  expire(text: string): void {
    this.hub.counters.sessionsExpired++;
    this.end("ERR_SESSION_EXPIRED", text);
  }

  /**
   * Ends the session: says goodbye, resets its streams, frees its name. Idempotent.
   * @param code What every stream of the client fails with.
   * @param isOrdinary The client has closed its tunnel: nothing has failed, and the log has no code.
   */
  end(code: string, text: string, closeWith?: LinkClosed, isOrdinary: boolean = false): void {
    if (!this.isOpen) return;
    this.sendControl(SessionType.bye, writeBye({ code, text }));
    this.finish(code, text, closeWith, isOrdinary);
    this.hub.peers.ended(this);
  }

  /** Ends it here alone: the client is on its way to another relay, or to this one when it runs again. */
  leave(): void {
    if (!this.isOpen) return;
    this.finish("ECONNRESET", "the relay is going", {
      code: LinkCloseCode.going,
      reason: "the relay is going",
    });
    this.hub.peers.left(this);
  }

  private finish(
    code: string,
    text: string,
    closeWith: LinkClosed | undefined,
    isOrdinary: boolean = false,
  ): void {
    const { hub } = this;
    this.isOpen = false;
    this.attachedSince = null;
    const about = { session: this.id, name: this.name, ...(isOrdinary ? {} : { code }), text };
    hub.log("info", "session-ended", about);
    for (const { watch } of this.links.live) watch.stop();
    this.publications.end();
    this.gateway.end();
    hub.detached.remove(this);
    hub.absent.forget(this);
    hub.counters.detached = hub.detached.size;
    this.onEnd(this);
    this.driver.close(new NetError(code, text), closeWith);
  }

  /** Every packet, before the stack: whose source is not this session's is dropped; peers' go to the switch. */
  private examine(bytes: Bytes, start: number, end: number): boolean {
    if (bytes[start] >>> 4 !== 6) {
      this.hub.counters.packetsForeign++;
      return true;
    }
    const { address } = this;
    if (
      readInt32(bytes, start + 20) !== address.w3 ||
      readInt32(bytes, start + 16) !== address.w2 ||
      readInt32(bytes, start + 12) !== address.w1 ||
      readInt32(bytes, start + 8) !== address.w0
    ) {
      this.hub.counters.packetsSpoofed++;
      return true;
    }
    const peers = this.hub.addresses.peers.address;
    if (readInt32(bytes, start + 24) !== peers.w0 || readInt32(bytes, start + 28) !== peers.w1) return false;
    this.hub.peers.forward(this, bytes, start, end);
    return true;
  }

  private apply(type: number, message: ControlMessage): void {
    switch (type) {
      case SessionType.resolve:
        this.with(readResolve(message), (resolve) => {
          const refused = this.gateway.bind(resolve);
          this.sendControl(
            SessionType.resolved,
            writeResolved({ id: resolve.id, code: refused?.code, text: refused?.text }),
          );
        });
        break;
      case SessionType.publish:
        this.with(readPublish(message), (publish) => this.publications.publish(publish));
        break;
      case SessionType.unpublish:
        this.with(readUnpublish(message), ({ id }) => this.publications.unpublish(id));
        break;
      case SessionType.bye:
        this.with(readBye(message), () =>
          this.end("ERR_SESSION_EXPIRED", "the client ended the session", undefined, true),
        );
        break;
      default:
        this.hub.counters.controlUnknown++;
    }
  }

  private with<T extends object>(read: T | string, use: (message: T) => void): void {
    if (typeof read !== "string") {
      use(read);
      return;
    }
    this.hub.counters.controlMalformed++;
    this.broken(read);
  }

  private broken(text: string): void {
    if (!this.isOpen) return;
    this.hub.counters.protocolErrors++;
    this.hub.log("warn", "protocol-error", { session: this.id, name: this.name, text });
    this.end("EPROTO", `the client broke the protocol: ${text}`, {
      code: LinkCloseCode.protocolError,
      reason: text,
    });
  }

  private linkClosed(port: LinkPort, reason: LinkClosed): void {
    const record = this.links.of(port);
    if (record === null || record.live === null) return;
    const { live } = record;
    this.links.place(record, null);
    this.retire(live);
    if (!this.isOpen) return;
    if (protocolCodes.has(reason.code ?? 0)) this.hub.counters.protocolErrors++;
    if (this.links.live.length === 0) this.detached(reason);
  }

  /** A link is gone: what waited for it waits for another. */
  private retire({ port, watch, outlet }: LiveLink): void {
    watch.stop();
    this.control.detach(port);
    for (const next of this.links.live) {
      for (const queue of outlet.waiting()) this.driver.offer(queue, next.port);
      return;
    }
    // Its senders are told that it is away, and send it again when it is back.
    outlet.clear();
  }

  private detached(reason: LinkClosed): void {
    const { hub } = this;
    this.attachedSince = null;
    hub.counters.sessionsDetached++;
    hub.log("info", "session-detached", { session: this.id, name: this.name, code: reason.code ?? "none" });
    if (hub.isDraining) {
      this.leave();
      return;
    }
    hub.peers.detached(this);
    hub.detached.add(this);
    hub.counters.detached = hub.detached.size;
  }

  /** A connection stays on one link while that lives (DESIGN §3). */
  private linkFor(flow: number): LiveLink | null {
    const { live } = this.links;
    if (live.length <= 1) return live[0] ?? null;
    // The greatest of the hashes of flow and link (rendezvous hashing): a link that comes or goes moves only the flows
    // that it gains or had.
    let best = live[0];
    let greatest = -1;
    for (const link of live) {
      const hash = mix(flow ^ Math.imul(link.port.id, 0x9e37_79b1));
      if (hash <= greatest) continue;
      best = link;
      greatest = hash;
    }
    return best;
  }
}

/** Spreads 32 bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Close codes that say that what came was wrong. */
const protocolCodes: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009]);
/** Bytes of a stream's objects, the socket behind it included; of a bound name or a message that waits. */
const streamMemory = 8_192;
const entryMemory = 256;
/** RFC 8200 would allow more only with jumbograms. */
export const gatewayMtu = 65_535 as const;
