// A relay without its server: takes links that a runtime's WebSocket server has accepted, after the checks of their
// requests. Knows no runtime; the network, the resolver and this machine's addresses are given.
import { type Clock, type RandomBytes, systemClock, systemRandom } from "../core/link/clock.ts";
import { type Link, LinkCloseCode } from "../core/link/link.ts";
import { Spares } from "../core/link/stack.ts";
import { NetError } from "../core/net/net-error.ts";
import { failure } from "../core/net/net-error-messages.ts";
import type { Network } from "../core/net/network.ts";
import type { SocketAddr } from "../core/net/socket-addr.ts";
import { IpAddress } from "../core/wire/ip-address.ts";
import { networkAddresses } from "../tunnel/addresses.ts";
import { SessionType } from "../tunnel/control-types.ts";
import { writeGoing, writeRoute } from "../tunnel/session-messages.ts";
import { AbsentPeers } from "./absent-peers.ts";
import { Authenticator } from "./authenticator.ts";
import { newCounters, type RelayCounters } from "./counters.ts";
import { DetachedSessions } from "./detached-sessions.ts";
import { FailureLimit } from "./failure-limit.ts";
import type { Hub } from "./hub.ts";
import { checkIngress, type IngressRequest } from "./ingress.ts";
import { withDefaults } from "./limits.ts";
import { Policy } from "./policy.ts";
import { type RelayHandshake, welcomeLink } from "./relay-handshake.ts";
import {
  type DrainOptions,
  defaultNetworkName,
  defaultPeers,
  defaultPublish,
  type RelayOptions,
} from "./relay-options.ts";
import type { Resolver } from "./resolver.ts";
import { parsePeerRule, parseTcpRule } from "./rules.ts";
import type { RelaySession } from "./session.ts";
import { SessionTable } from "./session-table.ts";
import { Switch } from "./switch.ts";
import { Tickets } from "./tickets.ts";

/** What a runtime gives a relay. */
export interface RelayPlatform {
  readonly network: Network;
  readonly resolver: Resolver;
  /** The addresses of this machine. */
  ownAddresses(): readonly string[];
  readonly clock?: Clock | undefined;
  readonly random?: RandomBytes | undefined;
  /** Milliseconds since 1970. Default: Date.now. */
  readonly wallClock?: (() => number) | undefined;
}

/** An HTTP answer instead of a WebSocket. */
export interface UpgradeRefusal {
  readonly status: 403 | 429 | 503;
  readonly text: string;
}

/** What is known of one session, for those who run the relay. */
export interface SessionInfo {
  readonly id: string;
  readonly name: string;
  readonly subject: string;
  readonly address: string;
  readonly streams: number;
  /** Links it has now; none: it is detached. */
  readonly links: number;
}

export class RelayCore {
  readonly counters: RelayCounters = newCounters();
  private readonly hub: Hub;
  private readonly authenticator: Authenticator;
  private readonly options: RelayOptions;
  private readonly handshakes = new Map<RelayHandshake, string>();
  private readonly perAddress = new Map<string, number>();
  private readonly failures: FailureLimit;
  private isClosing = false;
  /** Those who wait until every session has left. */
  private readonly drained: (() => void)[] = [];
  /** Kept by sessions for as long as they live: made here, where it holds on to no handshake and no link. */
  private readonly sessionEnded = (): void => this.left();

