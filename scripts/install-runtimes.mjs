// Installs test/runtimes (deno, bun, chromium, bundlers, interop libraries): large, and needed by tests only.
// Quick when already installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
  // What is there already stays: only the difference is fetched. Neither of the two writes the lock file.
  const isThere = existsSync(join(folder, "node_modules", ".package-lock.json"));
  const how = isThere ? ["install", "--no-save"] : ["ci"];
  const result = spawnSync(
    "npm",
    [...how, "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
      shell: process.platform === "win32",
    },
  );
  if (result.status !== 0) {
    console.error(`Cannot install test/runtimes: npm ${how[0]} failed (is the package registry reachable?)`);
    process.exit(1);
  }
  if (process.platform === "linux" && process.arch === "x64") unpackChromium();
  writeFileSync(stamp, wanted);
  console.log("test/runtimes is installed");
}

/**
 * Unpacks Chromium once, here: its package unpacks into the temporary folder at first use, where test files that run
 * side by side find a half-written program. The variable for AWS makes it unpack the shared libraries too, for
 * machines that lack them.
 */
function unpackChromium() {
  const target = join(folder, "node_modules", ".chromium");
  mkdirSync(target, { recursive: true });
  const program = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
  const result = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, TMPDIR: target, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x" },
  });
  if (result.status !== 0) {
    console.error("Cannot unpack Chromium: its package's script failed");
    process.exit(1);
  }
}
