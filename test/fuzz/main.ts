// npm run fuzz -- --minutes N: case after case, each a seed, until the time is over or one fails; then it says how to run
// that one again. The targets take turns by time.

import { parseArgs } from "node:util";
import type { FuzzTarget } from "./target.ts";
import { targets } from "./targets.ts";

const help = `Throws inputs at fourtuple until the time is over or something fails.

  npm run fuzz -- [options]

  --minutes N      how long; default 5
  --target NAME    only this; may be given several times
${targets.map(({ name, about }) => `                     ${name}: ${about}`).join("\n")}
  --seed N         the first case; default is the time, so that every run has other cases
  --cases N        runs so many cases of each target, however long that takes
  --help`;

interface Tally {
  cases: number;
  inputs: number;
  seconds: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      target: { type: "string", multiple: true },
      seed: { type: "string" },
      cases: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const chosen = targets.filter(({ name }) => values.target === undefined || values.target.includes(name));
  const unknown = values.target?.filter((name) => targets.every((target) => target.name !== name)) ?? [];
  if (unknown.length > 0) throw new Error(`There is no target "${unknown[0]}"`);
  const first = number("seed", values.seed ?? String(Math.floor(Date.now() / 1000) * 1000));
  const most = values.cases === undefined ? Number.POSITIVE_INFINITY : number("cases", values.cases);
  const end =
    most < Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : performance.now() + number("minutes", values.minutes) * 60_000;
  const tallies = new Map<FuzzTarget, Tally>(
    chosen.map((target) => [target, { cases: 0, inputs: 0, seconds: 0 }]),
  );
  let current = "";
  // What nobody awaited fails the case under way.
  process.on("unhandledRejection", (error) => fail(current, error));
  console.log(`Seeds from ${first}`);
  for (let turn = 0; performance.now() < end && turn < most * chosen.length; turn++) {
    const target = most < Number.POSITIVE_INFINITY ? chosen[turn % chosen.length] : leastRun(tallies);
    const tally = tallies.get(target) as Tally;
    const seed = first + tally.cases;
    current = `npm run fuzz -- --target ${target.name} --seed ${seed} --cases 1`;
    const began = performance.now();
    try {
      tally.inputs += await target.run(seed);
    } catch (error) {
      fail(current, error);
    }
    tally.cases++;
    tally.seconds += (performance.now() - began) / 1000;
  }
  for (const [target, { cases, inputs, seconds }] of tallies) {
    console.log(
      `${target.name.padEnd(11)} ${String(cases).padStart(9)} cases ${String(inputs).padStart(12)} inputs ${seconds.toFixed(0).padStart(6)} s`,
    );
  }
  console.log("Nothing failed");
}

function leastRun(tallies: ReadonlyMap<FuzzTarget, Tally>): FuzzTarget {
  return [...tallies].reduce((least, entry) => (entry[1].seconds < least[1].seconds ? entry : least))[0];
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new Error(`Cannot use --${name} ${text}: expected a number`);
  return value;
}

function fail(command: string, error: unknown): never {
  console.error(error);
  console.error(`\nFailed. Once more:\n  ${command}`);
  process.exit(1);
}

await main();
