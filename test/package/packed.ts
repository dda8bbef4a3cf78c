// Packs the package once and lays it out as a user's installation: the tarball's content under node_modules, with
// what its manifest asks for beside it. The dependencies are copied from here, so no registry is needed.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { rootFolder, run } from "../runtimes/index.ts";

export interface Packed {
  /** The user's folder: programs written here import "fourtuple". */
  readonly folder: string;
  readonly tarball: string;
  /** Paths in the tarball, from the package's root. */
  readonly files: readonly string[];
  remove(): void;
}

/** Needs dist, which `npm test` builds first. */
export async function pack(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-packed-"));
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const packing = ["pack", "--ignore-scripts", "--json", "--loglevel=error", "--pack-destination", folder];
  const packed = await run(npm, packing, { timeout: 60_000 });
  if (packed.code !== 0) throw new Error(`npm pack failed: ${packed.stderr}`);
  const [{ filename, files }] = JSON.parse(packed.stdout) as [
    { filename: string; files: { path: string }[] },
  ];
  const tarball = join(folder, filename);
  const installed = join(folder, "node_modules", "fourtuple");
  mkdirSync(installed, { recursive: true });
  const unpacked = await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  if (unpacked.code !== 0) throw new Error(`tar failed: ${unpacked.stderr}`);
  installDependencies(installed, join(folder, "node_modules"));
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "user", private: true, type: "module" }),
  );
  return {
    folder,
    tarball,
    files: files.map((file) => file.path),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function installDependencies(folder: string, target: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const source = join(rootFolder, "node_modules", name);
    const copy = join(target, name);
    if (existsSync(copy)) continue;
    if (!existsSync(source)) {
      // npm leaves out optional packages of other platforms too.
      if (manifest.optionalDependencies?.[name] !== undefined) continue;
      throw new Error(`${name} is not installed`);
    }
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(source, copy, { recursive: true });
    installDependencies(source, target);
  }
}
