// The contract through tunnels for the runtime that runs this file: its relay, its own WebSocket, real TCP by node:net.
// Prints one line of JSON for the runtime, then one for each test. No test framework: vitest would hide the runtime.
import process from "node:process";
import { webSocketDialer } from "../../src/adapters/websocket/index.ts";
import type { RelayOptions } from "../../src/relay/exports.ts";
import { setTunnelDialer } from "../../src/tunnel/default-dialer.ts";
import { collect } from "../contract/runner.ts";
import { contractSuite } from "../contract/suite.ts";
import { type Serve, worlds } from "./worlds.ts";

const silent = Number(process.argv[2]);
const { Bun, Deno } = globalThis as { Bun?: { version: string }; Deno?: { version: { deno: string } } };
setTunnelDialer((urls) => webSocketDialer(urls));
const serve: Serve = Bun
  ? (await import("../../src/relay/index.bun.ts")).Relay.serve
  : (await import("../../src/relay/index.deno.ts")).Relay.serve;
console.log(JSON.stringify({ runtime: Bun ? `bun ${Bun.version}` : `deno ${Deno?.version.deno}` }));
const collected = collect();
for (const world of worlds(serve, async () => ({ port: silent, close: async () => {} }))) {
  contractSuite({ ...world, limits: { ...world.limits, echo: 8 << 20, streams: 200 } }, collected.runner);
}
collected.runner.test("A relay takes no path that no request can name", async () => {
  const options: RelayOptions & { readonly path: string } = { path: "foo" };
  const error = await serve("127.0.0.1:0", options).catch((reason: unknown) => reason);
  if (!(error instanceof TypeError)) throw new Error(`Expected a TypeError, got ${error}`);
});
await collected.run((outcome) => console.log(JSON.stringify(outcome)));
process.exit(0);
