// Links over Deno.connect and Deno.listen, in Deno.

import { runIn } from "../run-in.ts";

await runIn({ suite: "links", runtime: "deno", adapter: "deno", atLeast: 12 });
