// The contract on two stacks that are joined by a link in memory, over a reliable and an unreliable route.

import { memoryLinkPair, systemClock } from "../../src/core/link/index.ts";
import { Host } from "../core/link/hosts.ts";
import { runContract } from "./vitest-runner.ts";

for (const reliable of [true, false]) {
  runContract({
    name: `two stacks, ${reliable ? "reliable" : "unreliable"} route`,
    open: async () => {
      const route = { reliable, checksum: !reliable, mtu: reliable ? 65_535 : 1_500 };
      const [client, server] = ["fd00::1", "fd00::2"].map(
        (ip) => new Host(ip, { clock: systemClock, route }),
      );
      const [left, right] = memoryLinkPair(systemClock);
      client.attach(left);
      server.attach(right);
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
  });
}
