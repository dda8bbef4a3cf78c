// deno.json can be published to JSR: every public type is written out, no global is declared, nothing is missing.

import { describe, expect, test } from "vitest";
import { deno, run } from "../runtimes/index.ts";

const program = deno();

describe("The manifest for JSR", () => {
  test.skipIf("notRun" in program)("passes deno publish --dry-run", { timeout: 120_000 }, async () => {
    const path = "path" in program ? program.path : "";
    const outcome = await run(path, ["publish", "--dry-run", "--allow-dirty"], { timeout: 110_000 });
    expect(outcome.stderr).not.toMatch(/\berror\b|\bwarning\b/i);
    expect(outcome.stderr).toMatch(/Success/);
    expect(outcome.code).toBe(0);
    for (const unwanted of ["/test/", "/src/cli/", "tsconfig", "index.node.ts"]) {
      expect(outcome.stderr).not.toContain(unwanted);
    }
  });
});
