// The tables of goodput: which flows on which paths, and what is read off them. Each cell is one run in virtual time,
// so each is the same for the same code; a table that is `short` runs in `npm test`.

import type { PathOptions } from "../../src/core/sim/index.ts";
import type { CongestionControl } from "../../src/core/stack/index.ts";
import { Line, type LineOptions } from "./line.ts";

export interface Table {
  readonly name: string;
  readonly about: string;
  readonly short: boolean;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

interface Row {
  readonly label: string;
  readonly cells: readonly (() => string)[];
}

export const CONTROLLERS: readonly CongestionControl[] = ["cubic", "newreno", "bbr"];
const MBIT = 1_000_000;
const MS = 1_000;
const SECOND = 1_000_000;

const lossTables: readonly Table[] = [10, 50, 200].map((rtt) => ({
  name: `loss-${rtt}-ms`,
  about: `One flow at ${rate(rtt)} Mbit/s, round trip ${rtt} ms, queue of one bandwidth-delay product, random loss: goodput in Mbit/s of the first ${seconds(rtt)} s.`,
  short: false,
  columns: CONTROLLERS,
  rows: [0, 0.01, 0.1, 1, 2, 3, 10, 30].map((percent) => ({
    label: `${percent} %`,
    cells: CONTROLLERS.map(
      (name) => () =>
        oneFlow(name, seconds(rtt), { rate: rate(rtt) * MBIT, rtt: rtt * MS, path: { loss: percent / 100 } }),
    ),
  })),
}));

/** The path of the targets is the fast one; on the others that would take long and say no more. */
function rate(rtt: number): number {
  return rtt === 50 ? 100 : 20;
}

function seconds(rtt: number): number {
  return rtt === 10 ? 10 : rtt === 50 ? 20 : 30;
}

const queues: Table = {
  name: "queues",
  about:
    "One flow at 20 Mbit/s, round trip 50 ms, no loss but that of a full queue: goodput in Mbit/s of 20 s, by the queue's length in bandwidth-delay products.",
  short: false,
  columns: CONTROLLERS,
  rows: [0.1, 0.25, 1, 4].map((share) => ({
    label: `${share}`,
    cells: CONTROLLERS.map(
      (name) => () => oneFlow(name, 20, { rate: 20 * MBIT, rtt: 50 * MS, queue: share * 125_000 }),
    ),
  })),
};

const flows: Table = {
  name: "flows",
  about:
    "So many flows at once at 50 Mbit/s, round trip 50 ms, begun within a second: goodput of all in Mbit/s, and Jain's index of fairness, from second 20 to 80.",
  short: false,
  columns: CONTROLLERS,
  rows: [1, 4, 16, 64].map((count) => ({
    label: `${count}`,
    cells: CONTROLLERS.map((name) => () => manyFlows(name, count, 80, { rate: 50 * MBIT, rtt: 50 * MS })),
  })),
};

const REORDERINGS: readonly (readonly [string, PathOptions])[] = [
  ["none", {}],
  ["1 % 2 ms late", { reorder: 0.01, reorderDelay: 2 * MS }],
  ["5 % 2 ms late", { reorder: 0.05, reorderDelay: 2 * MS }],
  ["1 % 12 ms late", { reorder: 0.01, reorderDelay: 12 * MS }],
  ["1 % 25 ms late", { reorder: 0.01, reorderDelay: 25 * MS }],
  ["1 % 40 ms late", { reorder: 0.01, reorderDelay: 40 * MS }],
];

const BURSTS: readonly (readonly [string, PathOptions])[] = [
  ["bursts of 5, 1 % in all", { loss: { enter: 0.002, leave: 0.2 } }],
  ["bursts of 50, 1 % in all", { loss: { enter: 0.0002, leave: 0.02 } }],
  ["bursts of 200, 0.1 % in all", { loss: { enter: 0.000_005, leave: 0.005 } }],
];

const disturbances: Table = {
  name: "disturbances",
  about:
    "One flow at 100 Mbit/s, round trip 50 ms, on which segments come late but none is lost, or many are lost at once: goodput in Mbit/s of 20 s.",
  short: false,
  columns: CONTROLLERS,
  rows: [...REORDERINGS, ...BURSTS].map(([label, path]) => ({
    label,
    cells: CONTROLLERS.map((name) => () => oneFlow(name, 20, { rate: 100 * MBIT, rtt: 50 * MS, path })),
  })),
};

const shrinking: Table = {
  name: "shrinking-path",
  about:
    "One flow at 20 Mbit/s, round trip 50 ms, on a path that takes packets of 1,500 bytes for 5 s and then no more than this: goodput in Mbit/s of 20 s. With and without the ICMP message that says so.",
  short: false,
  columns: CONTROLLERS.flatMap((name) => [name, `${name}, silent`]),
  rows: [1_500, 1_400, 1_280, 1_000, 600].map((mtu) => ({
    label: `${mtu}`,
    cells: CONTROLLERS.flatMap((name) => [
      () => shrinkingPath(name, mtu, true),
      () => shrinkingPath(name, mtu, false),
    ]),
  })),
};

const tails: Table = {
  name: "tail-loss",
  about:
    "300 flows one after the other at 100 Mbit/s, round trip 50 ms: milliseconds from the SYN to the last byte, median / 90th / 99th percentile.",
  short: false,
  columns: CONTROLLERS,
  rows: [
    [10_000, 0],
    [10_000, 1],
    [100_000, 0],
    [100_000, 1],
  ].map(([bytes, percent]) => ({
    label: `${bytes / 1000} kB, ${percent} % loss`,
    cells: CONTROLLERS.map(
      (name) => () =>
        shortFlows(name, bytes, 300, { rate: 100 * MBIT, rtt: 50 * MS, path: { loss: percent / 100 } }),
    ),
  })),
};

const quick: Table = {
  name: "short",
  about:
    "What `npm test` runs: 10 Mbit/s, round trip 50 ms. Goodput in Mbit/s of 10 s; of four flows with Jain's index, of 20 s; of 60 flows of 10 kB the milliseconds to the last byte (median / 90th / 99th percentile).",
  short: true,
  columns: CONTROLLERS,
  rows: [
    ...[0, 0.1, 1, 3, 10].map((percent) => ({
      label: `${percent} % loss`,
      cells: CONTROLLERS.map(
        (name) => () => oneFlow(name, 10, { rate: 10 * MBIT, rtt: 50 * MS, path: { loss: percent / 100 } }),
      ),
    })),
    ...[REORDERINGS[1], REORDERINGS[5], BURSTS[0]].map(([label, path]) => ({
      label,
      cells: CONTROLLERS.map((name) => () => oneFlow(name, 10, { rate: 10 * MBIT, rtt: 50 * MS, path })),
    })),
    {
      label: "4 flows",
      cells: CONTROLLERS.map((name) => () => manyFlows(name, 4, 20, { rate: 10 * MBIT, rtt: 50 * MS })),
    },
    {
      label: "10 kB, 1 % loss",
      cells: CONTROLLERS.map(
        (name) => () => shortFlows(name, 10_000, 60, { rate: 10 * MBIT, rtt: 50 * MS, path: { loss: 0.01 } }),
      ),
    },
  ],
};

export const tables: readonly Table[] = [quick, ...lossTables, queues, flows, disturbances, shrinking, tails];

// --- what is measured

type Way = Omit<LineOptions, "seed">;

/** Two seeds, for loss makes one run unlike another; where one takes long, one. */
function oneFlow(name: CongestionControl, time: number, way: Way): string {
  const seeds = way.rtt > 100 * MS ? [1] : [1, 2];
  const rates = seeds.map((seed) => {
    const line = new Line({ seed, ...way });
    line.open(name, 0);
    line.run(time * SECOND);
    return (line.flows[0].received * 8) / (time * MBIT);
  });
  return (rates.reduce((sum, rate) => sum + rate, 0) / rates.length).toFixed(2);
}

function manyFlows(name: CongestionControl, count: number, time: number, way: Way): string {
  const line = new Line({ seed: count, ...way });
  for (let flow = 0; flow < count; flow++) line.open(name, Math.floor(line.draw() * SECOND));
  const from = time / 4;
  line.run(from * SECOND);
  const before = line.flows.map((flow) => flow.received);
  line.run(time * SECOND);
  const rates = line.flows.map(
    (flow, index) => ((flow.received - before[index]) * 8) / ((time - from) * MBIT),
  );
  const total = rates.reduce((sum, rate) => sum + rate, 0);
  return `${total.toFixed(1)}, ${jain(rates).toFixed(3)}`;
}

/** 1 when all have the same, 1/n when one has it all. */
export function jain(rates: readonly number[]): number {
  const sum = rates.reduce((total, rate) => total + rate, 0);
  const squares = rates.reduce((total, rate) => total + rate * rate, 0);
  return squares === 0 ? 1 : (sum * sum) / (rates.length * squares);
}

function shortFlows(name: CongestionControl, bytes: number, count: number, way: Way): string {
  const line = new Line({ seed: bytes, ...way });
  const times: number[] = [];
  for (let flow = 0; flow < count; flow++) {
    line.open(name, line.clock.now() + 1_000, bytes);
    line.run(line.clock.now() + 1_000);
    const { [flow]: opened } = line.flows;
    while (opened.doneAt < 0) line.run(line.clock.now() + 50_000);
    times.push((opened.doneAt - opened.startedAt) / 1000);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => times[Math.min(count - 1, Math.floor(share * count))].toFixed(0);
  return `${at(0.5)} / ${at(0.9)} / ${at(0.99)}`;
}

function shrinkingPath(name: CongestionControl, mtu: number, tooBig: boolean): string {
  const line = new Line({ seed: mtu, rate: 20 * MBIT, rtt: 50 * MS });
  line.open(name, 0);
  line.run(5 * SECOND);
  Object.assign(line.there.options, { mtu, tooBig });
  line.run(20 * SECOND);
  return ((line.flows[0].received * 8) / (20 * MBIT)).toFixed(2);
}
