// Holds what ARCHITECTURE.md says of the tree: who may import whom, what a room may name, no cycles, sizes, headers.
// Type-checking holds the rest: each room has its own tsconfig.json, so a clock in core/tcp does not compile.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { roomOf, rooms } from "./architecture/rooms.ts";
import { type Finding, SourceFile } from "./architecture/source-file.ts";

const source = join(dirname(dirname(fileURLToPath(import.meta.url))), "src");
const files: readonly SourceFile[] = readdirSync(source, { recursive: true })
  .map((path) => String(path).replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts") && statSync(join(source, path)).isFile())
  .sort()
  .map((path) => new SourceFile(path, readFileSync(join(source, path), "utf8")));
const pure = files.filter((file) => /^core\/(wire|tcp|stack)\//.test(file.path));

describe("Rooms", () => {
  test("every file is in a room of the table", () => {
    expect(files.filter((file) => roomOf(file.path) === undefined).map((file) => file.path)).toEqual([]);
  });

  test.each(rooms)("$name imports only what the table allows", (room) => {
    const inside = files.filter((file) => roomOf(file.path) === room);
    const broken = inside.flatMap((file) =>
      importsOf(file).flatMap(({ target, specifier, typeOnly, line }) => {
        const where = `${file.path}:${line} imports ${specifier}`;
        if (target === undefined) {
          const allowed = room.packages.some((name) => name.test(specifier));
          return allowed || (typeOnly && room.runtime) ? [] : [where];
        }
        const other = roomOf(target);
        if (other === undefined) return [`${where}, which is in no room`];
        if (other === room) return [];
        if (target === "version.ts" && room.name !== "core/wire") return [];
        if (!room.rooms.includes(other.name)) return [where];
        const part = room.only?.[other.name];
        return part === undefined || part.test(target) ? [] : [where];
      }),
    );
    expect(broken).toEqual([]);
  });

  test("every relative import names a file that exists, with its .ts ending", () => {
    const paths = new Set(files.map((file) => file.path));
    const broken = files.flatMap((file) =>
      importsOf(file)
        .filter(({ target }) => target !== undefined && !paths.has(target))
        .map(({ specifier, line }) => `${file.path}:${line} imports ${specifier}`),
    );
    expect(broken).toEqual([]);
  });

  test("only adapters, relay/serve-*, the command line and the entries name a runtime", () => {
    const neutral = files.filter((file) => roomOf(file.path)?.runtime === false);
    const names = ["Deno", "Bun", "Buffer", "process", "require", "__dirname", "__filename"];
    expect(neutral.flatMap((file) => describeAll(file, file.uses(names)))).toEqual([]);
    // `globalThis["process"]` would be the same under another name.
    const quoted = /\[\s*(["'`])(Deno|Bun|Buffer|process|require)\1\s*\]/g;
    expect(neutral.flatMap((file) => describeAll(file, file.matches(quoted)))).toEqual([]);
  });

  test("wire, tcp and stack name no clock, no timer and no randomness", () => {
    const names = [
      "Date",
      "performance",
      "setTimeout",
      "setInterval",
      "setImmediate",
      "queueMicrotask",
      "crypto",
    ];
    expect(pure.flatMap((file) => describeAll(file, file.uses(names)))).toEqual([]);
    expect(pure.flatMap((file) => describeAll(file, file.matchesInCode(/\bMath\s*\.\s*random\b/g)))).toEqual(
      [],
    );
    expect(
      pure.flatMap((file) => describeAll(file, file.uses(["globalThis", "async", "await", "Promise"]))),
    ).toEqual([]);
  });

  test("no file imports itself through others", () => {
    expect(cycles()).toEqual([]);
  });
});

describe("Style", () => {
  test("every file opens with two to eight comment lines; one is enough for a file of up to 80", () => {
    const least = (file: SourceFile): number => (file.lineCount <= 80 ? 1 : 2);
    const broken = files.filter((file) => file.header.length < least(file) || file.header.length > 8);
    expect(broken.map((file) => `${file.path}: ${file.header.length} lines`)).toEqual([]);
  });

  test("a file of more than 500 lines gives its reason in its first comment", () => {
    const broken = files.filter((file) => file.lineCount > 500 && !/\blines\b/.test(file.header.join(" ")));
    expect(broken.map((file) => `${file.path}: ${file.lineCount} lines`)).toEqual([]);
  });

  test("the median file has at most 150 lines", () => {
    const lengths = files.map((file) => file.lineCount).sort((a, b) => a - b);
    expect(lengths[lengths.length >> 1]).toBeLessThanOrEqual(150);
  });

  test("names say what a file holds: no utils, helpers or manager", () => {
    const broken = files.filter((file) => /\b(utils?|helpers?|managers?|common|misc)\b/.test(file.path));
    expect(broken.map((file) => file.path)).toEqual([]);
  });

  test("nothing is left to do: no TODO, FIXME, XXX or HACK", () => {
    expect(files.flatMap((file) => describeAll(file, file.matches(/\b(TODO|FIXME|XXX|HACK)\b/g)))).toEqual(
      [],
    );
  });

  test("no #private, no default export, no global declaration (JSR refuses it)", () => {
    const hash = /(?:this|[\w$]+)\s*\.\s*#[\w$]+|^\s*(?:static\s+|readonly\s+)*#[\w$]+/gm;
    expect(files.flatMap((file) => describeAll(file, file.matchesInCode(hash)))).toEqual([]);
    const statements = /^\s*export\s+default\b|^\s*declare\s+(?:global|module)\b/gm;
    expect(files.flatMap((file) => describeAll(file, file.matchesInCode(statements)))).toEqual([]);
  });
});

describe("Loading a module", () => {
  const calls: string[] = [];
  const restore: (() => void)[] = [];
  afterAll(() => {
    for (const undo of restore.reverse()) undo();
  });

  test("starts no timer, draws no randomness and reads no clock", async () => {
    watch(globalThis, [
      "setTimeout",
      "setInterval",
      "setImmediate",
      "queueMicrotask",
      "fetch",
      "MessageChannel",
    ]);
    watch(globalThis, ["WebSocket"]);
    watch(Math, ["random"]);
    watch(Date, ["now"]);
    watch(performance, ["now"]);
    watch(crypto, ["getRandomValues", "randomUUID"]);
    for (const file of files) {
      // A program (it has a shebang) runs when it is loaded; that is what it is for.
      if (file.text.startsWith("#!")) continue;
      await import(/* @vite-ignore */ join(source, file.path));
    }
    expect(calls).toEqual([]);
    // The watch itself works: what a test calls is told apart from what src calls by the stack alone.
    expect(fromSource("at x (/here/src/core/net/timers.ts:1:1)")).toBe(true);
  });

  function watch(target: object, names: readonly string[]): void {
    for (const name of names) {
      const original: unknown = Reflect.get(target, name);
      if (typeof original !== "function") continue;
      const described = Object.getOwnPropertyDescriptor(target, name);
      const watched = new Proxy(original, {
        apply(f, self, parameters) {
          note(name);
          return Reflect.apply(f, self, parameters) as unknown;
        },
        construct(f, parameters, newTarget) {
          note(name);
          return Reflect.construct(f, parameters, newTarget) as object;
        },
      });
      Object.defineProperty(target, name, { value: watched, configurable: true, writable: true });
      restore.push(() => {
        if (described === undefined) Reflect.deleteProperty(target, name);
        else Object.defineProperty(target, name, described);
      });
    }
  }

  function note(name: string): void {
    const stack = new Error().stack ?? "";
    if (fromSource(stack)) calls.push(`${name} ${stack.split("\n").find(fromSource)?.trim()}`);
  }

  function fromSource(text: string): boolean {
    return /\/src\/(?!.*node_modules)[\w./-]+\.ts/.test(text) && !text.includes("/node_modules/vite");
  }
});

describe("The reader of source files", () => {
  test("finds imports of every form and tells types from values", () => {
    const file = new SourceFile(
      "x.ts",
      [
        'import type { A } from "./a.ts";',
        'import { type B, type C } from "./b.ts";',
        'import { type D, d } from "./d.ts";',
        'export * from "./e.ts";',
        'import "./f.ts";',
        'const g = await import("./g.ts");',
        '// import { h } from "./h.ts";',
        "import {\n  i,\n} from './i.ts';",
        'let j: import("./j.ts").J;',
      ].join("\n"),
    );
    const found = Object.fromEntries(file.imports().map(({ specifier, typeOnly }) => [specifier, typeOnly]));
    expect(found).toEqual({
      "./a.ts": true,
      "./b.ts": true,
      "./d.ts": false,
      "./e.ts": false,
      "./f.ts": false,
      "./g.ts": false,
      "./i.ts": false,
      "./j.ts": true,
    });
  });

  test("sees names in code and in template expressions, not in comments, strings and regular expressions", () => {
    const text =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is a source file
      'a(Deno); // Deno\n/* Deno */ "Deno"; /Deno/.test(`Deno ${Deno.x} ${`${Deno}`} Deno`); b / Deno / 2;';
    expect(new SourceFile("x.ts", text).uses(["Deno"])).toHaveLength(4);
  });

  test("tells a global from a property of the same name", () => {
    const text = "process.exit(); ipaddr.process(x); globalThis.process; a?.process; [...process];";
    expect(new SourceFile("x.ts", text).uses(["process"])).toHaveLength(3);
  });

  test("takes the header after a shebang and a reference", () => {
    const text = '#!/usr/bin/env node\n/// <reference lib="x" />\n// One.\n// Two.\n\n// Three.\n';
    expect(new SourceFile("x.ts", text).header).toEqual(["One.", "Two."]);
  });
});

interface ResolvedImport {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
  /** Path from src; undefined for a package. */
  readonly target: string | undefined;
}

function importsOf(file: SourceFile): readonly ResolvedImport[] {
  return file.imports().map((found) => ({
    ...found,
    target: found.specifier.startsWith(".")
      ? posix.join(posix.dirname(file.path), found.specifier)
      : undefined,
  }));
}

function describeAll(file: SourceFile, findings: readonly Finding[]): string[] {
  return findings.map(({ text, line }) => `${file.path}:${line} ${text}`);
}

/** Cycles of imports that exist at run time; types may refer to each other. */
function cycles(): string[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file).flatMap(({ target, typeOnly }) => (target === undefined || typeOnly ? [] : [target])),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      found.push([...trail.slice(at), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const file of files) visit(file.path, []);
  return found;
}
