// The contract of streams and listeners on Deno's own sockets, in Deno.

import { systemGaps } from "../gaps.ts";
import { runIn } from "../run-in.ts";

await runIn({
  suite: "contract",
  atLeast: 110,
  runtime: "deno",
  adapter: "deno",
  gaps: {
    ...systemGaps,
    reset: "Deno cannot reset a connection: its close() sends FIN",
    unreadReset: "Deno cannot reset a connection: its close() sends FIN, also with bytes unread",
  },
});
