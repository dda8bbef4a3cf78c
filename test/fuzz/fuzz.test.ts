// A few cases of every target, always the same ones: npm run fuzz looks for others.

import { describe, expect, it } from "vitest";
import { targets } from "./targets.ts";

const CASES: Readonly<Record<string, number>> = {
  parser: 2,
  segments: 8,
  blind: 3,
  operations: 2,
  control: 12,
};

describe("npm run fuzz", () => {
  it.each(targets.map((target) => [target.name, target] as const))(
    "finds nothing in its first cases: %s",
    async (name, target) => {
      let inputs = 0;
      for (let seed = 1; seed <= CASES[name]; seed++) inputs += await target.run(seed);
      expect(inputs).toBeGreaterThan(100);
    },
  );
});
