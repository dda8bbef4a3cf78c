// Installs test/runtimes (deno, bun, chromium, bundlers, interop libraries): large, and needed by tests only.
// Quick when already installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "test", "runtimes");
const stamp = join(folder, "node_modules", ".installed");
const wanted = createHash("sha256")
  .update(readFileSync(join(folder, "package.json")))
  .update(readFileSync(join(folder, "package-lock.json")))
  .digest("hex");

if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) {
  console.log("test/runtimes is installed");
} else {
  console.log("Installing test/runtimes (deno, bun, chromium and others; about 500 MB, once)");
  const result = spawnSync("npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (result.status !== 0) {
    console.error("Cannot install test/runtimes: npm ci failed (is the package registry reachable?)");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
  console.log("test/runtimes is installed");
}
