// What the fuzzer runs: a case is a seed, so that a failure is repeated by a number.

export interface FuzzTarget {
  readonly name: string;
  /** What it throws at what. */
  readonly about: string;
  /** Runs one case and returns how many inputs it made; throws when something is wrong. */
  run(seed: number): number | Promise<number>;
}
