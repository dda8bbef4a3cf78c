// Hundreds of thousands of random and mutated inputs to the parsers. fast-check gives each batch its seed and prints it
// when one fails.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Malformed } from "../../../src/core/wire/malformed.ts";
import { checkInput, InputRandom, makeInput, newTally } from "./bad-inputs.ts";

const BATCHES = 44;
const INPUTS_IN_BATCH = 5_000;

describe("the parsers", () => {
  it(`withstand ${BATCHES * INPUTS_IN_BATCH} random and mutated packets`, () => {
    const tally = newTally();
    const around = new Uint8Array(1024);
    let inputs = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new InputRandom(seed);
        for (let turn = 0; turn < INPUTS_IN_BATCH; turn++) {
          const input = makeInput(random);
          const at = random.below(8);
          around.set(input, at);
          checkInput(around, at, at + input.length, random.below(2) === 0, tally);
          inputs++;
        }
      }),
      { numRuns: BATCHES, endOnFailure: true },
    );
    expect(inputs).toBeGreaterThanOrEqual(200_000);
    // The inputs reach every refusal that a packet can meet, and every kind of ICMP message.
    for (const code of Object.values(Malformed)) {
      if (code !== Malformed.unsupportedProtocol) expect([code, tally.codes[code] > 0]).toEqual([code, true]);
    }
    expect([...tally.kinds].sort()).toEqual([
      "echo-reply",
      "echo-request",
      "other",
      "parameter-problem",
      "time-exceeded",
      "too-big",
      "unreachable",
    ]);
  });
});
