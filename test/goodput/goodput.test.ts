// The committed tables of goodput: the short one is run again and must come out the same, to the last digit; the others
// must reach what is promised. `npm run goodput` rewrites them, and the diff shows what a change does.

import { describe, expect, it } from "vitest";
import { cells, committed, render } from "./markdown.ts";
import { CONTROLLERS, jain, tables } from "./tables.ts";

const table = (name: string) => {
  const found = tables.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no table ${name}`);
  return found;
};

/** A committed figure. */
function figure(name: string, row: string, column: string, part = 0): number {
  const cell = cells(table(name)).get(row)?.get(column);
  const value = Number(cell?.split(/[,/]/)[part]);
  if (!Number.isFinite(value)) throw new Error(`no figure in ${name}, ${row}, ${column}: ${cell}`);
  return value;
}

describe("goodput in virtual time", () => {
  for (const short of tables.filter((candidate) => candidate.short)) {
    it(`is what is committed (${short.name}); if the change is meant: npm run goodput -- ${short.name}`, () => {
      expect(render(short)).toBe(committed(short));
    }, 120_000);
  }

  it.each(tables.map(({ name, rows, columns }) => [name, rows, columns] as const))(
    "%s is committed, with every cell of it",
    (name, rows, columns) => {
      const values = cells(table(name));
      expect([...values.keys()]).toEqual(rows.map((row) => row.label));
      for (const row of values.values()) expect([...row.keys()]).toEqual(columns);
    },
  );

  it("BBR has 85 % of the line up to 2 % loss, at 100 Mbit/s and 50 ms", () => {
    for (const loss of ["0 %", "0.01 %", "0.1 %", "1 %", "2 %"])
      expect(figure("loss-50-ms", loss, "bbr"), loss).toBeGreaterThanOrEqual(85);
  });

  it("CUBIC has what Linux's has on such a path, or more (16 at 0.1 %, 2.8 at 1 %, about 90 without loss)", () => {
    for (const [loss, linux] of [
      ["0 %", 90],
      ["0.1 %", 16],
      ["1 %", 2.8],
    ] as const)
      expect(figure("loss-50-ms", loss, "cubic"), loss).toBeGreaterThanOrEqual(0.9 * linux);
  });

  it("flows of the same controller share fairly: Jain's index is 0.9 and more", () => {
    for (const name of CONTROLLERS)
      for (const count of ["4", "16", "64"]) {
        // 64 flows of BBR v1 keep the queue full and lose a quarter of what they send: chance shares it out.
        const least = name === "bbr" && count === "64" ? 0.8 : 0.9;
        expect(figure("flows", count, name, 1), `${count} ${name}`).toBeGreaterThanOrEqual(least);
      }
  });

  it.each(CONTROLLERS)(
    "%s loses less than 5 % of its goodput where segments come late, by up to most of a round trip",
    (name) => {
      const undisturbed = figure("disturbances", "none", name);
      const rows = ["1 % 2 ms late", "5 % 2 ms late", "1 % 12 ms late", "1 % 25 ms late", "1 % 40 ms late"];
      for (const row of rows)
        expect(figure("disturbances", row, name), row).toBeGreaterThanOrEqual(0.95 * undisturbed);
    },
  );

  it("a short flow without loss takes BBR no more than a tenth longer than CUBIC", () => {
    const cubic = figure("tail-loss", "100 kB, 0 % loss", "cubic");
    expect(figure("tail-loss", "100 kB, 0 % loss", "bbr")).toBeLessThanOrEqual(1.1 * cubic);
  });
});

it("Jain's index is 1 among equals, and one by their number when one has it all", () => {
  expect(jain([5, 5, 5, 5])).toBe(1);
  expect(jain([8, 0, 0, 0])).toBe(0.25);
});
