// package.json, deno.json, src/version.ts and the lock files agree with each other and with the tree.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { rootFolder } from "../runtimes/index.ts";

type Conditions = Readonly<Record<string, string>>;

interface NpmManifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Conditions>>;
  readonly bin: Conditions;
  readonly scripts: Conditions;
  readonly sideEffects: readonly string[];
  readonly dependencies: Conditions;
  readonly devDependencies: Conditions;
}

interface DenoManifest {
  readonly version: string;
  readonly exports: Conditions;
  readonly imports: Conditions;
}

interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly resolved?: string; readonly optionalDependencies?: Conditions }>
  >;
}

const npm = read<NpmManifest>("package.json");
const deno = read<DenoManifest>("deno.json");

describe("Manifests", () => {
  test("name one version", () => {
    expect([npm.version, deno.version]).toEqual([version, version]);
  });

  test("offer the same entries on npm and JSR", () => {
    const entries = Object.keys(npm.exports).filter((entry) => entry !== "./package.json");
    expect(Object.keys(deno.exports)).toEqual(entries);
  });

  test("deno.json names files that exist", () => {
    const missing = Object.values(deno.exports).filter((path) => !existsSync(join(rootFolder, path)));
    expect(missing).toEqual([]);
  });

  test("package.json names files that the build wrote", () => {
    const paths = Object.values(npm.exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    const all = [...paths, ...Object.values(npm.bin), ...npm.sideEffects];
    expect(all.filter((path) => !existsSync(join(rootFolder, path)))).toEqual([]);
  });

  test("build before npm packs, types too, so that no package is without dist", () => {
    expect(npm.scripts["prepack"]).toBe(`${npm.scripts["build"]} --if-changed`);
  });

  test("name types first, deno and bun before node, and a default last", () => {
    for (const [entry, target] of Object.entries(npm.exports)) {
      if (typeof target === "string") continue;
      const conditions = Object.keys(target);
      expect([entry, conditions[0], conditions.at(-1)]).toEqual([entry, "types", "default"]);
      const node = conditions.indexOf("node");
      if (node === -1) continue;
      expect([entry, conditions.slice(0, node)]).toEqual([entry, expect.arrayContaining(["deno", "bun"])]);
    }
  });

  test("ask for the same versions of what JSR needs too", () => {
    for (const [name, range] of Object.entries(npm.dependencies)) {
      expect([name, deno.imports[name]]).toEqual([name, `npm:${name}@${range}`]);
    }
    const bare = Object.keys(deno.imports).map((name) => name.replace(/\/$/, ""));
    expect([...new Set(bare)].sort()).toEqual(Object.keys(npm.dependencies).sort());
  });
});

describe.each(["package-lock.json", "test/runtimes/package-lock.json"])("%s", (path) => {
  const lock = read<LockFile>(path);

  test("names no download host", () => {
    expect(Object.keys(lock.packages).filter((name) => lock.packages[name].resolved !== undefined)).toEqual(
      [],
    );
  });

  test("holds the optional packages of every platform, without which npm ci fails", () => {
    const missing = Object.entries(lock.packages).flatMap(([from, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => !isReachable(lock, from, name))
        .map((name) => `${name} for ${from}`),
    );
    expect(missing).toEqual([]);
  });
});

/** Whether `from` finds `name` in its own node_modules or in one above. */
function isReachable(lock: LockFile, from: string, name: string): boolean {
  const parts = from.split("/node_modules/");
  for (let depth = parts.length; depth > 0; depth -= 1) {
    const base = parts.slice(0, depth).join("/node_modules/");
    const path = base === "" ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (lock.packages[path] !== undefined) return true;
  }
  return lock.packages[`node_modules/${name}`] !== undefined;
}

function read<Value>(path: string): Value {
  return JSON.parse(readFileSync(join(rootFolder, path), "utf8")) as Value;
}
