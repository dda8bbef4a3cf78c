// Runs a suite of program.ts in another runtime and reports each of its tests as one of vitest's.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Outcome } from "../contract/runner.ts";
import type { Capabilities } from "../contract/world.ts";
import { bun, deno, rootFolder, run } from "../runtimes/index.ts";
import { silentPort } from "./silent-port.ts";

export interface RunIn {
  readonly suite: "contract" | "links" | "stacks" | "duplex" | "deno";
  readonly runtime: "bun" | "deno";
  readonly adapter: "node" | "deno";
  /** Of the contract: what the adapter cannot do, and why. */
  readonly gaps?: Partial<Record<keyof Capabilities, string>>;
  /** Fewer tests than this are a mistake. */
  readonly atLeast: number;
}

/** Called while tests are declared; the runtime runs then. */
export async function runIn(options: RunIn): Promise<void> {
  const { suite, runtime, adapter } = options;
  const program = runtime === "bun" ? bun() : deno();
  const title = `${suite} on the ${adapter} adapter in ${runtime}`;
  if ("notRun" in program) {
    test.skip(`${title} (not run: ${program.notRun})`, () => {});
    return;
  }
  const silent = await silentPort();
  const file = join(rootFolder, "test", "adapters", "program.ts");
  const flags = runtime === "deno" ? ["run", "--allow-all", "--no-lock", "--quiet"] : ["run"];
  const outcome = await run(program.path, [...flags, file, suite, adapter, String(silent.port)], {
    env: { CONTRACT: JSON.stringify({ gaps: options.gaps }), DENO_NO_UPDATE_CHECK: "1" },
    timeout: 240_000,
  });
  await silent.close();
  const lines = outcome.stdout.split("\n").filter((line) => line.startsWith("{"));
  const [first, ...outcomes] = lines.map((line) => JSON.parse(line)) as [{ runtime: string }, ...Outcome[]];

  describe(title, () => {
    test(`runs in ${runtime} to its end`, () => {
      expect(first?.runtime, outcome.stderr).toMatch(new RegExp(`^${runtime} \\d`));
      expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null });
      expect(outcomes.length).toBeGreaterThanOrEqual(options.atLeast);
    });
    for (const { name, kind, detail } of outcomes) {
      if (kind === "skipped") test.skip(`${name} (not here: ${detail})`, () => {});
      else test(name, () => expect(detail, detail).toBeUndefined());
    }
  });
}
