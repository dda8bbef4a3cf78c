// One measurement of one contender, and what it may use.

import type { ContenderName } from "../contenders/contender.ts";
import type { Field } from "../field.ts";
import type { FigureName } from "./figures.ts";
import type { MeasureName } from "./names.ts";

export type Figures = Partial<Record<FigureName, number>>;

export interface Measure {
  readonly name: MeasureName;
  /** Those it makes sense for. */
  readonly contenders: readonly ContenderName[];
  /** Of the rounds asked for, those it takes part in: what is slow, or steady, is measured less often. */
  takesPart(round: number): boolean;
  run(field: Field, contender: ContenderName, seconds: number): Promise<Figures>;
}

export const everyRound = (): boolean => true;
export const everyThirdRound = (round: number): boolean => round % 3 === 0;

export function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
