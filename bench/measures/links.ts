// Two links in one session beside one: over paths that give each connection 20 Mbit/s, and over paths on which each
// connection stands still now and then. Every byte that is counted was checked, and none is sent twice for a stall.

import type { Field } from "../field.ts";
import type { PathOptions } from "../roles/path.ts";
import { everyThirdRound, type Figures, type Measure, wait } from "./measure.ts";

const RATE = 20e6;
const DELAY = 0.02;
const QUEUE = 100_000;
const SETTLE_SECONDS = 1;
const LEAST_SECONDS = 4;

export const links: Measure = {
  name: "links",
  contenders: ["tunnel"],
  takesPart: everyThirdRound,
  async run(field, _contender, seconds) {
    const figures: Figures = {};
    const slow = { targetPort: 0, rate: RATE, delay: DELAY, queue: QUEUE };
    const stall = { every: 1, duration: 0.2 };
    for (const count of [1, 2] as const) {
      figures[`links-slow-${count}`] = await goodput(field, slow, count, seconds);
      figures[`links-stall-${count}`] = await goodput(field, { ...slow, stall }, count, seconds);
    }
    return figures;
  },
};

/** Of a download, MB/s. */
async function goodput(field: Field, options: PathOptions, count: number, seconds: number): Promise<number> {
  const path = await field.startPath();
  try {
    return await field.lease(await field.freshLane("tunnel", options), async ({ client, place }) => {
      const { port } = await path.call("listen", { ...options, targetPort: place.relayPort });
      await client.call("connect", { ...place, relayPort: port, links: count });
      await client.call("startBulk", "down");
      await wait(SETTLE_SECONDS);
      const before = (await client.call("bulkBytes")).bytes;
      const began = performance.now();
      await wait(Math.max(LEAST_SECONDS, 4 * seconds));
      const bytes = (await client.call("bulkBytes")).bytes - before;
      const rate = bytes / 1e3 / (performance.now() - began);
      await client.call("stopBulk");
      return rate;
    });
  } finally {
    await path.stop();
  }
}
