// The stack of a tunnel: one address, a reliable route through the gateway and an unreliable one to peers; and what
// happens to its connections when a peer, or what the gateway held, is gone.
import type { ConnectionSource } from "../core/link/connection-source.ts";
import { type Route, Stack } from "../core/link/stack.ts";
import { failure } from "../core/net/net-error-messages.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";
import { gatewayOptions, gatewayTimeWait } from "./gateway-route.ts";
import type { Welcome } from "./handshake-messages.ts";

type Connection = ConnectionSource["connection"];

export class TunnelStack {
  readonly stack: Stack;
  readonly routes: readonly Route[];
  private readonly gatewayRoute: Route;

  constructor(welcome: Welcome, secret: Bytes) {
    this.stack = new Stack({ secret, addresses: [welcome.address], portRange: [1_024, 65_535] });
    this.gatewayRoute = this.stack.addRoute(everywhere, {
      reliable: true,
      checksum: welcome.routes.gatewayChecksum,
      mtu: welcome.routes.gatewayMtu,
      timeWait: gatewayTimeWait,
      tcp: gatewayOptions,
    });
    const peerRoute = this.stack.addRoute(welcome.peers, {
      reliable: false,
      checksum: true,
      mtu: welcome.routes.peerMtu,
      // The switch marks before it drops, and nothing else lies between two tunnels.
      tcp: { ecn: "on" },
    });
    this.routes = [this.gatewayRoute, peerRoute];
  }

  *sources(): Iterable<ConnectionSource> {
    for (const connection of [...this.stack.connections()]) {
      const source = sourceOf(connection);
      if (source !== null) yield source;
    }
  }

  /** Whether something the user wrote, or a FIN, is not acknowledged yet. */
  get hasUnsent(): boolean {
    for (const { connection } of this.sources()) {
      const { state } = connection;
      if (state !== "TIME-WAIT" && state !== "FIN-WAIT-2" && state !== "CLOSED") return true;
    }
    return false;
  }

  /** The peer's session is over. */
  peerGone(address: IpAddress): void {
    for (const source of this.sources()) {
      if (!source.connection.remote.equals(address)) continue;
      const { peerAddr } = source;
      source.reset(
        source.connection.state === "SYN-SENT"
          ? failure("EHOSTUNREACH", { op: "connect", peerAddr, reason: "no tunnel has this name now" })
          : failure("ECONNRESET", { op: "read", peerAddr, reason: "the peer's tunnel has ended" }),
      );
    }
  }

  /**
   * The gateway's ends of all connections are gone. Attempts that had no answer yet go on.
   * @returns where those lead.
   */
  gatewayGone(now: number): Set<string> {
    const pending = new Set<string>();
    for (const connection of [...this.stack.connections()]) {
      if (connection.route !== this.gatewayRoute) continue;
      if (connection.state === "SYN-SENT") {
        pending.add(connection.remote.toString());
        continue;
      }
      const source = sourceOf(connection);
      const reason = "the relay was started anew, and its connection ended";
      if (source === null) connection.abort(now);
      else source.reset(failure("ECONNRESET", { op: "read", peerAddr: source.peerAddr, reason }));
    }
    return pending;
  }
}

function sourceOf(connection: Connection): ConnectionSource | null {
  return (connection.user as { readonly source?: ConnectionSource | null } | null)?.source ?? null;
}

const everywhere: Prefix = Prefix.parse("::/0") as Prefix;
