// npm run bench: fourtuple's tunnel beside bare sockets and the thinnest relays. Everything is measured in turn, round
// after round, so that what the machine does meanwhile meets all contenders alike. See docs/benchmarks.md.

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildRoles } from "./build.ts";
import { Field } from "./field.ts";
import { describeMachine } from "./machine.ts";
import { core } from "./measures/core.ts";
import { idle } from "./measures/idle.ts";
import { links } from "./measures/links.ts";
import { besideBulk, opening, ping, throughput } from "./measures/loopback.ts";
import type { Measure } from "./measures/measure.ts";
import { memory } from "./measures/memory.ts";
import { pair } from "./measures/pair.ts";
import { resume } from "./measures/resume.ts";
import { sessions } from "./measures/sessions.ts";
import { slowPath } from "./measures/slow-path.ts";
import { type BenchOptions, help, readOptions } from "./options.ts";
import { report } from "./report.ts";
import { Results } from "./results.ts";
import { judge } from "./targets.ts";

const measures: readonly Measure[] = [
  ...throughput,
  ping,
  besideBulk,
  ...opening,
  slowPath,
  links,
  resume,
  memory,
  sessions,
  pair,
  core,
  idle,
];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

async function main(options: BenchOptions): Promise<void> {
  const machine = describeMachine(root);
  const results = new Results();
  const { profile, hasHeapRoom } = options;
  const scripts = await buildRoles(root);
  const nodeOptions = [...options.nodeOptions];
  if (hasHeapRoom) nodeOptions.push(`--import=${pathToFileURL(join(scripts, "heap-room.js"))}`);
  const field = await Field.start({ scripts, profile, nodeOptions });
  const began = performance.now();
  try {
    for (let round = 0; round < options.rounds; round++) await runRound(field, results, options, round);
  } finally {
    await field.end();
  }
  const seconds = (performance.now() - began) / 1e3;
  progress("");
  console.log(report(results, machine, options.contenders));
  const given = [hasHeapRoom ? "with heap room" : "without heap room", ...options.nodeOptions];
  console.log(`\nAll processes ${given.join(", ")}`);
  console.log(`\n${options.rounds} rounds, ${seconds.toFixed(0)} s`);
  if (options.json !== null) {
    const { samples, failures } = results;
    const figures = { machine, options, seconds, verdicts: judge(results), failures, samples };
    writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  }
  if (results.failures.length > 0) process.exitCode = 1;
}

async function runRound(field: Field, results: Results, options: BenchOptions, round: number): Promise<void> {
  for (const measure of measures) {
    if (!options.only.includes(measure.name) || !measure.takesPart(round)) continue;
    const contenders = measure.contenders.filter((name) => options.contenders.includes(name));
    for (let turn = 0; turn < contenders.length; turn++) {
      // Another one goes first in each round: being first, or after the heaviest, is no advantage then.
      const contender = contenders[(turn + round) % contenders.length];
      progress(`round ${round + 1} of ${options.rounds}: ${measure.name}, ${contender}`);
      try {
        results.add(round, contender, await measure.run(field, contender, options.seconds));
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        results.failures.push({ measure: measure.name, contender, round, text });
      }
    }
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) console.log(help);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
