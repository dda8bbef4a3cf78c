// Bundles the page with Vite: index.html, its program and its styles, into a folder that git does not know.

import { fileURLToPath } from "node:url";
import { build } from "vite";

/** Where the built page lies. */
export const pageFolder: string = fileURLToPath(new URL("../../build/demo/", import.meta.url));

export async function buildPage(): Promise<void> {
  await build({
    configFile: false,
    logLevel: "warn",
    root: fileURLToPath(new URL("page/", import.meta.url)),
    // Relative addresses: the page may be served under any path.
    base: "./",
    build: {
      outDir: pageFolder,
      emptyOutDir: true,
      target: "es2022",
      modulePreload: false,
      chunkSizeWarningLimit: 1_000,
    },
  });
}
