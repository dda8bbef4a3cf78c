// The greatest of the samples of a moving window, in constant time and space: the best, the second and the third best
// of what came after it, each of them in its own part of the window (Kathleen Nichols' minmax, as in Linux).

export class WindowedMax {
  private readonly window: number;
  private readonly at: [number, number, number] = [0, 0, 0];
  private readonly best: [number, number, number] = [0, 0, 0];

  /** `window` in whatever unit the samples are dated. */
  constructor(window: number) {
    this.window = window;
  }

  /** 0 before the first sample. */
  get value(): number {
    return this.best[0];
  }

  add(at: number, value: number): void {
    const { best } = this;
    if (value >= best[0] || at - this.at[2] > this.window) {
      this.set(0, at, value);
      this.set(1, at, value);
      this.set(2, at, value);
      return;
    }
    if (value >= best[1]) {
      this.set(1, at, value);
      this.set(2, at, value);
    } else if (value >= best[2]) {
      this.set(2, at, value);
    }
    this.age(at, value);
  }

  /** The best goes when it left the window; a window that goes on without a new best keeps fresh second choices. */
  private age(at: number, value: number): void {
    const age = at - this.at[0];
    if (age > this.window) {
      this.set(0, this.at[1], this.best[1]);
      this.set(1, this.at[2], this.best[2]);
      this.set(2, at, value);
      if (at - this.at[0] > this.window) {
        this.set(0, this.at[1], this.best[1]);
        this.set(1, at, value);
      }
    } else if (this.at[1] === this.at[0] && age > this.window / 4) {
      this.set(1, at, value);
      this.set(2, at, value);
    } else if (this.at[2] === this.at[1] && age > this.window / 2) {
      this.set(2, at, value);
    }
  }

  private set(place: 0 | 1 | 2, at: number, value: number): void {
    this.at[place] = at;
    this.best[place] = value;
  }
}
