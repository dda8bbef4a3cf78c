// Builds the roles into plain JavaScript. A loader's wrappers around every function would be measured otherwise.

import { mkdirSync, rmSync } from "node:fs";
import { build } from "tsup";

const roles = ["server", "client", "pipe-relay", "mux-relay", "tunnel-relay", "path", "pair"] as const;

/** Returns the directory of the built roles. Inside the tree, so that dependencies are found from there. */
export async function buildRoles(root: string): Promise<string> {
  const out = `${root}/artifacts/bench`;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build({
    config: false,
    silent: true,
    entry: Object.fromEntries(roles.map((role) => [role, `${root}/bench/roles/${role}.ts`])),
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
  });
  return out;
}
