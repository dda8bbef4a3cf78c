// The contract through tunnels in Deno and Bun: their own WebSocket servers and clients.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentPort } from "../adapters/silent-port.ts";
import type { Outcome } from "../contract/runner.ts";
import { bun, deno, rootFolder, run } from "../runtimes/index.ts";

await runIn("deno", deno(), ["run", "--allow-all", "--no-lock", "--quiet"]);
await runIn("bun", bun(), ["run"]);

/** Called while tests are declared; the runtime runs then. */
async function runIn(
  runtime: string,
  program: ReturnType<typeof deno>,
  flags: readonly string[],
): Promise<void> {
  if ("notRun" in program) {
    test.skip(`the contract through tunnels in ${runtime} (not run: ${program.notRun})`, () => {});
    return;
  }
  const silent = await silentPort();
  const file = join(rootFolder, "test", "relay", "program.ts");
  const outcome = await run(program.path, [...flags, file, String(silent.port)], {
    env: { DENO_NO_UPDATE_CHECK: "1" },
    timeout: 400_000,
  });
  await silent.close();
  const lines = outcome.stdout.split("\n").filter((line) => line.startsWith("{"));
  const [first, ...outcomes] = lines.map((line) => JSON.parse(line)) as [{ runtime: string }, ...Outcome[]];

  describe(`the contract through tunnels in ${runtime}`, () => {
    test(`runs in ${runtime} to its end`, () => {
      expect(first?.runtime, outcome.stderr).toMatch(new RegExp(`^${runtime} \\d`));
      expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null });
      expect(outcomes.length).toBeGreaterThanOrEqual(300);
    });
    for (const { name, kind, detail } of outcomes) {
      if (kind === "skipped") test.skip(`${name} (not here: ${detail})`, () => {});
      else test(name, () => expect(detail, detail).toBeUndefined());
    }
  });
}
