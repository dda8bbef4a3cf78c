// The tables of a run, in Markdown that reads well in a terminal too.

import { type ContenderName, contenderNames } from "./contenders/contender.ts";
import type { Machine } from "./machine.ts";
import { type FigureName, figures } from "./measures/figures.ts";
import type { Results } from "./results.ts";
import type { Summary } from "./statistics.ts";
import { judge, type Target } from "./targets.ts";

export function report(results: Results, machine: Machine, contenders: readonly ContenderName[]): string {
  const parts = [
    machineText(machine),
    comparison(results, contenders),
    pairTable(results),
    targetTable(results),
    failureText(results),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function machineText(machine: Machine): string {
  const { processors, processor, memoryGiB, system, node, ws, loadBefore, commit } = machine;
  const load = `load ${loadBefore} before`;
  const what = commit === null ? "" : `, commit ${commit}`;
  return `${processors} x ${processor}, ${memoryGiB} GiB, ${system}, Node ${node}, ws ${ws}, ${load}${what}`;
}

function comparison(results: Results, contenders: readonly ContenderName[]): string {
  const columns = contenderNames.filter((name) => contenders.includes(name));
  const rows: string[][] = [];
  for (const figure of Object.keys(figures) as FigureName[]) {
    if (isOfPair(figure)) continue;
    const cells = columns.map((name) => summaryText(results.summary(figure, name)));
    if (cells.every((cell) => cell === "")) continue;
    rows.push([label(figure), ...cells, ...RATIOS.map((name) => summaryText(results.ratio(figure, name)))]);
  }
  if (rows.length === 0) return "";
  return table(["median (min-max)", ...columns, ...RATIOS.map((name) => `${name} / pipe`)], rows);
}

const RATIOS = ["mux", "tunnel"] as const;

function pairTable(results: Results): string {
  const rows: string[][] = [];
  for (const figure of Object.keys(figures) as FigureName[]) {
    const summary = isOfPair(figure) ? results.summary(figure, "tunnel") : null;
    if (summary !== null) rows.push([label(figure), summaryText(summary)]);
  }
  return rows.length === 0 ? "" : table(["two stacks in one process", "median (min-max)"], rows);
}

function targetTable(results: Results): string {
  const rows = judge(results).map(({ target, measured, isReached }) => [
    targetText(target),
    summaryText(measured),
    isReached ? "reached" : "NOT reached",
  ]);
  return rows.length === 0 ? "" : table(["target", "tunnel", ""], rows);
}

function targetText({ figure, kind, relation, bound }: Target): string {
  const { title, unit } = figures[figure];
  return kind === "ratio"
    ? `${title}: ${relation} ${bound} x pipe`
    : `${title}: ${relation} ${bound} ${unit}`;
}

function failureText(results: Results): string {
  if (results.failures.length === 0) return "";
  const lines = results.failures.map(
    ({ measure, contender, round, text }) => `- ${measure}, ${contender}, round ${round + 1}: ${text}`,
  );
  return ["Failed, and not counted:", ...lines].join("\n");
}

function label(figure: FigureName): string {
  return `${figures[figure].title}, ${figures[figure].unit}`;
}

function summaryText(summary: Summary | null): string {
  if (summary === null) return "";
  const { median, min, max, count } = summary;
  return count === 1 ? number(median) : `${number(median)} (${number(min)}-${number(max)})`;
}

/** Three digits that mean something. */
function number(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toString();
  return value.toFixed(size >= 10 ? 1 : 2);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** Figures of two stacks in one process, which have no contender. */
function isOfPair(figure: string): boolean {
  return ["pair-", "core-", "idle-"].some((prefix) => figure.startsWith(prefix));
}
