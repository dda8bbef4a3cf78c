// Worlds for the contract suite through tunnels, on whichever runtime's relay and WebSocket: to real TCP behind the
// gateway, to another tunnel, and from real TCP into a tunnel.
import { nodeNetwork } from "../../src/adapters/node/index.ts";
import { asyncDispose } from "../../src/core/net/async-dispose.ts";
import { type Network, SocketAddr } from "../../src/core/net/index.ts";
import type { RelayOptions } from "../../src/relay/exports.ts";
import type { RunningRelay } from "../../src/relay/relay-types.ts";
import { Tunnel } from "../../src/tunnel/index.ts";
import type { ContractOptions } from "../contract/suite.ts";
import { muteTunnel } from "./raw-client.ts";

export type Serve = (addr: string, options: RelayOptions) => Promise<RunningRelay>;

const throughGateway = {
  sameAddresses: "the gateway dials from an address of its own",
  seesAcknowledgement: "the kernel behind the gateway takes bytes and flushes them by itself",
} as const;

/** @param silent A port of this machine at which nobody ever answers. */
export function worlds(
  serve: Serve,
  silent: () => Promise<{ readonly port: number; close(): Promise<void> }>,
): ContractOptions[] {
  return [
    {
      name: "tunnel to gateway",
      gaps: throughGateway,
      limits: { buffered: 64 << 20 },
      async open() {
        const { port, close } = await silent();
        const relay = await serve("127.0.0.1:0", { allow: ["tcp:127.0.0.1:*"] });
        const tunnel = await Tunnel.open(relay.url);
        return {
          client: tunnel,
          server: nodeNetwork,
          bindAddr: "127.0.0.1:0",
          silentAddr: `127.0.0.1:${port}`,
          openCount: () => relay.counters.streams + tunnel.driver.stack.connectionCount,
          async close() {
            await tunnel.close();
            await relay.close();
            await close();
          },
        };
      },
    },
    {
      name: "tunnel to tunnel",
      limits: { buffered: 64 << 20 },
      async open() {
        const relay = await serve("127.0.0.1:0", {});
        const alice = await Tunnel.open(relay.url, { name: "alice" });
        const bob = await Tunnel.open(relay.url, { name: "bob" });
        const closeMute = await muteTunnel(relay.url, "mute");
        return {
          client: alice,
          server: bob,
          bindAddr: ":0",
          silentAddr: "mute.peer:80",
          openCount: () => alice.driver.stack.connectionCount + bob.driver.stack.connectionCount,
          async close() {
            await closeMute();
            await alice.close();
            await bob.close();
            await relay.close();
          },
        };
      },
    },
    {
      name: "real TCP into a tunnel",
      gaps: {
        ...throughGateway,
        refused: "the relay's port is closed with the listener, by a message that takes its time",
        addressInUse: "what is bound is the tunnel's port, what is dialled the relay's",
      },
      limits: { buffered: 64 << 20, streams: 300 },
      async open() {
        const { port, close } = await silent();
        const relay = await serve("127.0.0.1:0", {});
        const tunnel = await Tunnel.open(relay.url, { name: "site" });
        return {
          client: throughRelay(relay.counters),
          server: published(tunnel),
          bindAddr: ":0",
          dialAddr: (listener) => listener.published ?? new SocketAddr("127.0.0.1", 1),
          silentAddr: `127.0.0.1:${port}`,
          openCount: () => relay.counters.streams + tunnel.driver.stack.connectionCount,
          async close() {
            await tunnel.close();
            await relay.close();
            await close();
          },
        };
      },
    },
  ];
}

/** Real TCP whose connect also waits until the relay has reached the tunnel: the kernel at the relay answers before. */
function throughRelay(counters: RunningRelay["counters"]): Network {
  return {
    ...nodeNetwork,
    async connect(addr, options) {
      const reached = (): number =>
        counters.publishedOpened + counters.publishedFailed + counters.publishedLimited;
      const before = counters.publishedAccepted;
      const stream = await nodeNetwork.connect(addr, options);
      for (let patience = 0; patience < 200 && reached() <= before; patience++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return stream;
    },
  };
}

/** A tunnel that publishes whatever is bound on it. */
function published(tunnel: Tunnel): Network {
  return {
    connect: (addr, options) => tunnel.connect(addr, options),
    bind: (addr, options) => tunnel.bind(addr, { ...options, publish: ":0" }),
    close: () => tunnel.close(),
    [asyncDispose]: () => tunnel.close(),
  };
}
