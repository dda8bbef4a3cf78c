// Links that are cut after exactly so many bytes: in the middle of an exchange, of a handshake, of a resume, and again
// before the last cut has healed.
import { afterEach, describe, expect, test } from "vitest";
import { NetError } from "../../src/core/net/index.ts";
import { exchange } from "./exchange.ts";
import { chosen } from "./full.ts";
import type { ProxiedConnection } from "./proxied-connection.ts";
import { FaultWorld } from "./world.ts";

let world: FaultWorld;
afterEach(() => world.end());

const MIB = 1 << 20;
/** HTTP, challenge, hello and welcome are fewer bytes than this. */
const HANDSHAKE = 2_000;

/** Says after how many bytes the first, the second, ... connection is cut; the ones after them live. */
function cutting(...after: number[]): (connection: ProxiedConnection) => void {
  return (connection) => {
    const count = after[connection.index];
    if (count !== undefined) connection.cutAfter(count);
  };
}

describe("A link that is cut", () => {
  test("after every so many bytes of an exchange of 1 MiB costs no byte", async () => {
    world = await FaultWorld.start();
    // Primes, so that every place within a frame and a segment is met.
    const step = chosen(104_729, 1_009);
    let cuts = 0;
    for (let after = HANDSHAKE; after < 2 * MIB; after += step) {
      const first = world.proxy.taken;
      world.proxy.onConnection = (connection) => {
        if (connection.index === first) connection.cutAfter(after, () => void cuts++);
      };
      const tunnel = await world.tunnel();
      await exchange(tunnel, world.server, { streams: 1, bytes: MIB });
      await tunnel.close();
    }
    expect(cuts).toBeGreaterThan(chosen(15, 1_500));
    expect(world.server.failures).toBe(0);
  });

  test("at any byte of the first handshake fails the opening with a code, and leaves nothing", async () => {
    // Each is a failed handshake of this address, and they are limited.
    world = await FaultWorld.start({ relay: { limits: { failuresPerMinute: 10_000 } } });
    const step = chosen(61, 1);
    for (let after = 0; after < 900; after += step) {
      world.proxy.onConnection = (connection) => connection.cutAfter(after);
      const outcome = await world.tunnel().then(
        async (tunnel) => {
          // Just after `welcome`: it is open, and comes back.
          world.proxy.onConnection = undefined;
          await tunnel.close();
          return "open";
        },
        (error: unknown) => (NetError.is(error) ? error.code : String(error)),
      );
      expect(["ECONNREFUSED", "ECONNRESET", "open"], `after ${after} bytes`).toContain(outcome);
    }
    world.proxy.onConnection = undefined;
  });

  test("at any byte of a resume comes back all the same", async () => {
    world = await FaultWorld.start();
    const tunnel = await world.tunnel();
    const step = chosen(127, 7);
    for (let after = 0; after < HANDSHAKE; after += step) {
      const next = world.proxy.taken;
      world.proxy.onConnection = (connection) => {
        if (connection.index === next) connection.cutAfter(after);
      };
      world.proxy.cut();
      await exchange(tunnel, world.server, { streams: 1, bytes: 10_000 });
    }
    expect(world.relay.counters.sessionsOpened).toBe(1);
  });

  test("twice and three times in a row, within a round trip, comes back", async () => {
    world = await FaultWorld.start({
      proxy: { delay: 5, onConnection: cutting(200_000, 1_500, 700, 2_500, 0, 10, 100_000) },
    });
    const tunnel = await world.tunnel();
    await exchange(tunnel, world.server, { streams: 3, bytes: MIB });
    expect(world.proxy.taken).toBe(8);
    expect(world.server.failures).toBe(0);
  });
});
