// Clients of Deno and Bun, and links without WebSockets: killed again and again, nothing is lost.
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { nodeDialer, nodeLinkListener } from "../../src/adapters/node/index.ts";
import { bun, deno, rootFolder, run } from "../runtimes/index.ts";
import { check, exchange, type Moved } from "./exchange.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { chosen } from "./full.ts";
import { FaultWorld } from "./world.ts";

let world: FaultWorld;
afterEach(() => world.end());

const BYTES = chosen(8 << 20, 64 << 20);
const EVERY = chosen(40, 300);

/** A proxy before a port at which the relay takes bare TCP links. */
async function bareLinks(): Promise<FaultProxy> {
  const listener = await nodeLinkListener("127.0.0.1:0", (link) => world.relay.accept(link));
  world.bed.onClose(() => listener.close());
  const proxy = await FaultProxy.start(listener.localAddr.port);
  world.bed.onClose(() => proxy.close());
  return proxy;
}

async function killing<Result>(proxy: FaultProxy, work: Promise<Result>): Promise<Result> {
  // Not the opening: without a session there is nothing to come back to.
  const timer = setInterval(() => {
    if (world.server.open > 0) proxy.cut();
  }, EVERY);
  return work.finally(() => clearInterval(timer));
}

test("a tunnel over node:net resumes as one over WebSockets does", async () => {
  world = await FaultWorld.start();
  const proxy = await bareLinks();
  const { Tunnel } = await import("../relay/testbed.ts");
  const tunnel = await Tunnel.open(nodeDialer(`127.0.0.1:${proxy.port}`));
  world.bed.onClose(() => tunnel.close());
  await killing(proxy, exchange(tunnel, world.server, { streams: 5, bytes: BYTES }));
  expect(proxy.taken).toBeGreaterThan(1);
  expect(world.relay.counters.sessionsOpened).toBe(1);
  expect(world.server.failures).toBe(0);
});

runIn("deno", deno(), ["run", "--allow-all", "--no-lock", "--quiet"], ["websocket", "deno"]);
runIn("bun", bun(), ["run"], ["websocket", "node"]);

function runIn(
  runtime: string,
  program: ReturnType<typeof deno>,
  flags: readonly string[],
  carriers: readonly string[],
): void {
  describe(`a tunnel in ${runtime}`, () => {
    for (const carrier of carriers) {
      if ("notRun" in program) {
        test.skip(`over ${carrier} (not run: ${program.notRun})`, () => {});
        continue;
      }
      test(
        `over ${carrier} whose link is killed again and again loses nothing`,
        async () => {
          world = await FaultWorld.start();
          const proxy = carrier === "websocket" ? world.proxy : await bareLinks();
          const place = carrier === "websocket" ? proxy.url : `127.0.0.1:${proxy.port}`;
          const file = join(rootFolder, "test", "faults", "client-program.ts");
          const parameters = [...flags, file, carrier, place, world.server.addr, String(BYTES)];
          const options = { env: { DENO_NO_UPDATE_CHECK: "1" }, timeout: chosen(60_000, 600_000) };
          const outcome = await killing(proxy, run(program.path, parameters, options));
          expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
          const line = outcome.stdout.split("\n").find((text) => text.startsWith("{")) ?? "";
          const { outages, moved } = JSON.parse(line) as { outages: number; moved: Moved[] };
          expect(moved).toHaveLength(5);
          for (const stream of moved) check(world.server, stream);
          expect(outages).toBeGreaterThan(0);
          expect(world.relay.counters.sessionsOpened).toBe(1);
        },
        chosen(70_000, 700_000),
      );
    }
  });
}
