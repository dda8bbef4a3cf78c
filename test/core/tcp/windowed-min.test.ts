// The least value of a sliding window, by three samples.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WindowedMin } from "../../../src/core/tcp/windowed-min.ts";

describe("WindowedMin", () => {
  it("has no value before the first", () => {
    expect(new WindowedMin(100).value).toBe(Number.POSITIVE_INFINITY);
  });

  it("keeps the least for as long as the window", () => {
    const least = new WindowedMin(100);
    least.update(0, 50);
    least.update(30, 70);
    least.update(60, 60);
    least.update(100, 90);
    expect(least.value).toBe(50);
    least.update(101, 95);
    expect(least.value).toBe(60);
    least.update(400, 80);
    expect(least.value).toBe(80);
  });

  it("is always a sample from within the window, not above the last one, not below the true minimum", () => {
    const steps = fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 30 })), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (samples) => {
        const least = new WindowedMin(100);
        const seen: { at: number; value: number }[] = [];
        let now = 0;
        for (const [later, value] of samples) {
          now += later;
          least.update(now, value);
          seen.push({ at: now, value });
          const inside = seen.filter((sample) => now - sample.at <= 100);
          expect(least.value).toBeLessThanOrEqual(value);
          expect(least.value).toBeGreaterThanOrEqual(Math.min(...inside.map((sample) => sample.value)));
          expect(inside.some((sample) => sample.value === least.value)).toBe(true);
        }
      }),
    );
  });
});
