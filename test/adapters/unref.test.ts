// ref() and unref(): what was let go of does not keep a process alive, in any runtime.

import { join } from "node:path";
import { expect, test } from "vitest";
import { bun, deno, rootFolder, run } from "../runtimes/index.ts";

const file = join(rootFolder, "test", "adapters", "unref-program.ts");
const node = { path: process.execPath };

test.for([
  ["node", "node", node, ["--import", "tsx"]],
  ["bun", "node", bun(), ["run"]],
  ["deno", "node", deno(), ["run", "--allow-all", "--no-lock", "--quiet"]],
  ["deno", "deno", deno(), ["run", "--allow-all", "--no-lock", "--quiet"]],
] as const)(
  "a program in %s with the %s adapter ends when all is unref'd",
  async ([_name, adapter, program, flags], context) => {
    if ("notRun" in program) return context.skip(program.notRun);
    const outcome = await run(program.path, [...flags, file, adapter], { timeout: 20_000 });
    expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null, stdout: "let go\n" });
  },
);
