import { existsSync } from "node:fs";
import { defineConfig, type Options } from "tsup";

const library: Record<string, string> = {
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
};

const shared: Options = {
  format: ["esm"],
  target: "es2022",
  dts: false,
  sourcemap: true,
  clean: false,
  treeshake: false,
  // tsup would rewrite "node:net" to "net".
  removeNodeProtocol: false,
};

export default defineConfig(
  [
    // Splitting stays on: without it each entry gets its own NetError and `instanceof` breaks between entries.
    { ...shared, entry: library, splitting: true, platform: "neutral" },
    // The command line carries its own libraries, so that the package's dependencies stay few.
    {
      ...shared,
      entry: { cli: "src/cli/index.ts" },
      splitting: true,
      platform: "node",
      noExternal: [/^(?!node:)/],
      external: ["msgpackr-extract", "bufferutil", "utf-8-validate"],
      banner: {
        js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
      },
    },
  ].filter((options) => Object.values(options.entry).some((file) => existsSync(file))) as Options[],
);
