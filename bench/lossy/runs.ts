// One transfer, or two side by side, over a fresh path.

import { setTimeout as sleep } from "node:timers/promises";
import type { ControlName } from "./options.ts";
import type { PathReport } from "./roles/emulator.ts";
import type { Arrivals } from "./roles/kernel-end.ts";
import { addresses, type Topology } from "./topology.ts";

/** 100 Mbit/s; 50 ms there and back; a queue of what is then on the way. */
export const RATE = 12_500_000;
const DELAY = 25_000;
const QUEUE = (RATE * 2 * DELAY) / 1_000_000;
const PORT = 9_000;

export interface RunSettings {
  readonly control: ControlName;
  readonly loss: number;
  readonly seed: number;
  readonly seconds: number;
}

export interface FlowFigures {
  /** Mbit/s of payload, from the first byte for the whole time. */
  readonly goodput: number;
  /** Without its first three tenths: when two flows share, who came first matters there. */
  readonly settled: number;
}

export interface RunFigures extends RunSettings {
  readonly kernel: FlowFigures | null;
  readonly stack: (FlowFigures & { readonly retransmits: number; readonly timeouts: number }) | null;
  readonly path: PathReport;
}

export async function run(
  topology: Topology,
  who: readonly ("kernel" | "stack")[],
  settings: RunSettings,
): Promise<RunFigures> {
  const { emulator, source, sink } = topology;
  const { control, loss, seed, seconds } = settings;
  await emulator.call("reset", { seed, rate: RATE, delay: DELAY, queue: QUEUE, loss });
  await sink.call("listen", PORT);
  await topology.setKernelControl(control === "newreno" ? "reno" : control);
  const stack = who.includes("stack") ? await topology.stackEnd() : null;
  try {
    const host = addresses.receiver;
    await Promise.all([
      who.includes("kernel") ? source.call("send", { host, port: PORT, from: addresses.sender }) : null,
      stack?.call("send", { address: addresses.stack, host, port: PORT, congestionControl: control }),
    ]);
    // What was sent at the end takes a while to arrive, and a flow may begin after the other.
    await sleep(seconds * 1_000 + 300);
    const arrivals = await sink.call("arrivals");
    const info = (await stack?.call("info")) ?? null;
    if (info !== null && info.congestionControl !== control) {
      throw new Error(`The stack used ${info.congestionControl} instead of ${control}`);
    }
    return {
      ...settings,
      kernel: figures(arrivals, addresses.sender, seconds),
      stack:
        info === null
          ? null
          : {
              ...figuresOf(arrivals, addresses.stack, seconds),
              retransmits: info.retransmits,
              timeouts: info.timeouts,
            },
      path: await emulator.call("report"),
    };
  } finally {
    await source.call("end");
    await sink.call("end");
    await stack?.stop();
  }
}

function figures(arrivals: readonly Arrivals[], from: string, seconds: number): FlowFigures | null {
  return arrivals.some((arrival) => arrival.from === from) ? figuresOf(arrivals, from, seconds) : null;
}

function figuresOf(arrivals: readonly Arrivals[], from: string, seconds: number): FlowFigures {
  const tenths = arrivals.find((arrival) => arrival.from === from)?.tenths ?? [];
  const end = Math.round(seconds * 10);
  const begin = Math.floor(end * 0.3);
  return {
    goodput: rateOf(tenths.slice(0, end), end),
    settled: rateOf(tenths.slice(begin, end), end - begin),
  };
}

function rateOf(tenths: readonly number[], count: number): number {
  return (tenths.reduce((sum, bytes) => sum + bytes, 0) * 8) / (count / 10) / 1e6;
}
