import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/sim/index.ts";
import { WindowedMax } from "../../../src/core/tcp/windowed-max.ts";

describe("WindowedMax", () => {
  it("is the greatest while it grows, and forgets it after the window", () => {
    const max = new WindowedMax(10);
    expect(max.value).toBe(0);
    for (let at = 0; at <= 5; at++) max.add(at, at);
    expect(max.value).toBe(5);
    for (let at = 6; at <= 15; at++) max.add(at, 1);
    expect(max.value).toBe(5);
    for (let at = 16; at <= 18; at++) max.add(at, 1);
    expect(max.value).toBe(1);
  });

  it("never gives less than the latest sample, nor one that is older than the window, nor one that never was", () => {
    const random = new Random(1);
    const max = new WindowedMax(20);
    const samples: { at: number; value: number }[] = [];
    let at = 0;
    for (let i = 0; i < 20_000; i++) {
      at += random.pick([0, 1, 1, 2, 30]);
      const value = random.integer(1, 1_000_000);
      samples.push({ at, value });
      if (samples.length > 200) samples.shift();
      max.add(at, value);
      expect(max.value).toBeGreaterThanOrEqual(value);
      expect(samples.some((sample) => sample.value === max.value && at - sample.at <= 20)).toBe(true);
    }
  });
});
