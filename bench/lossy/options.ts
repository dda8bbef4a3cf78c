// The command line of `npm run bench:lossy`.

import { parseArgs } from "node:util";

export const controlNames = ["cubic", "bbr", "newreno"] as const;
export type ControlName = (typeof controlNames)[number];

export interface LossyOptions {
  /** Seconds of each transfer. */
  readonly seconds: number;
  readonly seeds: number;
  readonly controls: readonly ControlName[];
  /** Parts of 1. */
  readonly losses: readonly number[];
  readonly alone: boolean;
  readonly share: boolean;
  /** Where the figures are written as JSON. */
  readonly json: string | null;
}

export const help: string = `Compares fourtuple's TCP with Linux's over one emulated path: 100 Mbit/s, 50 ms there and
back, a drop-tail queue of one bandwidth-delay product, loss on data. Needs Linux, root and /dev/net/tun.

  npm run bench:lossy -- [options]

  --only NAME        measures only this: ${[...controlNames, "alone", "share"].join(", ")}; default cubic,bbr,alone,share
                     (may be given several times, or with commas). share: a flow of each on the same path
  --loss PERCENT     only at this loss; default 0,0.01,0.1,1,2
  --seconds N        how long each transfer takes, and a third of what sharing does; default 10
  --seeds N          how often each is repeated, with other losses; default 3
  --json FILE        writes all figures to FILE
  --help`;

/** Null when help was asked for. @throws {Error} for what is no option */
export function readOptions(parameters: readonly string[]): LossyOptions | null {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      only: { type: "string", multiple: true },
      loss: { type: "string", multiple: true },
      seconds: { type: "string", default: "10" },
      seeds: { type: "string", default: "3" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const only = (values.only ?? []).flatMap((text) => text.split(","));
  const known: readonly string[] = [...controlNames, "alone", "share"];
  for (const name of only) {
    if (!known.includes(name)) throw new Error(`There is no "${name}": expected one of ${known.join(", ")}`);
  }
  const controls = controlNames.filter((name) => only.includes(name));
  const hasKind = only.includes("alone") || only.includes("share");
  return {
    seconds: positive("seconds", values.seconds),
    seeds: Math.ceil(positive("seeds", values.seeds)),
    controls: controls.length === 0 ? ["cubic", "bbr"] : controls,
    losses: (values.loss ?? ["0,0.01,0.1,1,2"]).flatMap((text) => text.split(",")).map(readLoss),
    alone: !hasKind || only.includes("alone"),
    share: !hasKind || only.includes("share"),
    json: values.json ?? null,
  };
}

function readLoss(text: string): number {
  const loss = Number(text);
  if (!(loss >= 0 && loss < 100)) throw new Error(`Cannot use --loss ${text}: expected a number of percent`);
  return loss / 100;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`Cannot use --${name} ${text}: expected a number above 0`);
  return value;
}
