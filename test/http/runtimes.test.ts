// serve() and fetchOver() with the Request, Response and sockets of Node, Deno and Bun.
import { join } from "node:path";
import { expect, test } from "vitest";
import { bun, deno, run } from "../runtimes/index.ts";

const program = join(import.meta.dirname, "runtimes-program.ts");
const node = { path: process.execPath };

test.for([
  ["node", node, ["--import", "tsx"]],
  ["deno", deno(), ["run", "--allow-all", "--no-lock", "--quiet"]],
  ["bun", bun(), ["run"]],
] as const)("A server and a client in %s agree", async ([_name, runtime, flags], context) => {
  if ("notRun" in runtime) return context.skip(runtime.notRun);
  const outcome = await run(runtime.path, [...flags, program], { env: { DENO_NO_UPDATE_CHECK: "1" } });
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null });
  expect(JSON.parse(outcome.stdout)).toEqual({
    echo: [200, "x".repeat(40), [], null],
    file: [206, "234", [], "3"],
    cookie: [200, "q=r other.example", ["a=1", "b=2"], "17"],
    clone: [200, '["body","body","q=r"]', [], expect.any(String)],
    copy: [200, '["body","b",true]', [], expect.any(String)],
    nowhere: [404, "nothing here", [], "12"],
    native: "by the runtime's fetch",
  });
});
