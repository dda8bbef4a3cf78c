import { expect, test } from "vitest";
import { Pauses } from "../../src/cli/pauses.ts";

test("Pauses grow to 15 s while tunnels are lost soon after they opened, or never open", () => {
  const pauses = new Pauses();
  for (const bound of [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
    const pause = pauses.next(bound === 1_000 ? Number.NEGATIVE_INFINITY : 1_000);
    expect(pause).toBeGreaterThanOrEqual(bound / 2);
    expect(pause).toBeLessThanOrEqual(bound);
  }
});

test("A pause is short again after a tunnel that stood for half a minute", () => {
  const pauses = new Pauses();
  for (let losses = 0; losses < 8; losses++) pauses.next(0);
  expect(pauses.next(30_000)).toBeLessThanOrEqual(250);
  expect(pauses.next(0)).toBeGreaterThanOrEqual(250);
});
