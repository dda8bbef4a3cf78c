// How long to wait before a lost tunnel is opened again: a time that grows, half of it random, and is short again
// only when a tunnel has stood for a while. One that is lost as soon as it is open is no success.

export class Pauses {
  private losses = 0;

  /** @param stoodFor How long the tunnel was open; below 0: it never was. Both in milliseconds. */
  next(stoodFor: number): number {
    if (stoodFor >= STEADY) this.losses = 0;
    const bound = Math.min(LONGEST, FIRST * 2 ** Math.min(this.losses, 16));
    this.losses++;
    return bound * (0.5 + Math.random() / 2);
  }
}

const FIRST = 250;
const LONGEST = 15_000;
const STEADY = 30_000;
