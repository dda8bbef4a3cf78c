// What many idle connections cost: memory at both ends, timers of the runtime, processor time. Two stacks in one process,
// on a route with timers of its own (keepalive on), as between a server and its clients over raw IP.

import { everyThirdRound, type Figures, type Measure } from "./measure.ts";

/** Connections before the first reading, so that tables and pools are there; and those that are counted. */
const BEFORE = 500;
const COUNTED = 50_000;
/** To one port of one host a client has 16,384 ports of its own. */
const AT_A_PORT = 12_500;

export const idle: Measure = {
  name: "idle",
  contenders: ["tunnel"],
  takesPart: everyThirdRound,
  async run(field): Promise<Figures> {
    const worker = await field.startPair();
    try {
      await worker.call("open", "idle");
      await worker.call("hold", BEFORE);
      const before = await worker.call("memory");
      for (let held = 0; held < COUNTED; held += AT_A_PORT) await worker.call("hold", AT_A_PORT);
      const after = await worker.call("memory");
      const { cpuSeconds, timers } = await worker.call("rest", 2);
      return {
        "idle-memory": (after.held - before.held) / 1024 / COUNTED / 2,
        "idle-timers": timers,
        "idle-cpu": cpuSeconds * 1e3,
      };
    } finally {
      await worker.stop();
    }
  },
};
