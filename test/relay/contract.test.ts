// The contract of streams and listeners through tunnels, in Node.
import { Relay } from "../../src/relay/index.node.ts";
import { silentPort } from "../adapters/silent-port.ts";
import { runContract } from "../contract/vitest-runner.ts";
import "./testbed.ts";
import { worlds } from "./worlds.ts";

for (const world of worlds(Relay.serve, silentPort)) runContract(world);
