// The least value seen within a window of time, kept as three samples (the algorithm of Linux's win_minmax, by K. Nichols):
// constant memory, and the window slides without a list. Used for RACK's minimum round trip. May use nothing.

export class WindowedMin {
  private readonly window: number;
  private readonly values: [number, number, number] = [Infinity, Infinity, Infinity];
  private readonly times: [number, number, number] = [0, 0, 0];

  constructor(window: number) {
    this.window = window;
  }

  get value(): number {
    return this.values[0];
  }

  reset(): void {
    this.values.fill(Infinity);
  }

  update(now: number, value: number): void {
    const { values, times, window } = this;
    if (value <= values[0] || now - times[2] > window) {
      values.fill(value);
      times.fill(now);
      return;
    }
    if (value <= values[1]) {
      values[1] = values[2] = value;
      times[1] = times[2] = now;
    } else if (value <= values[2]) {
      values[2] = value;
      times[2] = now;
    }
    const age = now - times[0];
    if (age > window) {
      this.shift(now, value);
      if (now - times[0] > window) this.shift(now, value);
    } else if (times[1] === times[0] && age > window / 4) {
      values[1] = values[2] = value;
      times[1] = times[2] = now;
    } else if (times[2] === times[1] && age > window / 2) {
      values[2] = value;
      times[2] = now;
    }
  }

  private shift(now: number, value: number): void {
    const { values, times } = this;
    values[0] = values[1];
    times[0] = times[1];
    values[1] = values[2];
    times[1] = times[2];
    values[2] = value;
    times[2] = now;
  }
}