  /** @throws {TypeError} for a rule, a token or a network name that cannot be one. */
  constructor(options: RelayOptions, platform: RelayPlatform) {
    this.options = options;
    this.authenticator = new Authenticator(options.tokens, options.authenticate);
    const networkName = options.network ?? defaultNetworkName;
    if (!/^[\x21-\x7e]{1,253}$/.test(networkName)) {
      throw new TypeError(`Cannot name a network "${networkName}": 1 to 253 printable ASCII characters`);
    }
    const limits = withDefaults(options.limits);
    const clock = platform.clock ?? systemClock;
    const policy = new Policy({
      egress: (options.allow ?? []).map(parseTcpRule),
      publish: (options.publish ?? defaultPublish).map(parseTcpRule),
      peers: (options.peers ?? defaultPeers).map(parsePeerRule),
      authorize: options.authorize ?? null,
      ownAddresses: () =>
        platform.ownAddresses().flatMap((text) => {
          const address = IpAddress.parse(text)?.withoutZone();
          return address === undefined ? [] : [address];
        }),
    });
    const sessions = new SessionTable();
    const { counters } = this;
    const random = platform.random ?? systemRandom;
    const absent = new AbsentPeers<RelaySession>({
      clock,
      tell: (session, address, state) =>
        session.sendControl(SessionType.route, writeRoute({ address, state })),
    });
    // Only with a key of its own can a relay have known others before.
    const absentUntil = options.key === undefined ? 0 : clock.now() + limits.grace * 1_000;
    const peers = new Switch({
      sessions,
      absent,
      absentUntil: (from) => Math.max(absentUntil, from.movesUntil),
      clock,
      policy,
      counters,
      peerPorts: limits.peerPorts,
    });
    this.hub = {
      networkName,
      addresses: networkAddresses(networkName),
      limits,
      counters,
      log: options.log ?? (() => {}),
      metrics: options.metrics ?? { observe: () => {} },
      clock,
      random,
      spares: new Spares(),
      policy,
      sessions,
      tickets: new Tickets({
        key: options.key ?? randomKey(random),
        wallClock: platform.wallClock ?? (() => Date.now()),
        lifetime: limits.ticketTime,
      }),
      detached: new DetachedSessions({
        clock,
        grace: limits.grace,
        memory: limits.detachedMemory,
        evicted: () => counters.sessionsEvicted++,
      }),
      absent,
      absentUntil,
      resumeFailures: new FailureLimit(limits.resumeFailuresPerMinute, clock),
      isDraining: false,
      peers,
      network: platform.network,
      resolver: platform.resolver,
    };
    this.failures = new FailureLimit(limits.failuresPerMinute, clock);
  }

  get limits(): Hub["limits"] {
    return this.hub.limits;
  }

  get sessions(): readonly SessionInfo[] {
    return this.hub.sessions.all().map((session) => ({
      id: session.id,
      name: session.name,
      subject: session.principal.subject,
      address: session.address.toString(),
      streams: session.gateway.count,
      links: session.links.live.length,
    }));
  }

  /**
   * Before it listens: whether there is such an address, and who could reach it.
   *
   * @throws {NetError} ENOTFOUND, EAI_AGAIN; EACCES as requireSafe().
   */
  async requireUsable(wanted: SocketAddr): Promise<void> {
    if (wanted.family === undefined) {
      try {
        await this.hub.resolver.resolve(wanted.hostname, { signal: new AbortController().signal });
      } catch (error) {
        if (!NetError.is(error)) throw error;
        throw failure(error.code, { op: "bind", localAddr: wanted, cause: error });
      }
    }
    this.requireSafe(wanted.hostname);
  }

  /** @throws {NetError} EACCES when others could reach an address on which nobody is asked who they are. */
  requireSafe(hostname: string): void {
    if (this.authenticator.isOn || this.options.open === true) return;
    const address = IpAddress.parse(hostname);
    if ((address?.toIpv4() ?? address)?.isLoopback || hostname === "localhost") return;
    throw new NetError(
      "EACCES",
      `Cannot start a relay on ${hostname === "" ? "all addresses" : hostname}: it has no authentication and others could use it; give it tokens, bind it to 127.0.0.1, or say open`,
      { op: "bind" },
    );
  }

  /** Checks a request before it becomes a WebSocket: null when it may. Counts what it refuses. */
  check(request: IngressRequest): UpgradeRefusal | null {
    const { counters } = this.hub;
    if (this.isClosing) return this.refusalOf(request.remoteAddress ?? "");
    const refusal = checkIngress(request, {
      origins: this.options.origins ?? [],
      hosts: this.options.hosts ?? [],
    });
    if (refusal !== null) {
      if (refusal.kind === "origin") counters.linksRefusedOrigin++;
      else counters.linksRefusedHost++;
      this.hub.log("warn", `${refusal.kind}-refused`, { text: refusal.text, remote: request.remoteAddress });
      return { status: 403, text: refusal.text };
    }
    return this.refusalOf(request.remoteAddress ?? "");
  }

