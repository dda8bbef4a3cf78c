// The contract of streams and listeners on Deno's own sockets, in Deno.

import { runContractIn } from "../contract-in.ts";
import { systemGaps } from "../gaps.ts";

await runContractIn({
  runtime: "deno",
  adapter: "deno",
  gaps: {
    ...systemGaps,
    reset: "Deno cannot reset a connection: its close() sends FIN",
    unreadReset: "Deno cannot reset a connection: its close() sends FIN, also with bytes unread",
  },
});
