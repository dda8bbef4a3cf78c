// Two links of one session by two URLs, each a way of its own to the relay: both carry, and either may die for good.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Tunnel } from "../../src/tunnel/index.ts";
import { until } from "../relay/testbed.ts";
import { exchange, sleep } from "./exchange.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { chosen } from "./full.ts";
import { FaultWorld } from "./world.ts";

const BYTES = chosen(3 << 20, 128 << 20);
const EVERY = chosen(40, 300);

let world: FaultWorld;
let ways: readonly [FaultProxy, FaultProxy];
let tunnel: Tunnel;
let outages = 0;

beforeEach(async () => {
  world = await FaultWorld.start();
  const other = await FaultProxy.start(world.relay.url);
  world.bed.onClose(() => other.close());
  ways = [world.proxy, other];
  tunnel = await world.tunnel({ links: 2 }, [world.proxy.url, other.url]);
  outages = 0;
  tunnel.addEventListener("detached", () => void outages++);
  await until("both links are there", () => places().length === 2);
});
afterEach(() => world.end());

/** Where the links lead. */
function places(): string[] {
  return tunnel
    .info()
    .links.map(({ description }) => description)
    .sort();
}

describe("Two links by two URLs", () => {
  test("lead one each, and both carry both directions", async () => {
    expect(places()).toEqual([ways[0].url, ways[1].url].sort());
    await exchange(tunnel, world.server, { streams: 4, bytes: BYTES });
    for (const { newest, taken } of ways) {
      expect(taken).toBe(1);
      expect(newest?.bytes("up")).toBeGreaterThan(BYTES / 16);
      expect(newest?.bytes("down")).toBeGreaterThan(BYTES / 16);
    }
    expect(world.relay.counters).toMatchObject({ sessionsOpened: 1, sessionsDetached: 0 });
  });

  test.each([0, 1] as const)(
    "outlive the death of way %i, and use it again when the other dies",
    async (dead) => {
      const [lost, left] = [ways[dead], ways[1 - dead] as FaultProxy];
      const first = exchange(tunnel, world.server, { streams: 4, bytes: BYTES });
      await sleep(20);
      lost.isUp = false;
      lost.cut();
      await first;
      // The link that was lost comes by the way that is left.
      await until("there are two links again", () => places().length === 2);
      expect(places()).toEqual([left.url, left.url]);
      expect(outages).toBe(0);
      lost.isUp = true;
      const second = exchange(tunnel, world.server, { streams: 4, bytes: BYTES });
      await sleep(20);
      left.isUp = false;
      left.cut();
      await second;
      await until("there are two links again", () => places().length === 2);
      expect(places()).toEqual([lost.url, lost.url]);
      expect(world.relay.counters.sessionsOpened).toBe(1);
      expect(world.server.failures).toBe(0);
    },
  );

  test("lose nothing while both ways are killed, now one and now the other", async () => {
    let kills = 0;
    const timer = setInterval(() => ways[kills++ % 2].cut(), EVERY);
    await exchange(tunnel, world.server, { streams: 10, bytes: BYTES }).finally(() => clearInterval(timer));
    expect(kills).toBeGreaterThan(1);
    expect(world.relay.counters.sessionsOpened).toBe(1);
    expect(world.server.failures).toBe(0);
  });
});
