// Two stacks without driver and streams. Like pair it has no contender but itself, and stands in tunnel's column.

import { median } from "../statistics.ts";
import { everyRound, type Measure } from "./measure.ts";

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
    const worker = await field.startCore();
    try {
      const transfer = await worker.call("transfer", seconds);
      await worker.call("ping", WARM_UP);
      const { p50, p99 } = await worker.call("ping", seconds);
      await worker.call("opening", WARM_UP);
      const opening = await worker.call("opening", seconds);
      const { perSegment } = await worker.call("allocation");
      const ack = async (window: number, hasHole: boolean): Promise<number> => {
        const times: number[] = [];
        for (let bytes = 0; bytes < ACKNOWLEDGED; bytes += window) {
          times.push((await worker.call("acknowledgment", window, hasHole)).secondsPerAck * 1e9);
        }
        return median(times);
      };
      await ack(64 * MEBIBYTE, false);
      return {
        "core-transfer": transfer.bytesPerSecond / 1e6,
        "core-segment": transfer.secondsPerSegment * 1e6,
        "core-ping-p50": p50,
        "core-ping-p99": p99,
        "core-opening": opening.perSecond,
        "core-allocation": perSegment,
        "core-ack-1": await ack(MEBIBYTE, false),
        "core-ack-8": await ack(8 * MEBIBYTE, false),
        "core-ack-64": await ack(64 * MEBIBYTE, false),
        "core-sack-1": await ack(MEBIBYTE, true),
        "core-sack-4": await ack(4 * MEBIBYTE, true),
      };
    } finally {
      await worker.stop();
    }
  },
};
