// The contract suite on the system's sockets, for the runtime that runs this file: `deno run contract-program.ts deno`.
// Prints one line of JSON for the runtime, then one for each test. No test framework: vitest would hide the runtime.

import process from "node:process";
import type { Network } from "../../src/core/net/index.ts";
import { collect } from "../contract/runner.ts";
import { type ContractOptions, contractSuite } from "../contract/suite.ts";
import { openSockets } from "./open-sockets.ts";

const [adapter, silent] = process.argv.slice(2);
const network: Network =
  adapter === "deno"
    ? (await import("../../src/adapters/deno/index.ts")).denoNetwork
    : (await import("../../src/adapters/node/index.ts")).nodeNetwork;

const collected = collect();
contractSuite(
  { name: `${adapter} adapter`, open, ...JSON.parse(process.env["CONTRACT"] ?? "{}") },
  collected.runner,
);
const { Bun, Deno } = globalThis as { Bun?: { version: string }; Deno?: { version: { deno: string } } };
const runtime = Bun
  ? `bun ${Bun.version}`
  : Deno
    ? `deno ${Deno.version.deno}`
    : `node ${process.versions.node}`;
console.log(JSON.stringify({ runtime }));
await collected.run((outcome) => console.log(JSON.stringify(outcome)));

async function open(): ReturnType<ContractOptions["open"]> {
  return {
    client: network,
    server: network,
    bindAddr: "127.0.0.1:0",
    silentAddr: `127.0.0.1:${silent}`,
    ...(openSockets() !== undefined && { openCount: () => openSockets() ?? 0 }),
    close: async () => {},
  };
}
