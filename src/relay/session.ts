// What the relay keeps of one tunnel client: who it is, its links, its gateway stack, what it has bound and
// published, and what waits in the switch for it. Holds a map of links; until links are replaced the loss of the last
// one ends the session.
import type { ControlMessage } from "../core/link/control-codec.ts";
import { Driver } from "../core/link/driver.ts";
import { type Link, LinkCloseCode, type LinkClosed } from "../core/link/link.ts";
import type { LinkPort } from "../core/link/link-port.ts";
import { type Route, Stack } from "../core/link/stack.ts";
import { NetError } from "../core/net/net-error.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";
import { firstSessionType, SessionType } from "../tunnel/control-types.ts";
import { gatewayBuffers, gatewayTimeWait } from "../tunnel/gateway-route.ts";
import { LinkWatch, watchDefaults } from "../tunnel/link-watch.ts";
import { readResolve, writeResolved } from "../tunnel/name-messages.ts";
import { readPublish, readUnpublish } from "../tunnel/publish-messages.ts";
import { SessionControl } from "../tunnel/session-control.ts";
import { readBye, writeBye } from "../tunnel/session-messages.ts";
import { SessionGateway } from "./gateway.ts";
import type { Hub } from "./hub.ts";
import type { PeerAccess } from "./peer-access.ts";
import type { Principal } from "./principal.ts";
import { Publications } from "./publications.ts";
import { Outlet } from "./transit-queue.ts";
import { word } from "./transport-header.ts";

export interface SessionIdentity {
  readonly id: string;
  readonly principal: Principal;
  readonly name: string;
  readonly address: IpAddress;
}

interface SessionLink {
  readonly port: LinkPort;
  readonly watch: LinkWatch;
  readonly outlet: Outlet<RelaySession | null>;
}

export class RelaySession {
  readonly id: string;
  readonly principal: Principal;
  readonly name: string;
  readonly address: IpAddress;
  readonly driver: Driver;
  readonly gateway: SessionGateway;
  readonly publications: Publications;
  /** What this session may reach of others, and who holds such a thing of it. */
  readonly access: Map<RelaySession, PeerAccess> = new Map();
  readonly knownBy: Set<RelaySession> = new Set();
  isOpen = true;
  private readonly hub: Hub;
  private readonly stack: Stack;
  private readonly route: Route;
  private readonly control: SessionControl;
  private readonly links = new Map<number, SessionLink>();
  private readonly onEnd: (session: RelaySession) => void;

  constructor(hub: Hub, identity: SessionIdentity, onEnd: (session: RelaySession) => void) {
    this.hub = hub;
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
      tcp: gatewayBuffers,
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

  /** Adds a link whose handshake is done. */
  attach(id: number, link: Link, receiveCap: number | undefined): void {
    const { hub } = this;
    const port = this.driver.attach(link, { routes: [this.route], receiveCap });
    const watch = new LinkWatch(hub.clock, port, {
      ...watchDefaults,
      dead: () => {
        port.close({ code: LinkCloseCode.timeout, reason: "nothing came back" });
        this.linkClosed(port, { code: LinkCloseCode.timeout, reason: "nothing came back" });
      },
    });
    const outlet = new Outlet<RelaySession | null>(hub.limits.switchQueue, () => port.rate, hub.counters);
    this.links.set(id, { port, watch, outlet });
    this.control.attach(port);
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
    for (const { outlet } of this.links.values()) outlet.remove(from);
  }

  /**
   * Ends the session: says goodbye, resets its streams, frees its name. Idempotent.
   * @param code What every stream of the client fails with.
   */
  end(code: string, text: string, closeWith?: LinkClosed): void {
    if (!this.isOpen) return;
    this.sendControl(SessionType.bye, writeBye({ code, text }));
    this.isOpen = false;
    this.hub.log("info", "session-ended", { session: this.id, name: this.name, code, text });
    for (const { watch } of this.links.values()) watch.stop();
    this.publications.end();
    this.gateway.end();
    this.hub.peers.ended(this);
    this.onEnd(this);
    this.driver.close(new NetError(code, text), closeWith);
    this.links.clear();
  }

  /** Every packet, before the stack: whose source is not this session's is dropped; peers' go to the switch. */
  private examine(bytes: Bytes, start: number, end: number): boolean {
    if (bytes[start] >>> 4 !== 6) {
      this.hub.counters.packetsForeign++;
      return true;
    }
    const { address } = this;
    if (
      word(bytes, start + 20) !== address.w3 ||
      word(bytes, start + 16) !== address.w2 ||
      word(bytes, start + 12) !== address.w1 ||
      word(bytes, start + 8) !== address.w0
    ) {
      this.hub.counters.packetsSpoofed++;
      return true;
    }
    const peers = this.hub.addresses.peers.address;
    if (word(bytes, start + 24) !== peers.w0 || word(bytes, start + 28) !== peers.w1) return false;
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
        this.with(readBye(message), () => this.end("ERR_SESSION_EXPIRED", "the client ended the session"));
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
    for (const [id, link] of this.links) {
      if (link.port !== port) continue;
      link.watch.stop();
      this.links.delete(id);
    }
    this.control.detach(port);
    if (this.links.size > 0 || !this.isOpen) return;
    if (protocolCodes.has(reason.code ?? 0)) this.hub.counters.protocolErrors++;
    this.end("ERR_SESSION_EXPIRED", `the link was lost (code ${reason.code ?? "none"})`);
  }

  /** A connection stays on one link while that lives (DESIGN §3). */
  private linkFor(flow: number): SessionLink | null {
    const { size } = this.links;
    if (size === 0) return null;
    let skip = size === 1 ? 0 : (flow >>> 0) % size;
    for (const link of this.links.values()) if (skip-- === 0) return link;
    return null;
  }
}

/** Close codes that say that what came was wrong. */
const protocolCodes: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009]);
/** RFC 8200 would allow more only with jumbograms. */
export const gatewayMtu = 65_535 as const;
