// Transfers in both directions while the link is killed again and again: no byte is lost, doubled or out of order.
import { afterEach, describe, expect, test } from "vitest";
import { exchange } from "./exchange.ts";
import { chosen } from "./full.ts";
import { FaultWorld } from "./world.ts";

let world: FaultWorld;
afterEach(() => world.end());

const BYTES = chosen(6 << 20, 256 << 20);
const EVERY = chosen(40, 300);

/** Kills the link every so many milliseconds while `work` is under way; how often it did. */
async function killing(work: Promise<void>): Promise<number> {
  let kills = 0;
  const timer = setInterval(() => {
    kills += world.proxy.connections.size;
    world.proxy.cut();
  }, EVERY);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return kills;
}

describe("A transfer both ways, killed every few moments", () => {
  for (const streams of [1, 10, 100]) {
    test(`arrives whole over ${streams === 1 ? "one stream" : `${streams} streams`}`, async () => {
      world = await FaultWorld.start();
      const tunnel = await world.tunnel();
      const kills = await killing(exchange(tunnel, world.server, { streams, bytes: BYTES }));
      expect(kills).toBeGreaterThan(0);
      expect(world.relay.counters.sessionsOpened).toBe(1);
      expect(world.server.failures).toBe(0);
    });
  }

  test("arrives whole at a slow reader", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel();
    const bytes = BYTES / 4;
    await killing(exchange(tunnel, world.server, { streams: 2, bytes, slowReader: 10 }));
    expect(world.server.failures).toBe(0);
  });

  test("arrives whole from a slow writer", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel();
    const bytes = BYTES / 4;
    await killing(exchange(tunnel, world.server, { streams: 2, bytes, slowWriter: 10 }));
    expect(world.server.failures).toBe(0);
  });

  test("arrives whole over two links that are killed in turn", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel({ links: 2 });
    const timer = setInterval(() => [...world.proxy.connections][0]?.cut(), EVERY);
    let outages = 0;
    tunnel.addEventListener("detached", () => void outages++);
    await exchange(tunnel, world.server, { streams: 10, bytes: BYTES });
    clearInterval(timer);
    expect(world.server.failures).toBe(0);
  });

  test("arrives whole while the tunnel roams", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel();
    let outages = 0;
    tunnel.addEventListener("detached", () => void outages++);
    let isOver = false;
    const roaming = (async () => {
      while (!isOver) {
        await tunnel.roam();
        await new Promise((resolve) => setTimeout(resolve, EVERY));
      }
    })();
    await exchange(tunnel, world.server, { streams: 10, bytes: BYTES });
    isOver = true;
    await roaming;
    expect(world.proxy.taken).toBeGreaterThan(2);
    // The new link is there before the old one goes.
    expect(outages).toBe(0);
    expect(world.server.failures).toBe(0);
  });
});
