// Links that do not die honestly: that stand still, that carry one way alone, that a middlebox closes cleanly, and whose
// last bytes come when their successor is there.
import { afterEach, describe, expect, test, vi } from "vitest";
import { RelaySession } from "../../src/relay/session.ts";
import type { Tunnel } from "../../src/tunnel/index.ts";
import { exchange, sleep } from "./exchange.ts";
import { chosen } from "./full.ts";
import { FaultWorld } from "./world.ts";

let world: FaultWorld;
afterEach(async () => {
  vi.restoreAllMocks();
  await world.end();
});

const BYTES = chosen(4 << 20, 64 << 20);

/** Retransmissions of the tunnel's stack. */
function retransmissions(tunnel: Tunnel): number {
  return tunnel.driver.stack.counters.retransmissions;
}

describe("A link that", () => {
  test("stands still for a while makes neither end send anything twice", async () => {
    const attached = vi.spyOn(RelaySession.prototype, "attach");
    world = await FaultWorld.start();
    const tunnel = await world.tunnel({ links: 2 });
    const stalling = (async () => {
      for (let turn = 0; turn < chosen(3, 20); turn++) {
        const links = [...world.proxy.connections];
        const link = links[turn % links.length];
        link?.stall();
        await sleep(chosen(400, 1_000 + 200 * turn));
        link?.release();
        await sleep(50);
      }
    })();
    await exchange(tunnel, world.server, { streams: 5, bytes: BYTES, slowReader: 20 });
    await stalling;
    expect(retransmissions(tunnel)).toBe(0);
    const contexts = attached.mock.contexts as RelaySession[];
    expect(contexts).toHaveLength(2);
    for (const session of contexts) expect(session.driver.stack.counters.retransmissions).toBe(0);
    expect(world.proxy.taken).toBe(2);
  });

  test("takes what is sent and delivers none of it is replaced when a write has waited long enough", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel({ watch: { writeWait: 1_000 } });
    let resumed = 0;
    tunnel.addEventListener("resumed", () => void resumed++);
    const moving = exchange(tunnel, world.server, { streams: 2, bytes: BYTES });
    await sleep(20);
    world.proxy.newest?.mute("up");
    await moving;
    expect(resumed).toBe(1);
    expect(world.server.failures).toBe(0);
  });

  test("brings nothing any more, though it takes all, is replaced after a time of silence", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel({ watch: { idle: 500, silence: 1_500, writeWait: 10_000 } });
    const moving = exchange(tunnel, world.server, { streams: 2, bytes: BYTES });
    await sleep(20);
    world.proxy.newest?.mute("down");
    await moving;
    expect(world.proxy.taken).toBe(2);
    expect(world.server.failures).toBe(0);
  });

  for (const code of [1000, 1001]) {
    test(`is closed with ${code} by a middlebox was not meant to end: the session goes on`, async () => {
      world = await FaultWorld.start();
      const tunnel = await world.tunnel();
      const closing = (async () => {
        for (let turn = 0; turn < 3; turn++) {
          await sleep(30);
          world.proxy.newest?.closeWebSocket(code);
        }
      })();
      await exchange(tunnel, world.server, { streams: 3, bytes: BYTES });
      await closing;
      expect(world.relay.counters.sessionsOpened).toBe(1);
      expect(world.server.failures).toBe(0);
    });
  }

  test("delivers its last bytes when the next one is there changes nothing with them", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel();
    const moving = exchange(tunnel, world.server, { streams: 3, bytes: BYTES, slowWriter: 2 });
    for (let turn = 0; turn < 3; turn++) {
      await sleep(40);
      const old = world.proxy.newest;
      const taken = world.proxy.taken;
      old?.stall("up");
      await sleep(20);
      old?.dropClient();
      while (world.proxy.taken === taken) await sleep(5);
      await sleep(30);
      old?.release("up");
      await sleep(20);
      old?.cut();
    }
    await moving;
    expect(world.server.failures).toBe(0);
    expect(world.relay.counters.sessionsOpened).toBe(1);
  });
});
