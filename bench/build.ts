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
    // The text of the programs is on the heap, and from 8 MiB on V8 collects all of it again and again where many
    // buffers come and go. Names stay, for profiles.
    esbuildOptions: (options) => {
      options.minifyWhitespace = true;
    },
  });
  return out;
}
