// Builds the roles into plain JavaScript. A loader's wrappers around every function would be measured otherwise.

import { mkdirSync, rmSync } from "node:fs";
import { build } from "tsup";

const names = [
  "server",
  "client",
  "pipe-relay",
  "mux-relay",
  "tunnel-relay",
  "path",
  "pair",
  "core",
  "sessions",
  "heap-room",
] as const;

/** What is built: names and their files from the root, into a directory of its own. */
export interface RoleSet {
  readonly folder: string;
  readonly roles: Readonly<Record<string, string>>;
}

const benchRoles: RoleSet = {
  folder: "bench",
  roles: Object.fromEntries(names.map((name) => [name, `bench/roles/${name}.ts`])),
};

/** Returns the directory of the built roles. Inside the tree, so that dependencies are found from there. */
export async function buildRoles(root: string, { folder, roles }: RoleSet = benchRoles): Promise<string> {
  const out = `${root}/artifacts/${folder}`;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build({
    config: false,
    silent: true,
    entry: Object.fromEntries(Object.entries(roles).map(([name, path]) => [name, `${root}/${path}`])),
    outDir: out,
    outExtension: () => ({ js: ".js" }),
    format: ["esm"],
    target: "es2022",
    platform: "node",
    splitting: true,
    sourcemap: true,
    dts: false,
    clean: false,
    removeNodeProtocol: false,
    // The text of the programs is on the heap, and from 8 MiB on V8 collects all of it again and again where many
    // buffers come and go. Names stay, for profiles.
    esbuildOptions: (options) => {
      options.minifyWhitespace = true;
    },
  });
  return out;
}
