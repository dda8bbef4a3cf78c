import { describe, it } from "vitest";
import { runWorld } from "./world.ts";

// FOURTUPLE_SEED=17 repeats one world, FOURTUPLE_WORLDS=2000 looks for more.
const only = process.env["FOURTUPLE_SEED"];
const worlds = Number(process.env["FOURTUPLE_WORLDS"] ?? 60);
const seeds = only === undefined ? Array.from({ length: worlds }, (_, i) => i + 1) : [Number(only)];

describe("Random calls at both ends over random paths keep all invariants", () => {
  it("on unreliable routes: loss, bursts, reordering, duplicates, damage, dead paths", () => {
    for (const seed of seeds) runWorld(seed, "unreliable", 250);
  }, 600_000);

  it("on reliable routes: late, stalled, cut and replaced links", () => {
    for (const seed of seeds) runWorld(seed, "reliable", 250);
  }, 600_000);
});
