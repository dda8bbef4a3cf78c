// A relay without its server: takes links that a runtime's WebSocket server has accepted, after the checks of their
// requests. Knows no runtime; the network, the resolver and this machine's addresses are given.
import { type Clock, type RandomBytes, systemClock, systemRandom } from "../core/link/clock.ts";
import type { Link } from "../core/link/link.ts";
import { NetError } from "../core/net/net-error.ts";
import type { Network } from "../core/net/network.ts";
import { IpAddress } from "../core/wire/ip-address.ts";
import { networkAddresses } from "../tunnel/addresses.ts";
import { Authenticator } from "./authenticator.ts";
import { newCounters, type RelayCounters } from "./counters.ts";
import { FailureLimit } from "./failure-limit.ts";
import type { Hub } from "./hub.ts";
import { checkIngress, type IngressRequest } from "./ingress.ts";
import { withDefaults } from "./limits.ts";
import { Policy } from "./policy.ts";
import { type RelayHandshake, welcomeLink } from "./relay-handshake.ts";
import { defaultNetworkName, defaultPeers, defaultPublish, type RelayOptions } from "./relay-options.ts";
import type { Resolver } from "./resolver.ts";
import { parsePeerRule, parseTcpRule } from "./rules.ts";
import { SessionTable } from "./session-table.ts";
import { Switch } from "./switch.ts";

/** What a runtime gives a relay. */
export interface RelayPlatform {
  readonly network: Network;
  readonly resolver: Resolver;
  /** The addresses of this machine. */
  ownAddresses(): readonly string[];
  readonly clock?: Clock | undefined;
  readonly random?: RandomBytes | undefined;
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
    const peers = new Switch({ sessions, policy, counters, peerPorts: limits.peerPorts });
    this.hub = {
      networkName,
      addresses: networkAddresses(networkName),
      limits,
      counters,
      log: options.log ?? (() => {}),
      metrics: options.metrics ?? { observe: () => {} },
      clock,
      random: platform.random ?? systemRandom,
      policy,
      sessions,
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
    }));
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
    const { counters, limits } = this.hub;
    if (this.isClosing) {
      counters.linksRefusedClosing++;
      return { status: 503, text: "The relay is closing" };
    }
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
    const remote = request.remoteAddress ?? "";
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

  /** Takes a link whose request was checked. */
  accept(link: Link, remoteAddress: string): void {
    const { counters } = this.hub;
    counters.linksAccepted++;
    this.perAddress.set(remoteAddress, (this.perAddress.get(remoteAddress) ?? 0) + 1);
    const handshake: RelayHandshake = welcomeLink(link, {
      hub: this.hub,
      authenticator: this.authenticator,
      remoteAddress,
      done: (_session, failed) => {
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
  }
}
