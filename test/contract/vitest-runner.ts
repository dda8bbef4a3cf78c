// The contract suite in vitest.

import { afterAll, describe, it } from "vitest";
import type { Runner } from "./runner.ts";
import { type ContractOptions, contractSuite } from "./suite.ts";

export function runContract(options: ContractOptions): void {
  describe(`the contract of streams and listeners on ${options.name}`, () => {
    const runner: Runner = {
      test: (name, body) => void it(name, body, 60_000),
      skip: (name, reason) => void it.skip(`${name} (not here: ${reason})`, () => undefined),
      after: (body) => afterAll(body, 60_000),
    };
    contractSuite(options, runner);
  });
}
