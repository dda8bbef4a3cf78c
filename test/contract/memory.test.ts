// The contract on the in-memory network: sources without a stack.

import { MemoryNetwork } from "../core/net/memory-network.ts";
import { runContract } from "./vitest-runner.ts";

runContract({
  name: "memory",
  limits: { buffered: 1 << 20 },
  open: async () => {
    const network = new MemoryNetwork();
    return {
      client: network,
      server: network,
      bindAddr: "127.0.0.1:0",
      silentAddr: "192.0.2.1:80",
      openCount: () => network.live.size,
      close: () => network.close(),
    };
  },
});
