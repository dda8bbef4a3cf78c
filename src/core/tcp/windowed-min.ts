// The least value seen within a window of time, kept as three samples (the algorithm of Linux's win_minmax, by K. Nichols):
// constant memory, and the window slides without a list. Used for RACK's minimum round trip. May use nothing.

export class WindowedMin {
  private readonly window: number;
  /** Three values, and from index 3 their times: one array of doubles, since every connection has one. */
  private readonly samples: number[] = [Infinity, Infinity, Infinity, 0, 0, 0];

  constructor(window: number) {
    this.window = window;
  }

  get value(): number {
    return this.samples[0];
  }

  reset(): void {
    this.samples.fill(Infinity, 0, 3);
  }

  update(now: number, value: number): void {
    const { samples, window } = this;
    if (value <= samples[0] || now - samples[5] > window) {
      samples.fill(value, 0, 3);
      samples.fill(now, 3);
      return;
    }
    if (value <= samples[1]) {
      samples[1] = samples[2] = value;
      samples[4] = samples[5] = now;
    } else if (value <= samples[2]) {
      samples[2] = value;
      samples[5] = now;
    }
    const age = now - samples[3];
    if (age > window) {
      this.shift(now, value);
      if (now - samples[3] > window) this.shift(now, value);
    } else if (samples[4] === samples[3] && age > window / 4) {
      samples[1] = samples[2] = value;
      samples[4] = samples[5] = now;
    } else if (samples[5] === samples[4] && age > window / 2) {
      samples[2] = value;
      samples[5] = now;
    }
  }

  private shift(now: number, value: number): void {
    const { samples } = this;
    samples[0] = samples[1];
    samples[3] = samples[4];
    samples[1] = samples[2];
    samples[4] = samples[5];
    samples[2] = value;
    samples[5] = now;
  }
}
