// The least value seen within a window of time: the greatest of the negated ones. For RACK's minimum round trip.
// May use nothing.

import { WindowedMax } from "./windowed-max.ts";

export class WindowedMin {
  private readonly negated: WindowedMax;

  constructor(window: number) {
    this.negated = new WindowedMax(window, Number.NEGATIVE_INFINITY);
  }

  /** Infinity before the first. */
  get value(): number {
    return -this.negated.value;
  }

  update(now: number, value: number): void {
    this.negated.add(now, -value);
  }
}
