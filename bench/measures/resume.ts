// A WebSocket that is cut under a download: how long the new one takes to bring the first byte, and what is left of the
// rate when it is cut every second.

import { everyThirdRound, type Figures, type Measure, wait } from "./measure.ts";

const ROUND_TRIP = 0.04;
const CUTS = 10;
const LEAST_SECONDS = 4;

export const resume: Measure = {
  name: "resume",
  contenders: ["tunnel"],
  takesPart: everyThirdRound,
  async run(field, contender, seconds) {
    const figures: Figures = {};
    const path = await field.startPath();
    try {
      const options = { targetPort: 0, rate: 1e9, delay: ROUND_TRIP / 2, queue: 1e6 };
      await field.lease(await field.freshLane(contender, options), async ({ client, place }) => {
        const { port } = await path.call("listen", { ...options, targetPort: place.relayPort });
        await client.call("connect", { ...place, relayPort: port });
        const { p50 } = await client.call("ping", 1);
        await client.call("startBulk", "down");
        const times: number[] = [];
        for (let cut = 0; cut < CUTS; cut++) {
          await wait(0.3);
          times.push((await client.call("resume")).milliseconds);
        }
        await client.call("stopBulk");
        times.sort((a, b) => a - b);
        figures["resume-first-byte"] = times[CUTS >> 1];
        figures["resume-excess"] = times[CUTS >> 1] - (2 * p50) / 1e3;
      });
    } finally {
      await path.stop();
    }
    await field.lease(await field.freshLane(contender), async ({ client }) => {
      const moved = async (): Promise<number> => (await client.call("bulkBytes")).bytes;
      await client.call("startBulk", "down");
      await wait(1);
      const time = Math.max(LEAST_SECONDS, 4 * seconds);
      const start = await moved();
      await wait(time);
      const between = await moved();
      const began = performance.now();
      for (let second = 0; second < time; second++) {
        await wait(0.98);
        await client.call("resume");
      }
      const rate = ((await moved()) - between) / ((performance.now() - began) / 1e3);
      figures["resume-goodput"] = rate / ((between - start) / time);
      await client.call("stopBulk");
    });
    return figures;
  },
};
