// npm run bench:lossy: fourtuple's TCP beside Linux's over a bad path, flow by flow in turn. See docs/kernel.md.

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { whyNot } from "../../test/kernel/requirements.ts";
import { buildRoles } from "../build.ts";
import { describeMachine } from "../machine.ts";
import { help, type LossyOptions, readOptions } from "./options.ts";
import { type Results, report } from "./report.ts";
import { run } from "./runs.ts";
import { allowControls, Topology } from "./topology.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

async function main(options: LossyOptions): Promise<void> {
  // The roles find koffi there.
  process.env["NODE_PATH"] = join(root, "test", "runtimes", "node_modules");
  const roles = ["emulator", "kernel-end", "stack-end"];
  const scripts = await buildRoles(root, {
    folder: "bench-lossy",
    roles: Object.fromEntries(roles.map((role) => [role, `bench/lossy/roles/${role}.ts`])),
  });
  const restore = allowControls(["cubic", "bbr", "reno"]);
  process.on("exit", restore);
  const topology = await Topology.create(scripts);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void topology.end().finally(() => process.exit(1)));
  }
  const results: Results = { kernel: [], stack: [], shared: [] };
  try {
    for (let seed = 1; seed <= options.seeds; seed++) await runSeed(topology, options, seed, results);
  } finally {
    await topology.end();
  }
  console.log(report(results, options));
  if (options.json !== null) {
    const figures = { machine: describeMachine(root), options, ...results };
    writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  }
}

async function runSeed(
  topology: Topology,
  options: LossyOptions,
  seed: number,
  results: Results,
): Promise<void> {
  const { seconds } = options;
  for (const control of options.controls) {
    for (const loss of options.losses) {
      const settings = { control, loss, seed, seconds };
      progress(`seed ${seed} of ${options.seeds}: ${control}, loss ${loss * 100} %`);
      if (options.alone) {
        results.kernel.push(await run(topology, ["kernel"], settings));
        results.stack.push(await run(topology, ["stack"], settings));
      }
      // Two flows need time to find their parts.
      const longer = { ...settings, seconds: 3 * seconds };
      if (options.share) results.shared.push(await run(topology, ["kernel", "stack"], longer));
    }
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

try {
  const options = readOptions(process.argv.slice(2));
  const reason = whyNot();
  if (options === null) console.log(help);
  else if (reason !== null) console.log(`Not run: ${reason}`);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
