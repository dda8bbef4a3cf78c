// What a run has brought: samples by figure, contender and round. Ratios pair samples of the same round alone, and a
// failed run has no sample, hence no ratio.

import type { ContenderName } from "./contenders/contender.ts";
import type { FigureName } from "./measures/figures.ts";
import type { Figures } from "./measures/measure.ts";
import type { MeasureName } from "./measures/names.ts";
import { type Summary, summarize } from "./statistics.ts";

export interface Failure {
  readonly measure: MeasureName;
  readonly contender: ContenderName;
  readonly round: number;
  readonly text: string;
}

export interface Sample {
  readonly round: number;
  readonly contender: ContenderName;
  readonly figure: FigureName;
  readonly value: number;
}

export class Results {
  readonly samples: Sample[] = [];
  readonly failures: Failure[] = [];

  add(round: number, contender: ContenderName, figures: Figures): void {
    for (const [figure, value] of Object.entries(figures)) {
      if (Number.isFinite(value))
        this.samples.push({ round, contender, figure: figure as FigureName, value });
    }
  }

  summary(figure: FigureName, contender: ContenderName): Summary | null {
    return summarize([...this.byRound(figure, contender).values()]);
  }

  /** Of the contender to pipe, round by round. */
  ratio(figure: FigureName, contender: ContenderName): Summary | null {
    const base = this.byRound(figure, "pipe");
    const ratios: number[] = [];
    for (const [round, value] of this.byRound(figure, contender)) {
      const other = base.get(round);
      if (other !== undefined && other > 0) ratios.push(value / other);
    }
    return summarize(ratios);
  }

  private byRound(figure: FigureName, contender: ContenderName): Map<number, number> {
    const values = new Map<number, number>();
    for (const sample of this.samples) {
      if (sample.figure === figure && sample.contender === contender) values.set(sample.round, sample.value);
    }
    return values;
  }
}
