// Exchanges that are cut after exactly so many bytes.
//
// Every place in an exchange of 1 MiB is met, though not each by a run of its own. A WebSocket's message that did not
// arrive whole is never delivered, and of a link without WebSockets a frame is not: so cuts in the same message are the
// same event to both ends. cuts.test.ts cuts at the end of every message of either way, a byte before and a byte after
// it, resume included, and at every byte of a handshake. Here it is every single byte of a stretch that holds whole
// messages of every kind in both directions, which is that claim itself; and steps of a prime through all of 1 MiB. Over
// bare TCP the places lie inside frames.
import { afterEach, describe, expect, test } from "vitest";
import { nodeDialer, nodeLinkListener } from "../../src/adapters/node/index.ts";
import { Tunnel } from "../relay/testbed.ts";
import { exchange } from "./exchange.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { chosen } from "./full.ts";
import { FaultWorld } from "./world.ts";

let world: FaultWorld;
afterEach(() => world.end());

const MIB = 1 << 20;
/** Each way of a small exchange: cut at every byte of it. */
const SMALL = 32 << 10;
/** So often a link is dialled again at once; then with pauses. */
const AT_ONCE = 16;

/**
 * Exchanges of `bytes` each way, cut after `from`, then `step` more, ... bytes of both ways below `end`, several at once.
 * Each tunnel has a proxy of its own and so knows its connection. How many there were, and how many of them were cut.
 */
async function cutAll(
  carrier: "a WebSocket" | "bare TCP",
  lanes: number,
  cut: { readonly from: number; readonly end: number; readonly step: number; readonly bytes: number },
): Promise<{ exchanges: number; cuts: number; tunnels: number }> {
  const listener =
    carrier === "bare TCP" ? await nodeLinkListener("127.0.0.1:0", (link) => world.relay.accept(link)) : null;
  if (listener !== null) world.bed.onClose(() => listener.close());
  const counts = { exchanges: 0, cuts: 0, tunnels: 0 };
  let next = cut.from;
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

describe("An exchange whose link is cut", () => {
  describe.each(["a WebSocket", "bare TCP"] as const)("over %s", (carrier) => {
    test.each([
      [
        "at every byte of the first half of a small one",
        { from: 0, end: SMALL, step: chosen(1_021, 1), bytes: SMALL },
      ],
      [
        "at every byte of its second half",
        { from: SMALL, end: 2 * SMALL, step: chosen(1_021, 1), bytes: SMALL },
      ],
      [
        "in steps of a prime through 1 MiB",
        { from: 0, end: 2 * MIB, step: chosen(104_729, 509), bytes: MIB },
      ],
    ])("%s costs no byte", async (_what, cut) => {
      world = await FaultWorld.start();
      const { exchanges, cuts, tunnels } = await cutAll(carrier, 4, cut);
      expect(exchanges).toBe(Math.ceil((cut.end - cut.from) / cut.step));
      expect(cuts).toBe(exchanges);
      expect(world.relay.counters.sessionsOpened).toBe(tunnels);
      expect(world.server.failures).toBe(0);
    });
  });
});
