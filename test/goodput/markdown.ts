// A table of goodput as text, the same as it is committed.

import { existsSync, readFileSync } from "node:fs";
import type { Table } from "./tables.ts";

export function fileOf(table: Table): URL {
  return new URL(`results/${table.name}.md`, import.meta.url);
}

/** The committed text; empty when there is none. */
export function committed(table: Table): string {
  const file = fileOf(table);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Runs the table. */
export function render(table: Table, progress: (text: string) => void = () => {}): string {
  const lines = table.rows.map((row) => {
    const cells = row.cells.map((cell) => cell());
    progress(`${table.name}, ${row.label}: ${cells.join(" | ")}`);
    return [row.label, ...cells];
  });
  const head = ["", ...table.columns];
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...lines].map((cells) => cells[column].length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [table.about, "", line(head), line(rule), ...lines.map(line), ""].join("\n");
}

/** The cells of a committed table: by row, then column. */
export function cells(table: Table): Map<string, Map<string, string>> {
  const rows = committed(table)
    .split("\n")
    .filter((text) => text.startsWith("|"))
    .map((text) =>
      text
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
  const [head, , ...body] = rows;
  return new Map(
    body.map(([label, ...values]) => [
      label,
      new Map(values.map((value, column) => [head[column + 1], value])),
    ]),
  );
}
