// toDuplex(): in Node over memory and the system's sockets, and in Bun and Deno.

import { describe, test } from "vitest";
import { nodeNetwork } from "../../../src/adapters/node/index.ts";
import { MemoryNetwork } from "../../core/net/memory-network.ts";
import { runIn } from "../run-in.ts";
import { duplexSuite } from "./duplex-suite.ts";

const runner = {
  test: (name: string, body: () => Promise<void>) => void test(name, body),
  skip: () => {},
  after: () => {},
};

describe("over memory", () => duplexSuite(() => new MemoryNetwork(), runner));
describe("over the system's sockets", () => duplexSuite(() => nodeNetwork, runner));

await runIn({ suite: "duplex", runtime: "bun", adapter: "node", atLeast: 12 });
await runIn({ suite: "duplex", runtime: "deno", adapter: "node", atLeast: 12 });
