// Type-checks each room with its own tsconfig.json, so that a room cannot use what its tsconfig does not offer.
// `node scripts/check-types.mjs core/net relay` checks only these rooms.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const wanted = process.argv.slice(2);

const configs = readdirSync(join(root, "src"), { recursive: true })
  .map((path) => `src/${String(path).replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith("/tsconfig.json"))
  .filter((path) => hasSources(path))
  .concat("tsconfig.json")
  .filter((path) => wanted.length === 0 || wanted.some((room) => path === `src/${room}/tsconfig.json`))
  .sort();

let failed = 0;
const queue = [...configs];
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
console.log(`${configs.length - failed} of ${configs.length} rooms type-check`);
process.exitCode = failed === 0 ? 0 : 1;

async function work() {
  for (let config = queue.shift(); config !== undefined; config = queue.shift()) {
    const { code, output } = await run(config);
    if (code === 0) continue;
    failed += 1;
    console.error(`${config}:\n${output}`);
  }
}

function run(config) {
  return new Promise((resolve) => {
    // What is known of unchanged files is kept in build/, which makes the next check several times as fast.
    const known = join(root, "build", "types", `${config.replaceAll("/", "-")}.tsbuildinfo`);
    const options = ["--noEmit", "--incremental", "--tsBuildInfoFile", known, "--pretty", "false"];
    const child = spawn(process.execPath, [tsc, "-p", config, ...options], { cwd: root });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** tsc fails on a config without any file: a room that holds none yet is left out. */
function hasSources(config) {
  const room = join(root, dirname(config));
  return readdirSync(room, { recursive: true }).some(
    (path) => String(path).endsWith(".ts") && !String(path).endsWith(".d.ts"),
  );
}
