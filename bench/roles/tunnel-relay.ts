// fourtuple's relay, allowed to dial the TCP server. Its limits on rates are lifted: they are not what is measured.

import { Relay } from "../../src/relay/index.node.ts";
import { serveRole } from "../serving.ts";
import type { RelayRole } from "./relay-role.ts";

serveRole({
  async serve(serverPort) {
    const relay = await Relay.serve("127.0.0.1:0", {
      allow: [`tcp:127.0.0.1:${serverPort}`],
      limits: { connectRate: 1_000_000, connectBurst: 1_000_000 },
    });
    return { port: Number(new URL(relay.url).port) };
  },
} satisfies RelayRole);
