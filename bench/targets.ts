// What issue and design ask of the first version, by figure.

import type { FigureName } from "./measures/figures.ts";
import type { Results } from "./results.ts";
import type { Summary } from "./statistics.ts";

export interface Target {
  readonly figure: FigureName;
  /** ratio: of the tunnel to pipe, in pairs. value: of the tunnel. */
  readonly kind: "ratio" | "value";
  readonly relation: ">=" | "<=";
  readonly bound: number;
}

export const targets: readonly Target[] = [
  { figure: "download", kind: "ratio", relation: ">=", bound: 0.65 },
  { figure: "upload", kind: "ratio", relation: ">=", bound: 0.65 },
  { figure: "download-relay-cpu", kind: "ratio", relation: "<=", bound: 1.6 },
  { figure: "upload-relay-cpu", kind: "ratio", relation: "<=", bound: 1.6 },
  { figure: "ping-p50", kind: "ratio", relation: "<=", bound: 1.3 },
  { figure: "beside-p99", kind: "value", relation: "<=", bound: 25 },
  { figure: "opening-64", kind: "ratio", relation: ">=", bound: 2 },
  { figure: "path-down-excess", kind: "value", relation: "<=", bound: 20 },
  { figure: "path-down-bulk", kind: "value", relation: ">=", bound: 90 },
  { figure: "path-up-excess", kind: "value", relation: "<=", bound: 20 },
  { figure: "path-up-bulk", kind: "value", relation: ">=", bound: 90 },
  { figure: "links-slow-2", kind: "value", relation: ">=", bound: 4 },
  { figure: "resume-excess", kind: "value", relation: "<=", bound: 10 },
  { figure: "resume-goodput", kind: "value", relation: ">=", bound: 0.5 },
  { figure: "memory-client", kind: "value", relation: "<=", bound: 6 },
  { figure: "session-detached", kind: "value", relation: "<=", bound: 16 },
  { figure: "session-used", kind: "value", relation: "<=", bound: 16 },
  { figure: "pair-small", kind: "value", relation: ">=", bound: 250 },
  { figure: "pair-large", kind: "value", relation: ">=", bound: 1_000 },
  { figure: "pair-memory", kind: "value", relation: "<=", bound: 4 },
  { figure: "idle-memory", kind: "value", relation: "<=", bound: 4 },
  { figure: "idle-timers", kind: "value", relation: "<=", bound: 2 },
  { figure: "idle-cpu", kind: "value", relation: "<=", bound: 10 },
  { figure: "core-transfer", kind: "value", relation: ">=", bound: 400 },
  { figure: "core-ping-p50", kind: "value", relation: "<=", bound: 6 },
  { figure: "core-opening", kind: "value", relation: ">=", bound: 40_000 },
];

export interface Verdict {
  readonly target: Target;
  readonly measured: Summary;
  readonly isReached: boolean;
}

/** The verdicts on what was measured, by medians. */
export function judge(results: Results): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const target of targets) {
    const { figure, kind, relation, bound } = target;
    const measured = kind === "ratio" ? results.ratio(figure, "tunnel") : results.summary(figure, "tunnel");
    if (measured === null) continue;
    const isReached = relation === ">=" ? measured.median >= bound : measured.median <= bound;
    verdicts.push({ target, measured, isReached });
  }
  return verdicts;
}
