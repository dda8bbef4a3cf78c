// JavaScript only: tsc writes the declarations (scripts/build.mjs), one for each source file.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Options } from "tsup";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

const shared: Options = {
  format: ["esm"],
  target: "es2022",
  dts: false,
  clean: false,
  treeshake: false,
  // tsup would rewrite "node:net" to "net".
  removeNodeProtocol: false,
};

export default defineConfig([
  {
    ...shared,
    entry: {
      "index.node": "src/index.node.ts",
      "index.deno": "src/index.deno.ts",
      "index.browser": "src/index.browser.ts",
      "index.default": "src/index.default.ts",
      core: "src/core/index.ts",
      sim: "src/core/sim/index.ts",
      node: "src/adapters/node/index.ts",
      deno: "src/adapters/deno/index.ts",
      websocket: "src/adapters/websocket/index.ts",
      "relay.node": "src/relay/index.node.ts",
      "relay.deno": "src/relay/index.deno.ts",
      "relay.bun": "src/relay/index.bun.ts",
      http: "src/http/index.ts",
    },
    // Leaves node:* alone; the entries for browsers reach none of it (test/package holds that).
    platform: "node",
    sourcemap: true,
    // Without splitting each entry gets its own NetError, and `instanceof` fails between entries.
    splitting: true,
  },
  // The command line carries its own libraries, so that the package's dependencies stay few.
  {
    ...shared,
    entry: { cli: "src/cli/index.ts" },
    platform: "node",
    splitting: true,
    noExternal: [/^(?!node:)/],
    esbuildPlugins: [licences("cli")],
    external: ["msgpackr-extract", "bufferutil", "utf-8-validate"],
    // Libraries in CommonJS call require() for Node's own modules.
    banner: {
      js: 'import { createRequire as createRequireForBundle } from "node:module";\nconst require = createRequireForBundle(import.meta.url);',
    },
  },
  // For <script type="module">: one file that imports nothing.
  {
    ...shared,
    entry: { "browser.min": "src/index.browser.ts" },
    platform: "browser",
    splitting: false,
    minify: true,
    noExternal: [/./],
    esbuildPlugins: [licences("browser.min")],
  },
]);

/** Writes the licences of the packages that a bundle carries beside it. */
function licences(bundle: string): Plugin {
  return {
    name: "licences",
    setup(build) {
      build.initialOptions.metafile = true;
      build.onEnd(({ metafile }) => {
        const folders = Object.keys(metafile?.inputs ?? {}).flatMap(
          (path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [],
        );
        const texts = [...new Set(folders)].sort().map(licenceOf);
        writeFileSync(join("dist", `${bundle}.licences.txt`), texts.join(`\n${"-".repeat(80)}\n\n`));
      });
    },
  };
}

function licenceOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  const text =
    file === undefined ? `Licence: ${manifest["license"]}\n` : readFileSync(join(folder, file), "utf8");
  return `${manifest["name"]} ${manifest["version"]}\n\n${text}`;
}
