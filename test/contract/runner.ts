// What a test runner must offer to the contract suite: little enough that a page or a plain script can offer it.

export interface Runner {
  /** Runs `body` as one test. Tests run one after the other. */
  test(name: string, body: () => Promise<void>): void;
  /** Tells that a test does not apply here, and why. */
  skip(name: string, reason: string): void;
  /** Runs after the last test. */
  after(body: () => Promise<void>): void;
}

/** A runner that keeps the tests, for pages and plain scripts: run them with `runCollected`. */
export interface Collected {
  readonly runner: Runner;
  run(report: (outcome: Outcome) => void): Promise<void>;
}

export interface Outcome {
  readonly name: string;
  readonly kind: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly detail?: string;
}

/** Collects tests to run them without any test framework, each within `timeout` milliseconds. */
export function collect(timeout: number = 30_000): Collected {
  const tests: Array<{ name: string; body: () => Promise<void> }> = [];
  const skipped: Outcome[] = [];
  const afters: Array<() => Promise<void>> = [];
  return {
    runner: {
      test: (name, body) => void tests.push({ name, body }),
      skip: (name, reason) => void skipped.push({ name, kind: "skipped", detail: reason }),
      after: (body) => void afters.push(body),
    },
    async run(report) {
      for (const outcome of skipped) report(outcome);
      for (const { name, body } of tests) {
        try {
          await within(timeout, body());
          report({ name, kind: "passed" });
        } catch (error) {
          const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
          report({ name, kind: "failed", detail });
        }
      }
      for (const body of afters) await body();
    },
  };
}

async function within(timeout: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not done after ${timeout} ms`)), timeout);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
