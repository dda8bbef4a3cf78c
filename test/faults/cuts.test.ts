// Links that are cut after exactly so many bytes: in the middle of an exchange, of a handshake, of a resume, and again
// before the last cut has healed.
// What these places stand for is in every-byte.test.ts: the end of every message of either way is met here.
import { afterEach, describe, expect, test } from "vitest";
import { NetError } from "../../src/core/net/index.ts";
import { exchange } from "./exchange.ts";
import { FaultProxy } from "./fault-proxy.ts";
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
  test.each(["up", "down"] as const)(
    "at the end of any message that goes %s, of a resume and of an exchange of 1 MiB, or a byte beside it, costs no byte",
    async (way) => {
      world = await FaultWorld.start();
      let frames = 0;
      for (let isThere = true; isThere; frames += chosen(5, 1)) {
        isThere = false;
        const tunnel = await world.tunnel();
        for (const beyond of [-1, 0, 1]) {
          const next = world.proxy.taken;
          world.proxy.onConnection = (connection) => {
            if (connection.index !== next) return;
            connection.cutAtFrame(way, frames, beyond, () => {
              isThere = true;
            });
          };
          world.proxy.cut();
          await exchange(tunnel, world.server, { streams: 1, bytes: MIB });
        }
        await tunnel.close();
      }
      // Its half of the exchange alone takes as many.
      expect(frames).toBeGreaterThan(MIB / (128 << 10));
      expect(world.server.failures).toBe(0);
    },
  );

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
    // Each is a failed handshake of this address, and they are limited.
    world = await FaultWorld.start({ relay: { limits: { failuresPerMinute: 10_000 } } });
    const step = chosen(127, 1);
    let next = 0;
    let tunnels = 0;
    // An attempt that fails is followed by a pause: so several at once, each with a proxy of its own.
    const lane = async (): Promise<void> => {
      const proxy = await FaultProxy.start(world.relay.url);
      world.bed.onClose(() => proxy.close());
      while (next < HANDSHAKE) {
        const tunnel = await world.tunnel({}, proxy.url);
        tunnels++;
        // So often a link that stood is dialled again at once.
        for (let turn = 0; turn < 8 && next < HANDSHAKE; turn++) {
          const [after, taken] = [next, proxy.taken];
          next += step;
          proxy.onConnection = (connection) => {
            if (connection.index === taken) connection.cutAfter(after);
          };
          proxy.cut();
          await exchange(tunnel, world.server, { streams: 1, bytes: 10_000 });
        }
        proxy.onConnection = undefined;
        await tunnel.close();
      }
    };
    await Promise.all(Array.from({ length: chosen(2, 12) }, lane));
    expect(world.relay.counters.sessionsOpened).toBe(tunnels);
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
