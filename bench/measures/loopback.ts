// Measurements over loopback: throughput and CPU, ping, ping beside a bulk stream, opening.

import { type ContenderName, contenderNames } from "../contenders/contender.ts";
import type { Field, Lane } from "../field.ts";
import type { Direction } from "../roles/client.ts";
import { everyRound, type Figures, type Measure, wait } from "./measure.ts";

export const throughput: readonly Measure[] = [
  transfer("download", "down", 1),
  transfer("upload", "up", 1),
  transfer("download-100", "down", 100),
  transfer("upload-100", "up", 100),
];

function transfer(
  name: "download" | "upload" | "download-100" | "upload-100",
  direction: Direction,
  streams: number,
): Measure {
  return {
    name,
    contenders: contenderNames,
    takesPart: everyRound,
    async run(field, contender, seconds) {
      const lane = await field.lane(contender);
      const bytes = await bytesFor(field, lane, `${contender} ${name}`, direction, streams, seconds);
      const before = await usage(lane);
      const took = await lane.client.call("transfer", direction, bytes, streams);
      const after = await usage(lane);
      field.pace.set(`${contender} ${name}`, bytes / took.seconds);
      const rate = bytes / 1e6 / took.seconds;
      if (name === "download-100" || name === "upload-100") return { [name]: rate };
      const figures: Figures = {
        [name]: rate,
        [`${name}-client-cpu` as const]: (after.client - before.client) / (bytes / 1e9),
      };
      if (lane.relay === null) return figures;
      return { ...figures, [`${name}-relay-cpu` as const]: (after.relay - before.relay) / (bytes / 1e9) };
    },
  };
}

/** As many bytes as take about `seconds`, judged by the last time, at first by a warm-up. */
async function bytesFor(
  field: Field,
  lane: Lane,
  key: string,
  direction: Direction,
  streams: number,
  seconds: number,
): Promise<number> {
  let pace = field.pace.get(key);
  if (pace === undefined) {
    const end = performance.now() + WARM_UP_SECONDS * 1_000;
    do {
      const took = await lane.client.call("transfer", direction, WARM_UP_BYTES, streams);
      pace = WARM_UP_BYTES / took.seconds;
    } while (performance.now() < end);
  }
  return Math.ceil((pace as number) * seconds);
}

/** Until the compiler has seen enough of it. */
const WARM_UP_SECONDS = 1.5;
const WARM_UP_BYTES = 32e6;

async function usage(lane: Lane): Promise<{ readonly client: number; readonly relay: number }> {
  const client = (await lane.client.call("usage")).cpuSeconds;
  const relay = (await lane.relay?.call("usage"))?.cpuSeconds ?? 0;
  return { client, relay };
}

export const ping: Measure = {
  name: "ping",
  contenders: contenderNames,
  takesPart: everyRound,
  async run(field, contender, seconds) {
    const { client } = await field.lane(contender);
    await warmUp(field, contender, "ping", (time) => client.call("ping", time));
    const { p50, p99 } = await client.call("ping", seconds);
    return { "ping-p50": p50, "ping-p99": p99 };
  },
};

/** The first time until the compiler has seen enough of it, then for a moment. */
async function warmUp(
  field: Field,
  contender: ContenderName,
  what: string,
  run: (seconds: number) => Promise<unknown>,
): Promise<void> {
  await run(field.isWarm(`${contender} ${what}`) ? 0.1 : WARM_UP_SECONDS);
}

/** Pipe's bulk stream has a WebSocket of its own: it is here for the comparison alone. */
export const besideBulk: Measure = {
  name: "beside-bulk",
  contenders: ["pipe", "mux", "tunnel"],
  takesPart: everyRound,
  async run(field, contender, seconds) {
    const { client } = await field.lane(contender);
    await client.call("startBulk", "down");
    await wait(0.5);
    const before = (await client.call("bulkBytes")).bytes;
    const began = performance.now();
    const { p50, p99 } = await client.call("ping", 2 * seconds);
    const bytes = (await client.call("bulkBytes")).bytes - before;
    const rate = bytes / 1e3 / (performance.now() - began);
    await client.call("stopBulk");
    await wait(0.2);
    if (bytes === 0) throw new Error("The bulk stream stood still");
    return { "beside-p50": p50 / 1e3, "beside-p99": p99 / 1e3, "beside-bulk": rate };
  },
};

export const opening: readonly Measure[] = [openingAtOnce("opening", 1), openingAtOnce("opening-64", 64)];

function openingAtOnce(name: "opening" | "opening-64", atOnce: number): Measure {
  return {
    name,
    contenders: contenderNames,
    takesPart: everyRound,
    async run(field, contender: ContenderName, seconds) {
      const { client } = await field.lane(contender);
      await warmUp(field, contender, "opening", (time) => client.call("opening", time, 64));
      const { perSecond } = await client.call("opening", seconds, atOnce);
      return { [name]: perSecond };
    },
  };
}
