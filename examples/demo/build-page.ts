// Bundles the page with Vite: index.html, its program and its styles. Nothing is written to disk, so that a second demo
// in the same checkout takes no file from under the first.

import { fileURLToPath } from "node:url";
import { build } from "vite";

/** The files of the page, by path: "index.html", "assets/...". */
export type PageFiles = ReadonlyMap<string, Uint8Array>;

export async function buildPage(): Promise<PageFiles> {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    root: fileURLToPath(new URL("page/", import.meta.url)),
    // Relative addresses: the page may be served under any path.
    base: "./",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      chunkSizeWarningLimit: 1_000,
    },
  });
  const files = new Map<string, Uint8Array>();
  for (const result of Array.isArray(built) ? built : [built]) {
    if (!("output" in result)) continue;
    for (const file of result.output) {
      const content = file.type === "chunk" ? file.code : file.source;
      files.set(file.fileName, typeof content === "string" ? Buffer.from(content) : content);
    }
  }
  return files;
}
