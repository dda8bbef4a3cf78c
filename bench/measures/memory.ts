// What an idle stream costs the relay and the client: processes of their own, collections before both readings.

import { contenderNames } from "../contenders/contender.ts";
import type { Lane } from "../field.ts";
import type { Memory } from "../serving.ts";
import { everyThirdRound, type Figures, type Measure } from "./measure.ts";

/** Streams before the first reading, so that tables and pools are there; and those that are counted. */
const BEFORE = 200;
const COUNTED = 2_000;

export const memory: Measure = {
  name: "memory",
  contenders: contenderNames,
  takesPart: everyThirdRound,
  async run(field, contender) {
    return field.lease(await field.freshLane(contender), async (lane) => {
      await lane.client.call("hold", BEFORE);
      const before = await read(lane);
      await lane.client.call("hold", COUNTED);
      const after = await read(lane);
      const figures: Figures = {
        "memory-client": each(before.client, after.client, "held"),
        "memory-client-rss": each(before.client, after.client, "rss"),
      };
      if (before.relay === null || after.relay === null) return figures;
      return {
        ...figures,
        "memory-relay": each(before.relay, after.relay, "held"),
        "memory-relay-rss": each(before.relay, after.relay, "rss"),
      };
    });
  },
};

async function read(lane: Lane): Promise<{ readonly client: Memory; readonly relay: Memory | null }> {
  return { client: await lane.client.call("memory"), relay: (await lane.relay?.call("memory")) ?? null };
}

function each(before: Memory, after: Memory, kind: "held" | "rss"): number {
  return (after[kind] - before[kind]) / 1024 / COUNTED;
}
