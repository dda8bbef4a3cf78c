// An interactive stream beside a bulk one on the same WebSocket, over a path of 20 Mbit/s and 40 ms: where the queue
// is shows here. Pipe's two streams share nothing but the path, so its proxy gives each a path of its own.

import type { Lane } from "../field.ts";
import type { Direction } from "../roles/client.ts";
import { everyThirdRound, type Figures, type Measure, wait } from "./measure.ts";

const RATE = 20e6;
const DELAY = 0.02;
/** The bottleneck's own queue: about a bandwidth-delay product, and the kernels' buffers before it. */
const QUEUE = 100_000;
/** Payload of full packets, bytes in a second. */
const CAPACITY: number = (RATE / 8) * (1_448 / 1_500);
const SETTLE_SECONDS = 2;
const LEAST_SECONDS = 3;

export const slowPath: Measure = {
  name: "path",
  contenders: ["pipe", "mux", "tunnel"],
  takesPart: everyThirdRound,
  async run(field, contender, seconds) {
    const figures: Figures = {};
    for (const direction of ["down", "up"] as const) {
      const path = await field.startPath();
      try {
        const options = { rate: RATE, delay: DELAY, queue: QUEUE };
        await field.lease(await field.freshLane(contender, { ...options, targetPort: 0 }), async (lane) => {
          const { port } = await path.call("listen", { ...options, targetPort: lane.place.relayPort });
          await lane.client.call("connect", { ...lane.place, relayPort: port });
          const taken = async (): Promise<number> => (await field.server.call("taken")).bytes;
          Object.assign(figures, await beside(lane, direction, Math.max(LEAST_SECONDS, 4 * seconds), taken));
        });
      } finally {
        await path.stop();
      }
    }
    return figures;
  },
};

async function beside(
  { client }: Lane,
  direction: Direction,
  seconds: number,
  taken: () => Promise<number>,
): Promise<Figures> {
  const moved = async (): Promise<number> =>
    direction === "down" ? (await client.call("bulkBytes")).bytes : taken();
  const idle = await client.call("ping", 1);
  await client.call("startBulk", direction);
  await wait(SETTLE_SECONDS);
  const before = await moved();
  const began = performance.now();
  const { p50, p99 } = await client.call("ping", seconds);
  const bytes = (await moved()) - before;
  const rate = bytes / ((performance.now() - began) / 1e3);
  await client.call("stopBulk");
  return {
    "path-idle": idle.p50 / 1e3,
    [`path-${direction}-p50` as const]: p50 / 1e3,
    [`path-${direction}-p99` as const]: p99 / 1e3,
    [`path-${direction}-excess` as const]: (p99 - idle.p50) / 1e3,
    [`path-${direction}-bulk` as const]: (100 * rate) / CAPACITY,
  };
}
