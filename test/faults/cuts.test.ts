// Links that are cut after exactly so many bytes: in the middle of an exchange, of a handshake, of a resume, and again
// before the last cut has healed.
//
// Every place in an exchange of 1 MiB is met, though not each by a run of its own. A WebSocket's message that did not
// arrive whole is never delivered, and of a link without WebSockets a frame is not: so cuts in the same message are the
// same event to both ends. Tests below cut at the end of every message of either way, one byte before it and one byte
// after; then at every single byte of a stretch that holds whole messages of every kind, handshake included, which
// is the claim itself; and in steps of primes over all of it.
import { afterEach, describe, expect, test } from "vitest";
import { nodeDialer, nodeLinkListener } from "../../src/adapters/node/index.ts";
import { NetError } from "../../src/core/net/index.ts";
import { Tunnel } from "../relay/testbed.ts";
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
/** Each way of a small exchange: cut at every byte of it. */
const SMALL = 32 << 10;
/** So often a link is dialled again at once; then with pauses. */
const AT_ONCE = 16;

type Carrier = "a WebSocket" | "bare TCP";

/**
 * Exchanges of `bytes` each way, cut after 0, `step`, 2 * `step`, ... bytes of both ways until `end`, several at once. Each
 * tunnel has a proxy of its own and so knows its connection. How many there were, and how many of them were cut.
 */
async function cutAll(
  carrier: Carrier,
  lanes: number,
  cut: { readonly step: number; readonly end: number; readonly bytes: number },
): Promise<{ exchanges: number; cuts: number; tunnels: number }> {
  const listener =
    carrier === "bare TCP" ? await nodeLinkListener("127.0.0.1:0", (link) => world.relay.accept(link)) : null;
  if (listener !== null) world.bed.onClose(() => listener.close());
  const counts = { exchanges: 0, cuts: 0, tunnels: 0 };
  let next = 0;
  const lane = async (): Promise<void> => {
    const proxy = await FaultProxy.start(listener?.localAddr.port ?? world.relay.url);
    world.bed.onClose(() => proxy.close());
    const target = listener === null ? proxy.url : nodeDialer(`127.0.0.1:${proxy.port}`);
    while (next < cut.end) {
      const tunnel = await Tunnel.open(target);
      counts.tunnels++;
      try {
        for (let turn = 0; turn < AT_ONCE && next < cut.end; turn++) {
          proxy.newest?.cutAfter(next, () => void counts.cuts++);
          next += cut.step;
          counts.exchanges++;
          await exchange(tunnel, world.server, { streams: 1, bytes: cut.bytes });
        }
      } finally {
        await tunnel.close();
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return counts;
}

/** Says after how many bytes the first, the second, ... connection is cut; the ones after them live. */
function cutting(...after: number[]): (connection: ProxiedConnection) => void {
  return (connection) => {
    const count = after[connection.index];
    if (count !== undefined) connection.cutAfter(count);
  };
}

describe("A link that is cut", () => {
  test.each([
    ["at every byte of a small exchange", "a WebSocket", { step: chosen(1_021, 1), bytes: SMALL }],
    ["at every byte of a small exchange", "bare TCP", { step: chosen(1_021, 1), bytes: SMALL }],
    [
      "in steps of a prime through an exchange of 1 MiB",
      "a WebSocket",
      { step: chosen(104_729, 509), bytes: MIB },
    ],
    [
      "in steps of a prime through an exchange of 1 MiB",
      "bare TCP",
      { step: chosen(104_729, 509), bytes: MIB },
    ],
  ] as const)("%s over %s costs no byte", async (_what, carrier, { step, bytes }) => {
    world = await FaultWorld.start();
    const { exchanges, cuts, tunnels } = await cutAll(carrier, 4, { step, bytes, end: 2 * bytes });
    expect(exchanges).toBe(Math.ceil((2 * bytes) / step));
    expect(cuts).toBe(exchanges);
    expect(world.relay.counters.sessionsOpened).toBe(tunnels);
    expect(world.server.failures).toBe(0);
  });

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
    world = await FaultWorld.start();
    const tunnel = await world.tunnel();
    const step = chosen(127, 1);
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
