// The figures as tables, with the targets beside them.

import { type Summary, summarize } from "../statistics.ts";
import type { ControlName, LossyOptions } from "./options.ts";
import { RATE, type RunFigures } from "./runs.ts";

export interface Results {
  readonly kernel: RunFigures[];
  readonly stack: RunFigures[];
  readonly shared: RunFigures[];
}

/** What the median of fourtuple's goodput must be, as a part of Linux's. */
const targets: { readonly [Name in ControlName]: readonly [number, number] | null } = {
  cubic: [0.95, 1.1],
  bbr: [0.9, Number.POSITIVE_INFINITY],
  newreno: null,
};
const shareTarget = [0.4, 0.6] as const;

export function report(results: Results, options: LossyOptions): string {
  const lines: string[] = [];
  const { seconds, seeds } = options;
  lines.push(
    `Path: ${(RATE * 8) / 1e6} Mbit/s, 50 ms, drop-tail queue of one BDP; ${seconds} s, ${seeds} seeds`,
  );
  for (const control of options.controls) {
    if (options.alone) lines.push("", ...aloneTable(results, options, control));
    if (options.share) lines.push("", ...shareTable(results, options, control));
  }
  const latest = [...results.kernel, ...results.stack, ...results.shared].map(({ path }) => path.lateness);
  const mean = latest.reduce((sum, { mean }) => sum + mean, 0) / Math.max(1, latest.length);
  const most = Math.max(0, ...latest.map((lateness) => lateness.most));
  lines.push(
    "",
    `The path was late by ${mean.toFixed(0)} us in the mean, by ${(most / 1e3).toFixed(1)} ms at most`,
  );
  return lines.join("\n");
}

function aloneTable(results: Results, options: LossyOptions, control: ControlName): string[] {
  const lines = [
    `${control}, alone, Mbit/s: median (least-most)`,
    row("loss %", "Linux", "fourtuple", "ratio", ""),
  ];
  const target = targets[control];
  for (const loss of options.losses) {
    const is = (figures: RunFigures): boolean => figures.control === control && figures.loss === loss;
    const linux = summarize(results.kernel.filter(is).map(({ kernel }) => kernel?.goodput ?? 0));
    const ours = summarize(results.stack.filter(is).map(({ stack }) => stack?.goodput ?? 0));
    const ratio = linux === null || ours === null ? null : ours.median / linux.median;
    const verdict = target === null || ratio === null ? "" : judge(ratio, target);
    const text = ratio === null ? "-" : ratio.toFixed(2);
    lines.push(row(String(loss * 100), show(linux), show(ours), text, verdict));
  }
  return lines;
}

function shareTable(results: Results, options: LossyOptions, control: ControlName): string[] {
  const lines = [
    `${control}, a flow of each on one path: Mbit/s after three tenths of the time, and fourtuple's share`,
    row("loss %", "Linux", "fourtuple", "share", ""),
  ];
  for (const loss of options.losses) {
    const runs = results.shared.filter((figures) => figures.control === control && figures.loss === loss);
    const linux = runs.map(({ kernel }) => kernel?.settled ?? 0);
    const ours = runs.map(({ stack }) => stack?.settled ?? 0);
    const share = summarize(ours.map((rate, at) => rate / Math.max(1e-9, rate + linux[at])));
    const verdict = share === null ? "" : judge(share.median, shareTarget);
    lines.push(
      row(String(loss * 100), show(summarize(linux)), show(summarize(ours)), show(share, 2), verdict),
    );
  }
  return lines;
}

function judge(value: number, [least, most]: readonly [number, number]): string {
  const bounds = Number.isFinite(most) ? `${least} to ${most}` : `>= ${least}`;
  return `${value >= least && value <= most ? "ok" : "MISSED"} (${bounds})`;
}

function show(summary: Summary | null, digits = 1): string {
  if (summary === null) return "-";
  const { median, min, max } = summary;
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}

function row(...cells: readonly string[]): string {
  return cells
    .map((cell, at) => (at === 0 ? cell.padStart(7) : cell.padStart(at === 3 ? 18 : 22)))
    .join(" ")
    .trimEnd();
}
