// Random worlds with everything that has to be true in them (world.ts), and those that fuzzing once found fault with.

import { describe, expect, it } from "vitest";
import { type Mode, runWorld, type WorldReport } from "./world.ts";

// FOURTUPLE_SEED=17 repeats one world, FOURTUPLE_WORLDS=2000 looks for more.
const only = process.env["FOURTUPLE_SEED"];
const worlds = Number(process.env["FOURTUPLE_WORLDS"] ?? 40);
const seeds = only === undefined ? Array.from({ length: worlds }, (_, i) => i + 1) : [Number(only)];

function runWorlds(mode: Mode): WorldReport[] {
  return seeds.map((seed) => runWorld(seed, mode, 250));
}

function sum(reports: readonly WorldReport[], of: (report: WorldReport) => number): number {
  return reports.reduce((total, report) => total + of(report), 0);
}

describe("Random calls at both ends over random paths keep all invariants", () => {
  it("on unreliable routes: loss, bursts, reordering, duplicates, damage, dead paths", () => {
    const reports = runWorlds("unreliable");
    if (only !== undefined) return;
    // That the worlds were lively: what is never exercised is never wrong.
    expect(sum(reports, (report) => report.bytes)).toBeGreaterThan(worlds * 100_000);
    expect(sum(reports, (report) => report.complete)).toBeGreaterThan(worlds);
    expect(sum(reports, (report) => report.retransmissions)).toBeGreaterThan(worlds * 10);
  }, 600_000);

  it("on reliable routes: late, stalled, cut and replaced links", () => {
    const reports = runWorlds("reliable");
    if (only !== undefined) return;
    expect(sum(reports, (report) => report.bytes)).toBeGreaterThan(worlds * 100_000);
    expect(sum(reports, (report) => report.complete)).toBeGreaterThan(worlds);
    expect(sum(reports, (report) => report.cuts)).toBeGreaterThan(worlds);
  }, 600_000);

  it.each<[seed: number, mode: Mode, fault: string]>([
    [1_795_425_073_310, "unreliable", "the path became shorter, and each timeout seemed spurious"],
    [77_004_078, "unreliable", "new data of F-RTO filled the window without SACK"],
    [1_795_441_621_682, "unreliable", "a late segment brought a connection of a cookie back"],
  ])("as world %i did not: %s, %s", (seed, mode) => {
    runWorld(seed, mode, 250);
  });
});
