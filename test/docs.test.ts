// The code in README.md and docs/*.md compiles against the built package as its users see it (by its own name,
// through its exports), and what is marked runs to its end against a relay, an echo server and an HTTP server on
// loopback. Needs dist: `npm test` builds it.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CodeBlock, codeBlocks } from "./docs/code-blocks.ts";
import { openWorld, type World } from "./docs/world.ts";
import { rootFolder, run } from "./runtimes/index.ts";

const folder = join(rootFolder, "artifacts", "docs");
const documents = [
  "README.md",
  ...(existsSync(join(rootFolder, "docs"))
    ? readdirSync(join(rootFolder, "docs"), { recursive: true })
        .map((name) => `docs/${String(name).replaceAll("\\", "/")}`)
        .filter((name) => name.endsWith(".md"))
    : []),
];
const blocks = documents.flatMap((file) => codeBlocks(file, readFileSync(join(rootFolder, file), "utf8")));

describe("Code in documents", () => {
  let complaints: readonly string[] = [];
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const block of blocks) writeFileSync(join(folder, `${nameOf(block)}.ts`), world.place(block.code));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const tsc = join(rootFolder, "node_modules", "typescript", "bin", "tsc");
    const outcome = await run(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
      timeout: 120_000,
    });
    complaints = `${outcome.stdout}${outcome.stderr}`.split("\n").filter((line) => line !== "");
  }, 120_000);

  afterAll(async () => {
    await world?.close();
  });

  test("is found", () => {
    expect(blocks.some((block) => block.runs)).toBe(true);
  });

  test.each(blocks.map((block) => [`${block.file}:${block.line}`, block] as const))(
    "%s compiles",
    (_place, block) => {
      expect(complaints.filter((line) => line.includes(`${nameOf(block)}.ts`))).toEqual([]);
    },
  );

  test("has tokens that a relay takes: 16 characters or more", () => {
    const tokens = blocks.flatMap(({ code }) =>
      [...code.matchAll(/\btoken: "([^"]*)"/g)].map(([, token]) => token),
    );
    expect(tokens.length).toBeGreaterThan(5);
    expect(tokens.filter((token) => token.length < 16)).toEqual([]);
  });

  test("compiles as a whole", () => {
    const known = blocks.map((block) => `${nameOf(block)}.ts`);
    expect(complaints.filter((line) => !known.some((name) => line.includes(name)))).toEqual([]);
  });

  test.each(
    blocks.filter((block) => block.runs).map((block) => [`${block.file}:${block.line}`, block] as const),
  )("%s runs to its end", async (_place, block) => {
    const outcome = await run(process.execPath, [join(folder, "out", `${nameOf(block)}.js`)], {
      timeout: 20_000,
    });
    expect(outcome).toMatchObject({ code: 0, signal: null, stderr: "" });
  });
});

describe("The reader of code blocks", () => {
  test("joins what continues, adds nothing that readers do not see, and refuses unknown marks", () => {
    const markdown = [
      "<!-- declare const a: number; -->",
      "```ts",
      "a;",
      "```",
      "text",
      "```ts continue run",
      "b;",
      "```",
    ].join("\n");
    expect(codeBlocks("x.md", markdown)).toEqual([{ file: "x.md", line: 2, code: "a;\n\nb;\n", runs: true }]);
    expect(() => codeBlocks("x.md", "```ts rum\n```")).toThrow("x.md:1: unknown mark rum");
    expect(() => codeBlocks("x.md", "```js\n```")).toThrow("x.md:1: write ```ts");
  });
});

function nameOf(block: CodeBlock): string {
  return `${block.file
    .replace(/\.md$/, "")
    .replaceAll(/[^\w]+/g, "-")
    .toLowerCase()}-${block.line}`;
}

const settings = {
  compilerOptions: {
    target: "ES2022",
    module: "NodeNext",
    moduleDetection: "force",
    lib: ["ES2022", "DOM", "DOM.Iterable", "ESNext.Disposable"],
    types: ["node"],
    typeRoots: [join(rootFolder, "node_modules", "@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    rootDir: ".",
    outDir: "out",
  },
  include: ["*.ts"],
};
