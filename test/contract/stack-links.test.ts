// The contract on two stacks over a link of node:net in Node and Bun, and of Deno.connect in Deno.

import { nodeDialer, nodeLinkListener } from "../../src/adapters/node/index.ts";
import { runIn } from "../adapters/run-in.ts";
import { stacksOverLinks } from "./stack-links.ts";
import { runContract } from "./vitest-runner.ts";

runContract(stacksOverLinks({ name: "node:net", dialer: nodeDialer, listen: nodeLinkListener }));
await runIn({ suite: "stacks", runtime: "bun", adapter: "node", atLeast: 110 });
await runIn({ suite: "stacks", runtime: "deno", adapter: "deno", atLeast: 110 });
