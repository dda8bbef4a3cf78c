// keepHeapRoom(): V8 marks a heap above 8 MiB far less often while array buffers come and go, and as before afterwards.

import { join } from "node:path";
import { expect, it, test } from "vitest";
import { keepHeapRoom } from "../../../src/adapters/node/index.ts";
import { bun, deno, rootFolder, run } from "../../runtimes/index.ts";

const file = join(rootFolder, "test", "adapters", "node", "heap-room-program.ts");
const node = { path: process.execPath };

test.for([
  ["node", node, ["--expose-gc", "--import", "tsx"]],
  ["bun", bun(), ["run"]],
  ["deno", deno(), ["run", "--allow-all", "--no-lock", "--quiet"]],
] as const)(
  "full collections while 1 GiB of buffers comes and goes, in %s",
  async ([name, program, flags], context) => {
    if ("notRun" in program) return context.skip(program.notRun);
    const outcome = await run(program.path, [...flags, file], { timeout: 60_000 });
    expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null });
    const { before, during, after } = JSON.parse(outcome.stdout) as Record<string, number>;
    if (name !== "node") return;
    // How many they are is V8's affair and differs from run to run: what counts is that room makes them few.
    expect(before).toBeGreaterThan(3 * (during + 1));
    expect(after).toBeGreaterThan(3 * (during + 1));
  },
);

it("refuses a room of nothing", () => {
  for (const bytes of [0, -1, Number.NaN]) expect(() => keepHeapRoom(bytes)).toThrow(RangeError);
});
