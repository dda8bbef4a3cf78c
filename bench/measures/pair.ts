// Two stacks in one process. It has no contender but itself; it stands in tunnel's column.

import type { Field } from "../field.ts";
import type { PairKind } from "../roles/pair.ts";
import { everyRound, type Figures, type Measure } from "./measure.ts";

const CONNECTIONS = 1_000;

export const pair: Measure = {
  name: "pair",
  contenders: ["tunnel"],
  takesPart: everyRound,
  async run(field, _contender, seconds) {
    return {
      ...(await throughputOf(field, "small", seconds)),
      ...(await throughputOf(field, "large", seconds)),
      ...(await memoryOf(field)),
    };
  },
};

async function throughputOf(field: Field, kind: PairKind, seconds: number): Promise<Figures> {
  const worker = await field.startPair();
  try {
    await worker.call("open", kind);
    const move = async (streams: number): Promise<{ rate: number; cpu: number }> => {
      const { seconds: warmUp } = await worker.call("transfer", 64e6, streams);
      const bytes = Math.ceil((64e6 / warmUp) * seconds);
      const before = await worker.call("usage");
      const took = await worker.call("transfer", bytes, streams);
      const after = await worker.call("usage");
      return {
        rate: bytes / 1e6 / took.seconds,
        cpu: (after.cpuSeconds - before.cpuSeconds) / (bytes / 1e9),
      };
    };
    await worker.call("transfer", 64e6, 1);
    const one = await move(1);
    const hundred = await move(100);
    const figures: Figures = {
      [`pair-${kind}` as const]: one.rate,
      [`pair-${kind}-cpu` as const]: one.cpu,
      [`pair-${kind}-100` as const]: hundred.rate,
    };
    if (kind === "large") return figures;
    await worker.call("ping", 0.2);
    const { p50, p99 } = await worker.call("ping", seconds);
    await worker.call("opening", 0.2, 1);
    const opening = await worker.call("opening", seconds, 1);
    const opening64 = await worker.call("opening", seconds, 64);
    return {
      ...figures,
      "pair-ping-p50": p50,
      "pair-ping-p99": p99,
      "pair-opening": opening.perSecond,
      "pair-opening-64": opening64.perSecond,
    };
  } finally {
    await worker.stop();
  }
}

async function memoryOf(field: Field): Promise<Figures> {
  const worker = await field.startPair();
  try {
    await worker.call("open", "large");
    await worker.call("hold", 100);
    const before = await worker.call("memory");
    await worker.call("hold", CONNECTIONS);
    const after = await worker.call("memory");
    return { "pair-memory": (after.held - before.held) / 1024 / CONNECTIONS / 2 };
  } finally {
    await worker.stop();
  }
}
