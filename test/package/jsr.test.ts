// deno.json can be published to JSR: every public type is written out, no global is declared, nothing is missing.

import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { deno, rootFolder, run } from "../runtimes/index.ts";

const program = deno();

describe("The manifest for JSR", () => {
  test.skipIf("notRun" in program)("passes deno publish --dry-run", { timeout: 120_000 }, async () => {
    const path = "path" in program ? program.path : "";
    const outcome = await run(path, ["publish", "--dry-run", "--allow-dirty"], { timeout: 110_000 });
    const told = stripVTControlCharacters(outcome.stderr).replaceAll(pathToFileURL(rootFolder).href, "");
    expect(told).not.toMatch(/^(error|warning)\b|\[(ERROR|WARN)/im);
    expect(told).toContain("Success");
    expect(outcome.code).toBe(0);
    const files = Array.from(told.matchAll(/^\s+\/(\S+) \(/gm), ([, file]) => file);
    expect(files).toEqual(expect.arrayContaining(["deno.json", "LICENSE", "README.md", "src/index.deno.ts"]));
    const unwanted = /^test\/|^src\/cli\/|tsconfig|no-clock|src\/index\.(node|browser|default)/;
    expect(files.filter((file) => unwanted.test(file))).toEqual([]);
  });
});
