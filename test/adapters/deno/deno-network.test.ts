// What Deno's sockets add to the contract, in Deno.

import { runIn } from "../run-in.ts";

await runIn({ suite: "deno", runtime: "deno", adapter: "deno", atLeast: 10 });
