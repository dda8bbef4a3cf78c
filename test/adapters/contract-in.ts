// Runs contract-program.ts in another runtime and reports each of its tests as one of vitest's.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Outcome } from "../contract/runner.ts";
import type { Capabilities, Limits } from "../contract/world.ts";
import { bun, deno, rootFolder, run } from "../runtimes/index.ts";
import { silentPort } from "./silent-port.ts";

export interface ContractIn {
  readonly runtime: "bun" | "deno";
  readonly adapter: "node" | "deno";
  readonly gaps?: Partial<Record<keyof Capabilities, string>>;
  readonly limits?: Partial<Limits>;
}

export async function runContractIn(options: ContractIn): Promise<void> {
  const program = options.runtime === "bun" ? bun() : deno();
  const title = `the contract on the ${options.adapter} adapter in ${options.runtime}`;
  if ("notRun" in program) {
    test.skip(`${title} (not run: ${program.notRun})`, () => {});
    return;
  }
  const silent = await silentPort();
  const file = join(rootFolder, "test", "adapters", "contract-program.ts");
  const flags = options.runtime === "deno" ? ["run", "--allow-all", "--no-lock", "--quiet"] : ["run"];
  const { gaps, limits } = options;
  const outcome = await run(program.path, [...flags, file, options.adapter, String(silent.port)], {
    env: { CONTRACT: JSON.stringify({ gaps, limits }), DENO_NO_UPDATE_CHECK: "1" },
    timeout: 240_000,
  });
  await silent.close();
  const lines = outcome.stdout.split("\n").filter((line) => line.startsWith("{"));
  const [first, ...outcomes] = lines.map((line) => JSON.parse(line)) as [{ runtime: string }, ...Outcome[]];

  describe(title, () => {
    test(`runs in ${options.runtime} to its end`, () => {
      expect(first?.runtime, outcome.stderr).toMatch(new RegExp(`^${options.runtime} \\d`));
      expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null });
      expect(outcomes.length).toBeGreaterThan(50);
    });
    for (const { name, kind, detail } of outcomes) {
      if (kind === "skipped") test.skip(`${name} (not here: ${detail})`, () => {});
      else test(name, () => expect(detail, detail).toBeUndefined());
    }
  });
}
