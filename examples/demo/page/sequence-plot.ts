// The time-sequence plot: what was sent, what the other end acknowledged, what arrived, what was sent again, and when
// there was no link.

import type uPlot from "uplot";
import type { Gap, PlotData } from "./connection-model.ts";
import { bytes } from "./format.ts";
import type { PlotLibrary } from "./plot-library.ts";

export class SequencePlot {
  private readonly plot: uPlot;
  private readonly place: HTMLElement;
  private gaps: readonly Gap[] = [];

  constructor(library: PlotLibrary, place: HTMLElement) {
    this.place = place;
    this.plot = new library(this.options(), [[], [], [], [], []], place);
    new ResizeObserver(() => this.plot.setSize(this.size())).observe(place);
  }

  show(data: PlotData, gaps: readonly Gap[]): void {
    this.gaps = gaps;
    this.plot.setData(data);
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(200, this.place.clientWidth), height: this.place.clientHeight - LEGEND };
  }

  private options(): uPlot.Options {
    const colour = (name: string): string => {
      // light-dark() is resolved by the browser only where it is used as a colour.
      const probe = document.createElement("i");
      probe.style.color = `var(${name})`;
      document.body.append(probe);
      const resolved = getComputedStyle(probe).color;
      probe.remove();
      return resolved;
    };
    const axis = {
      stroke: colour("--soft"),
      grid: { stroke: colour("--line") },
      ticks: { stroke: colour("--line") },
    };
    const dots = { show: true, size: 4 };
    return {
      ...this.size(),
      cursor: { drag: { x: true, y: true } },
      legend: { live: false },
      hooks: { drawClear: [(plot) => this.drawGaps(plot, colour("--bad"))] },
      scales: { x: { time: false } },
      axes: [
        { ...axis, values: (_plot, ticks) => ticks.map((tick) => `${Number(tick.toFixed(3))} s`) },
        {
          ...axis,
          size: 70,
          incrs: POWERS_OF_TWO,
          values: (_plot, ticks) => ticks.map((tick) => bytes(tick)),
        },
      ],
      series: [
        { label: "time", value: (_plot, value) => (value === null ? "" : `${value.toFixed(4)} s`) },
        this.series("sent", colour("--accent"), dots, false),
        this.series("acknowledged", colour("--good"), { show: false }, true),
        this.series("received", colour("--warn"), dots, false),
        this.series("sent again", colour("--bad"), { show: true, size: 7 }, false),
      ],
    };
  }

  /** Behind everything: a gap of a few milliseconds is as wide as can be seen. */
  private drawGaps(plot: uPlot, fill: string): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = fill;
    ctx.globalAlpha = 0.4;
    for (const [from, to] of this.gaps) {
      const left = plot.valToPos(from, "x", true);
      ctx.fillRect(left, bbox.top, Math.max(2, plot.valToPos(to, "x", true) - left), bbox.height);
    }
    ctx.restore();
  }

  private series(label: string, stroke: string, points: uPlot.Series.Points, isLine: boolean): uPlot.Series {
    const value: uPlot.Series.Value = (_plot, count) => (count === null ? "" : bytes(count));
    const common = { label, stroke, value, points: { ...points, fill: stroke }, spanGaps: isLine };
    return isLine ? { ...common, width: 1.5 } : { ...common, paths: () => null };
  }
}

/** Distances between marks of the byte axis. */
const POWERS_OF_TWO = Array.from({ length: 40 }, (_unused, power) => 2 ** power);
/** Height that uPlot's legend takes below the canvas. */
const LEGEND = 34;