  /** Why nobody, or nobody from there, is let in now. */
  private refusalOf(remote: string): UpgradeRefusal | null {
    const { counters, limits } = this.hub;
    if (this.isClosing) {
      counters.linksRefusedClosing++;
      return { status: 503, text: "The relay is closing" };
    }
    const isFull =
      this.handshakes.size >= limits.handshakes ||
      (this.perAddress.get(remote) ?? 0) >= limits.handshakesPerAddress;
    if (isFull || this.failures.isReached(remote)) {
      counters.linksRefusedLimit++;
      return isFull
        ? { status: 503, text: "The relay has all the handshakes it takes" }
        : { status: 429, text: "Too many failed handshakes from this address" };
    }
    return null;
  }

  /** Takes a link that came by no request. */
  acceptAny(link: Link, remoteAddress: string): void {
    const refusal = this.refusalOf(remoteAddress);
    if (refusal === null) this.accept(link, remoteAddress);
    else link.close(LinkCloseCode.overload, refusal.text);
  }

  /** Takes a link whose request was checked. */
  accept(link: Link, remoteAddress: string): void {
    const { counters } = this.hub;
    counters.linksAccepted++;
    this.perAddress.set(remoteAddress, (this.perAddress.get(remoteAddress) ?? 0) + 1);
    const handshake: RelayHandshake = welcomeLink(link, {
      hub: this.hub,
      authenticator: this.authenticator,
      remoteAddress,
      ended: this.sessionEnded,
      done: (failed) => {
        // Its own constructor never calls this: a link delivers only after it was started.
        this.handshakes.delete(handshake);
        counters.handshakes = this.handshakes.size;
        const left = (this.perAddress.get(remoteAddress) ?? 1) - 1;
        if (left > 0) this.perAddress.set(remoteAddress, left);
        else this.perAddress.delete(remoteAddress);
        if (failed) this.failures.add(remoteAddress);
      },
    });
    this.handshakes.set(handshake, remoteAddress);
    counters.handshakes = this.handshakes.size;
  }

  /** Ends handshakes and sessions: each client is told. Nothing is accepted from here on. */
  end(): void {
    this.isClosing = true;
    for (const handshake of [...this.handshakes.keys()]) handshake.cancel();
    for (const session of this.hub.sessions.all()) session.end("ECONNRESET", "the relay was closed");
    for (const wake of this.drained.splice(0)) wake();
  }

  /**
   * Sends every client elsewhere, or to this relay when it runs again: their sessions end here and nowhere else.
   * Resolves when all have left or the time is over; what is left is cut then.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const { hub } = this;
    const spread = options.spread ?? defaultSpread;
    const timeout = options.timeout ?? spread + leaveTime;
    this.isClosing = true;
    hub.isDraining = true;
    for (const handshake of [...this.handshakes.keys()]) handshake.cancel();
    const going = writeGoing({ spread, alternates: options.alternates ?? [] });
    hub.log("info", "draining", { sessions: hub.sessions.size, spread });
    for (const session of hub.sessions.all()) {
      if (session.isAttached) session.sendControl(SessionType.going, going);
      else session.leave();
    }
    if (hub.sessions.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = hub.clock.schedule(hub.clock.now() + timeout * 1_000, resolve);
        this.drained.push(() => {
          hub.clock.cancel(timer);
          resolve();
        });
      });
    }
    for (const session of hub.sessions.all()) session.leave();
  }

  private left(): void {
    if (!this.hub.isDraining || this.hub.sessions.size > 0) return;
    for (const wake of this.drained.splice(0)) wake();
  }
}

function randomKey(random: RandomBytes): Uint8Array {
  const key = new Uint8Array(32);
  random(key);
  return key;
}

/** Milliseconds. */
const defaultSpread = 2_000;
/** What those who leave last need to close their link. */
const leaveTime = 3_000;
