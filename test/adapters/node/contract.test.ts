// The contract of streams and listeners on Node's sockets: in Node, and in Bun and Deno through their node:net.

import process from "node:process";
import { expect, test } from "vitest";
import { nodeNetwork } from "../../../src/adapters/node/index.ts";
import { runContract } from "../../contract/vitest-runner.ts";
import { systemGaps } from "../gaps.ts";
import { openSockets } from "../open-sockets.ts";
import { refusals } from "../refusals.ts";
import { runIn } from "../run-in.ts";
import { silentPort } from "../silent-port.ts";

test("this is Node itself", () => {
  expect(process.versions["bun"]).toBeUndefined();
  expect(process.versions["deno"]).toBeUndefined();
});

runContract({
  name: "node",
  gaps: systemGaps,
  async open() {
    const silent = await silentPort();
    return {
      client: nodeNetwork,
      server: nodeNetwork,
      bindAddr: "127.0.0.1:0",
      silentAddr: `127.0.0.1:${silent.port}`,
      ...(openSockets() !== undefined && { openCount: () => openSockets() ?? 0 }),
      close: silent.close,
    };
  },
});

refusals("node", nodeNetwork, {
  test: (name, body) => void test(name, body),
  skip: (name, reason) => void test.skip(`${name} (not here: ${reason})`, () => {}),
  after: () => {},
});

await runIn({ suite: "contract", runtime: "bun", adapter: "node", gaps: systemGaps, atLeast: 110 });
await runIn({ suite: "contract", runtime: "deno", adapter: "node", gaps: systemGaps, atLeast: 110 });
