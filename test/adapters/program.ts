// Runs a suite on the system's sockets, for the runtime that runs this file: `deno run program.ts contract deno`.
// Prints one line of JSON for the runtime, then one for each test. No test framework: vitest would hide the runtime.

import process from "node:process";
import type { Network } from "../../src/core/net/index.ts";
import { type Collected, collect } from "../contract/runner.ts";
import { stacksOverLinks } from "../contract/stack-links.ts";
import { type ContractOptions, contractSuite } from "../contract/suite.ts";
import { linkSuite } from "./link-suite.ts";
import { openSockets } from "./open-sockets.ts";
import { refusals } from "./refusals.ts";

const [suite = "", adapter = "", silent = ""] = process.argv.slice(2);
const collected = collect();
if (suite === "contract") await declareContract(collected);
else if (suite === "links") await declareLinks(collected);
else if (suite === "stacks") await declareStacks(collected);
else if (suite === "duplex") await declareDuplex(collected);
else if (suite === "deno") (await import("./deno/deno-suite.ts")).denoSuite(collected.runner);
else throw new Error(`There is no suite named "${suite}"`);

const { Bun, Deno } = globalThis as { Bun?: { version: string }; Deno?: { version: { deno: string } } };
const runtime = Bun
  ? `bun ${Bun.version}`
  : Deno
    ? `deno ${Deno.version.deno}`
    : `node ${process.versions.node}`;
console.log(JSON.stringify({ runtime }));
await collected.run((outcome) => console.log(JSON.stringify(outcome)));

async function declareContract({ runner }: Collected): Promise<void> {
  const network: Network =
    adapter === "deno"
      ? (await import("../../src/adapters/deno/index.ts")).denoNetwork
      : (await import("../../src/adapters/node/index.ts")).nodeNetwork;
  const options: Partial<ContractOptions> = JSON.parse(process.env["CONTRACT"] ?? "{}");
  const open: ContractOptions["open"] = async () => ({
    client: network,
    server: network,
    bindAddr: "127.0.0.1:0",
    silentAddr: `127.0.0.1:${silent}`,
    ...(openSockets() !== undefined && { openCount: () => openSockets() ?? 0 }),
    close: async () => {},
  });
  contractSuite({ name: `${adapter} adapter`, open, ...options }, runner);
  refusals(`${adapter} adapter`, network, runner);
}

async function declareDuplex({ runner }: Collected): Promise<void> {
  const { nodeNetwork } = await import("../../src/adapters/node/index.ts");
  (await import("./node/duplex-suite.ts")).duplexSuite(() => nodeNetwork, runner);
}

async function declareStacks({ runner }: Collected): Promise<void> {
  if (adapter === "deno") {
    const { denoDialer, denoLinkListener } = await import("../../src/adapters/deno/index.ts");
    const links = { name: "Deno.connect", dialer: denoDialer, listen: denoLinkListener };
    contractSuite(stacksOverLinks(links), runner);
  } else {
    const { nodeDialer, nodeLinkListener } = await import("../../src/adapters/node/index.ts");
    const links = { name: "node:net", dialer: nodeDialer, listen: nodeLinkListener };
    contractSuite(stacksOverLinks(links), runner);
  }
}

async function declareLinks({ runner }: Collected): Promise<void> {
  const openCount = openSockets() === undefined ? undefined : () => openSockets() ?? 0;
  if (adapter === "deno") {
    const { denoDialer, denoLinkListener } = await import("../../src/adapters/deno/index.ts");
    linkSuite(
      { name: "links of the deno adapter", dialer: denoDialer, listen: denoLinkListener, openCount },
      runner,
    );
  } else {
    const { nodeDialer, nodeLinkListener } = await import("../../src/adapters/node/index.ts");
    linkSuite(
      { name: "links of the node adapter", dialer: nodeDialer, listen: nodeLinkListener, openCount },
      runner,
    );
  }
}
