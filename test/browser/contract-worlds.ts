// Worlds for the contract suite inside a tab, both ends of every stream in the page: through the gateway and a published
// port, with real TCP in between, and from tunnel to tunnel. The test in Node reads the names and gaps, the page opens
// them. Names no runtime.
import { asyncDispose } from "../../src/core/net/async-dispose.ts";
import { type Network, SocketAddr } from "../../src/core/net/index.ts";
import type { Tunnel, TunnelConstructor } from "../../src/tunnel/index.ts";
import type { ContractOptions } from "../contract/suite.ts";

/** A tunnel of this name answers nothing: the test in Node keeps one. */
export const muteName = "mute";

export interface Surroundings {
  readonly open: TunnelConstructor["open"];
  readonly relayUrl: string;
  /** A port of the relay's machine at which nobody ever answers. */
  readonly silentPort: number;
}

/**
 * @param surroundings Absent where only the names are wanted.
 * @param kernelGaps What the relay's machine cannot do.
 */
export function tabWorlds(
  surroundings: Surroundings | undefined,
  kernelGaps: ContractOptions["gaps"] = {},
): ContractOptions[] {
  const inTab = (): Surroundings => {
    if (surroundings === undefined) throw new Error("Only a page opens these worlds");
    return surroundings;
  };
  const limits = { echo: 4 << 20, buffered: 64 << 20, streams: 200 };
  return [
    {
      name: "tunnel to gateway, in a tab",
      gaps: {
        ...kernelGaps,
        sameAddresses: "the gateway dials from an address of its own",
        seesAcknowledgement: "the kernel behind the gateway takes bytes and flushes them by itself",
        refused: "a tab has no kernel's port; one of the relay's is closed by a message that takes its time",
        addressInUse: "what is bound is the tunnel's port, what is dialled the relay's",
      },
      limits,
      async open() {
        const { open, relayUrl, silentPort } = inTab();
        const dialler = await open(relayUrl, { name: "dialler" });
        const site = await open(relayUrl, { name: "site" });
        return {
          client: dialler,
          server: published(site),
          bindAddr: ":0",
          dialAddr: (listener) => listener.published ?? new SocketAddr("127.0.0.1", 1),
          silentAddr: `127.0.0.1:${silentPort}`,
          openCount: () => dialler.driver.stack.connectionCount + site.driver.stack.connectionCount,
          async close() {
            await dialler.close();
            await site.close();
          },
        };
      },
    },
    {
      name: "tunnel to tunnel, in a tab",
      limits,
      async open() {
        const { open, relayUrl } = inTab();
        const alice = await open(relayUrl, { name: "alice" });
        const bob = await open(relayUrl, { name: "bob" });
        return {
          client: alice,
          server: bob,
          bindAddr: ":0",
          silentAddr: `${muteName}.peer:80`,
          openCount: () => alice.driver.stack.connectionCount + bob.driver.stack.connectionCount,
          async close() {
            await alice.close();
            await bob.close();
          },
        };
      },
    },
  ];
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
