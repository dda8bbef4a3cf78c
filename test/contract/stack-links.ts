// The contract's world of two stacks joined by a link over the runtime's own sockets: node:net or Deno.connect.

import { type Link, type LinkDialer, systemClock } from "../../src/core/link/index.ts";
import type { SocketAddr } from "../../src/core/net/index.ts";
import { Host } from "../core/link/hosts.ts";
import type { ContractOptions } from "./suite.ts";

export interface LinkAdapter {
  readonly name: string;
  dialer(addr: SocketAddr): LinkDialer;
  listen(
    addr: string,
    onLink: (link: Link) => void,
  ): Promise<{ readonly localAddr: SocketAddr; close(): void }>;
}

export function stacksOverLinks(adapter: LinkAdapter): ContractOptions {
  const route = { reliable: true, checksum: false, mtu: 65_535 };
  return {
    name: `two stacks over a link of ${adapter.name}`,
    open: async () => {
      const client = new Host("fd00::1", { clock: systemClock, route });
      const server = new Host("fd00::2", { clock: systemClock, route });
      let arrived: (link: Link) => void = () => {};
      const arrival = new Promise<Link>((resolve) => {
        arrived = resolve;
      });
      const listener = await adapter.listen("127.0.0.1:0", (link) => arrived(link));
      client.attach(await adapter.dialer(listener.localAddr).dial({ signal: new AbortController().signal }));
      server.attach(await arrival);
      listener.close();
      return {
        client: client.network,
        server: server.network,
        bindAddr: "[fd00::2]:0",
        silentAddr: "[fd00::3]:80",
        openCount: () => client.stack.connectionCount + server.stack.connectionCount,
        close: async () => {
          await client.network.close();
          await server.network.close();
        },
      };
    },
  };
}
