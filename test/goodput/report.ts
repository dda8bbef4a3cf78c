// npm run report: congestion window, round trip and goodput over time, for each controller on a few paths, and the
// committed tables as bars; one SVG each, in artifacts/goodput. Drawn by echarts without a browser.

import { mkdirSync, writeFileSync } from "node:fs";
import { type EChartsOption, load } from "../runtimes/index.ts";
import { Line, type LineOptions } from "./line.ts";
import { cells } from "./markdown.ts";
import { CONTROLLERS, tables } from "./tables.ts";

const echarts = load("echarts");
const folder = new URL("../../artifacts/goodput/", import.meta.url);
const SECOND = 1_000_000;
const WIDTH = 1_000;
const HEIGHT = 460;

interface Scene {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
  readonly line: Omit<LineOptions, "seed">;
}

const path = { rate: 100_000_000, rtt: 50_000 };

const scenes: readonly Scene[] = [
  { name: "clean", title: "100 Mbit/s, 50 ms, no loss", seconds: 20, line: path },
  {
    name: "loss-0.1",
    title: "100 Mbit/s, 50 ms, 0.1 % loss",
    seconds: 20,
    line: { ...path, path: { loss: 0.001 } },
  },
  {
    name: "loss-1",
    title: "100 Mbit/s, 50 ms, 1 % loss",
    seconds: 20,
    line: { ...path, path: { loss: 0.01 } },
  },
  {
    name: "reordering",
    title: "100 Mbit/s, 50 ms, 1 % of segments 12 ms late, no loss",
    seconds: 20,
    line: { ...path, path: { reorder: 0.01, reorderDelay: 12_000 } },
  },
  {
    name: "marks",
    title: "100 Mbit/s, 50 ms, ECN marks above 5 ms of queue",
    seconds: 20,
    line: { ...path, path: { mark: 5_000 }, tcp: { ecn: "on" } },
  },
];

interface Trace {
  readonly goodput: [number, number][];
  readonly window: [number, number][];
  readonly roundTrip: [number, number][];
}

/** What a flow does, looked at every `step`. */
function trace(scene: Scene, name: (typeof CONTROLLERS)[number]): Trace {
  const line = new Line({ seed: 1, ...scene.line });
  line.open(name, 0);
  const step = 100_000;
  const result: Trace = { goodput: [], window: [], roundTrip: [] };
  let before = 0;
  for (let at = step; at <= scene.seconds * SECOND; at += step) {
    line.run(at);
    const [flow] = line.flows;
    const info = flow.connection.info(at);
    const time = at / SECOND;
    result.goodput.push([time, ((flow.received - before) * 8) / step]);
    result.window.push([time, info.cwnd / info.mss]);
    result.roundTrip.push([time, info.rtt]);
    before = flow.received;
  }
  return result;
}

function draw(name: string, option: EChartsOption): void {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({ animation: false, backgroundColor: "#ffffff", ...option });
  const file = new URL(`${name}.svg`, folder);
  writeFileSync(file, chart.renderToSVGString());
  chart.dispose();
  console.log(file.pathname);
}

function overTime(scene: Scene): void {
  const traces = CONTROLLERS.map((name) => [name, trace(scene, name)] as const);
  const plots = [
    ["goodput", "goodput, Mbit/s"],
    ["window", "congestion window, segments"],
    ["roundTrip", "smoothed round trip, ms"],
  ] as const;
  for (const [key, label] of plots) {
    draw(`${scene.name}-${key === "roundTrip" ? "round-trip" : key}`, {
      title: { text: label, subtext: scene.title, left: "center" },
      legend: { bottom: 0 },
      grid: { left: 70, right: 30, top: 70, bottom: 60 },
      xAxis: { type: "value", name: "s", max: scene.seconds },
      yAxis: { type: "value" },
      series: traces.map(([name, values]) => ({ name, type: "line", showSymbol: false, data: values[key] })),
    });
  }
}

/** The committed table of goodput over loss, without running anything. */
function bars(name: string): void {
  const table = tables.find((candidate) => candidate.name === name);
  if (table === undefined) return;
  const rows = cells(table);
  draw(`table-${name}`, {
    title: {
      text: "goodput, Mbit/s",
      subtext: table.about,
      left: "center",
      subtextStyle: { width: WIDTH - 60, overflow: "break" },
    },
    legend: { bottom: 0 },
    grid: { left: 70, right: 30, top: 90, bottom: 60 },
    xAxis: { type: "category", data: [...rows.keys()] },
    yAxis: { type: "value" },
    series: table.columns.map((column) => ({
      name: column,
      type: "bar",
      data: [...rows.values()].map((row) => Number.parseFloat(row.get(column) ?? "0")),
    })),
  });
}

mkdirSync(folder, { recursive: true });
for (const scene of scenes) overTime(scene);
for (const name of ["loss-10-ms", "loss-50-ms", "loss-200-ms"]) bars(name);
