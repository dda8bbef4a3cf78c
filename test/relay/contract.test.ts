// The contract of streams and listeners through tunnels: to real TCP behind the gateway, to another tunnel, and from
// real TCP into a tunnel.
import { nodeNetwork } from "../../src/adapters/node/index.ts";
import { asyncDispose } from "../../src/core/net/async-dispose.ts";
import type { Network } from "../../src/core/net/index.ts";
import { SocketAddr } from "../../src/core/net/index.ts";
import { silentPort } from "../adapters/silent-port.ts";
import { runContract } from "../contract/vitest-runner.ts";
import { muteTunnel } from "./raw-client.ts";
import { Testbed, type Tunnel } from "./testbed.ts";

const throughGateway = {
  sameAddresses: "the gateway dials from an address of its own",
  seesAcknowledgement: "the kernel behind the gateway takes bytes and flushes them by itself",
} as const;

runContract({
  name: "tunnel to gateway",
  gaps: throughGateway,
  limits: { buffered: 64 << 20 },
  async open() {
    const bed = new Testbed();
    const silent = await silentPort();
    const relay = await bed.relay({ allow: ["tcp:127.0.0.1:*"] });
    const tunnel = await bed.tunnel(relay);
    return {
      client: tunnel,
      server: nodeNetwork,
      bindAddr: "127.0.0.1:0",
      silentAddr: `127.0.0.1:${silent.port}`,
      openCount: () => relay.counters.streams + tunnel.driver.stack.connectionCount,
      async close() {
        await bed.close();
        await silent.close();
      },
    };
  },
});

runContract({
  name: "tunnel to tunnel",
  limits: { buffered: 64 << 20 },
  async open() {
    const bed = new Testbed();
    const relay = await bed.relay();
    const alice = await bed.tunnel(relay, { name: "alice" });
    const bob = await bed.tunnel(relay, { name: "bob" });
    bed.onClose(await muteTunnel(relay.url, "mute"));
    return {
      client: alice,
      server: bob,
      bindAddr: ":0",
      silentAddr: "mute.peer:80",
      openCount: () => alice.driver.stack.connectionCount + bob.driver.stack.connectionCount,
      close: () => bed.close(),
    };
  },
});

runContract({
  name: "real TCP into a tunnel",
  gaps: {
    ...throughGateway,
    refused: "the relay's port is closed with the listener, by a message that takes its time",
    addressInUse: "the port of the tunnel is checked by the contract on tunnels",
  },
  limits: { buffered: 64 << 20, streams: 300 },
  async open() {
    const bed = new Testbed();
    const silent = await silentPort();
    const relay = await bed.relay();
    const tunnel = await bed.tunnel(relay, { name: "site" });
    return {
      client: nodeNetwork,
      server: published(tunnel),
      bindAddr: ":0",
      dialAddr: (listener) => listener.published ?? new SocketAddr("127.0.0.1", 1),
      silentAddr: `127.0.0.1:${silent.port}`,
      openCount: () => relay.counters.streams + tunnel.driver.stack.connectionCount,
      async close() {
        await bed.close();
        await silent.close();
      },
    };
  },
});

/** A tunnel that publishes whatever is bound on it. */
function published(tunnel: Tunnel): Network {
  return {
    connect: (addr, options) => tunnel.connect(addr, options),
    bind: (addr, options) => tunnel.bind(addr, { ...options, publish: ":0" }),
    close: () => tunnel.close(),
    [asyncDispose]: () => tunnel.close(),
  };
}
