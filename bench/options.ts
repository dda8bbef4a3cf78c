// The command line of `npm run bench`.

import { parseArgs } from "node:util";
import { type ContenderName, contenderNames } from "./contenders/contender.ts";
import { type MeasureName, measureNames } from "./measures/names.ts";

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly only: readonly MeasureName[];
  readonly contenders: readonly ContenderName[];
  /** Where the figures are written as JSON. */
  readonly json: string | null;
  /** A directory for CPU profiles of all processes. */
  readonly profile: string | null;
  /** Whether all processes begin with keepHeapRoom(). */
  readonly hasHeapRoom: boolean;
  /** Options of Node and V8 for all measured processes. */
  readonly nodeOptions: readonly string[];
}

export const help: string = `Compares fourtuple's tunnel with the thinnest relays, in one run, A B A B.

  npm run bench -- [options]

  --only NAME        measures only this: ${measureNames.join(", ")}
                     (may be given several times, or with commas)
  --contender NAME   runs only this one beside pipe: ${contenderNames.join(", ")}
  --rounds N         how often everything is measured; default 4
  --seconds N        about how long each measurement takes; default 0.8
  --json FILE        writes all figures to FILE
  --profile DIR      writes CPU profiles of all processes to DIR
  --no-heap-room     leaves V8's collector as it comes, in all processes; they
                     begin with keepHeapRoom() else, as fourtuple's programs do
  --node OPTION      starts all processes with this option of Node or V8, as in
                     --node=--trace-gc (may be given several times)
  --help

The default takes about five minutes. Leave the machine alone meanwhile.`;

/** Null when help was asked for. @throws {Error} for what is no option */
export function readOptions(parameters: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      only: { type: "string", multiple: true },
      contender: { type: "string", multiple: true },
      rounds: { type: "string", default: "4" },
      seconds: { type: "string", default: "0.8" },
      json: { type: "string" },
      profile: { type: "string" },
      "no-heap-room": { type: "boolean", default: false },
      node: { type: "string", multiple: true },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const contenders = names(values.contender, contenderNames, "contender");
  return {
    rounds: Math.ceil(positive("rounds", values.rounds)),
    seconds: positive("seconds", values.seconds),
    only: names(values.only, measureNames, "measure"),
    contenders: contenderNames.filter((name) => name === "pipe" || contenders.includes(name)),
    json: values.json ?? null,
    profile: values.profile ?? null,
    hasHeapRoom: !values["no-heap-room"],
    nodeOptions: values.node ?? [],
  };
}

function names<Name extends string>(
  given: readonly string[] | undefined,
  all: readonly Name[],
  kind: string,
): readonly Name[] {
  if (given === undefined) return all;
  const wanted = given.flatMap((text) => text.split(","));
  for (const name of wanted) {
    if (all.includes(name as Name)) continue;
    throw new Error(`There is no ${kind} "${name}": expected one of ${all.join(", ")}`);
  }
  return all.filter((name) => wanted.includes(name));
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`Cannot use --${name} ${text}: expected a number above 0`);
  return value;
}
