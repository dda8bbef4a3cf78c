// The greatest of the samples of a moving window, in constant time and space: the best, the second and the third best
// of what came after it, each of them in its own part of the window (Kathleen Nichols' minmax, as in Linux).

export class WindowedMax {
  private readonly window: number;
  /** The three samples, and from index 3 when each came: one array of doubles, since every connection has one. */
  private readonly samples: number[];

  /**
   * @param window In whatever unit the samples are dated.
   * @param least What there is before the first sample.
   */
  constructor(window: number, least: number = 0) {
    this.window = window;
    this.samples = [least, least, least, 0, 0, 0];
  }

  get value(): number {
    return this.samples[0];
  }

  add(at: number, value: number): void {
    const { samples } = this;
    if (value >= samples[0] || at - samples[5] > this.window) {
      this.set(0, at, value);
      this.set(1, at, value);
      this.set(2, at, value);
      return;
    }
    if (value >= samples[1]) {
      this.set(1, at, value);
      this.set(2, at, value);
    } else if (value >= samples[2]) {
      this.set(2, at, value);
    }
    this.age(at, value);
  }

  /** The best goes when it left the window; a window that goes on without a new best keeps fresh second choices. */
  private age(at: number, value: number): void {
    const { samples, window } = this;
    const age = at - samples[3];
    if (age > window) {
      this.shift(at, value);
      if (at - samples[3] > window) this.shift(at, value);
    } else if (samples[4] === samples[3] && age > window / 4) {
      this.set(1, at, value);
      this.set(2, at, value);
    } else if (samples[5] === samples[4] && age > window / 2) {
      this.set(2, at, value);
    }
  }

  private shift(at: number, value: number): void {
    const { samples } = this;
    this.set(0, samples[4], samples[1]);
    this.set(1, samples[5], samples[2]);
    this.set(2, at, value);
  }

  private set(place: 0 | 1 | 2, at: number, value: number): void {
    this.samples[place] = value;
    this.samples[place + 3] = at;
  }
}
