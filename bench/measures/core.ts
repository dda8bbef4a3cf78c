// Two stacks without driver and streams. Like pair it has no contender but itself, and stands in tunnel's column.

import type { CoreRole } from "../roles/core.ts";
import type { CommonRole } from "../serving.ts";
import { median } from "../statistics.ts";
import type { Worker } from "../worker.ts";
import { everyRound, type Figures, type Measure } from "./measure.ts";

type Core = Worker<CoreRole & CommonRole>;

const MEBIBYTE = 1 << 20;
/** Seconds until V8 has compiled what is measured then. Opening and closing takes the longest, for it runs everything. */
const WARM_UP = 2;
/** As many ACKs whatever the window, so that all figures are of compiled code. */
const ACKNOWLEDGED = 128 * MEBIBYTE;

export const core: Measure = {
  name: "core",
  contenders: ["tunnel"],
  takesPart: everyRound,
  async run(field, _contender, seconds) {
    // A process for each: what one teaches V8's compiler makes the next slower.
    const alone = async <Result>(measure: (core: Core) => Promise<Result>): Promise<Result> => {
      const worker = await field.startCore();
      try {
        return await measure(worker);
      } finally {
        await worker.stop();
      }
    };
    const transfer = await alone((worker) => worker.call("transfer", seconds));
    const ping = await alone(async (worker) => {
      await worker.call("ping", WARM_UP);
      return worker.call("ping", seconds);
    });
    const opening = await alone(async (worker) => {
      await worker.call("opening", WARM_UP);
      return worker.call("opening", seconds);
    });
    const { perSegment } = await alone((worker) => worker.call("allocation"));
    const acks = await alone(acknowledgments);
    return {
      "core-transfer": transfer.bytesPerSecond / 1e6,
      "core-segment": transfer.secondsPerSegment * 1e6,
      "core-ping-p50": ping.p50,
      "core-ping-p99": ping.p99,
      "core-opening": opening.perSecond,
      "core-allocation": perSegment,
      ...acks,
    };
  },
};

async function acknowledgments(worker: Core): Promise<Figures> {
  const ack = async (window: number, hasHole: boolean): Promise<number> => {
    const times: number[] = [];
    for (let bytes = 0; bytes < ACKNOWLEDGED; bytes += window) {
      times.push((await worker.call("acknowledgment", window, hasHole)).secondsPerAck * 1e9);
    }
    return median(times);
  };
  await ack(64 * MEBIBYTE, false);
  return {
    "core-ack-1": await ack(MEBIBYTE, false),
    "core-ack-8": await ack(8 * MEBIBYTE, false),
    "core-ack-64": await ack(64 * MEBIBYTE, false),
    "core-sack-1": await ack(MEBIBYTE, true),
    "core-sack-4": await ack(4 * MEBIBYTE, true),
  };
}
