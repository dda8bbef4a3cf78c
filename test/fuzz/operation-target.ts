// Sequences of calls at both ends over random paths, links that die and come back: the worlds of test/core/sim.

import { runWorld } from "../core/sim/world.ts";
import type { FuzzTarget } from "./target.ts";

const STEPS = 250;

export const operationTarget: FuzzTarget = {
  name: "operations",
  about: "calls at both ends of many connections over random paths, with links that die",
  run(seed) {
    runWorld(seed, seed % 2 === 0 ? "unreliable" : "reliable", STEPS);
    return STEPS;
  },
};
