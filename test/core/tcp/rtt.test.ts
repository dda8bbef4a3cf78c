// The estimate of the round trip and the timeout: RFC 6298 §2, RFC 7323 appendix G, Linux's minimum.

import { describe, expect, it } from "vitest";
import { RoundTrip } from "../../../src/core/tcp/rtt.ts";

const SECOND = 1_000_000;
const fresh = (): RoundTrip => new RoundTrip(SECOND, 200_000, 120 * SECOND, 1000);

describe("RoundTrip", () => {
  it("has the initial timeout before any sample", () => {
    const trip = fresh();
    expect([trip.sampled, trip.rto, trip.srtt]).toEqual([false, SECOND, 0]);
  });

  // [samples in ms, SRTT, RTTVAR, RTO] by hand.
  it.each([
    [[100], 100, 50, 300],
    [[100, 100], 100, 37.5, 300],
    [[100, 200], 112.5, 62.5, 362.5],
    [[400], 400, 200, 1200],
    [[400, 400, 400], 400, 112.5, 850],
    [[1], 1, 0.5, 201],
    [[0], 0.001, 0.0005, 200.001],
  ])(
    "samples %j ms give SRTT %d, RTTVAR %d, RTO %d ms (RFC 6298 §2.2, §2.3)",
    (samples, srtt, variance, rto) => {
      const trip = fresh();
      for (const sample of samples) trip.sample(sample * 1000, 1);
      expect(
        [trip.srtt / 1000, trip.variance / 1000, trip.rto / 1000].map((value) => +value.toFixed(6)),
      ).toEqual([srtt, variance, rto]);
    },
  );

  it("never exceeds the maximum (RFC 6298 §2.5)", () => {
    const trip = fresh();
    trip.sample(100 * SECOND, 1);
    expect(trip.rto).toBe(120 * SECOND);
  });

  it("keeps its distance from a steady round trip (Linux)", () => {
    const trip = fresh();
    for (let count = 0; count < 1000; count++) trip.sample(195_000, 1);
    expect(trip.rto).toBeGreaterThanOrEqual(395_000);
  });

  it("with many samples a round trip each weighs less (RFC 7323 appendix G)", () => {
    const one = fresh();
    const many = fresh();
    one.sample(100_000, 1);
    many.sample(100_000, 1);
    one.sample(200_000, 1);
    many.sample(200_000, 20);
    expect(one.srtt).toBe(112_500);
    expect(many.srtt).toBe(100_000 + 100_000 / 8 / 10);
  });

  it("doubles at each backoff up to the maximum, and keeps it until a sample (RFC 6298 §5.5, §5.7)", () => {
    const trip = fresh();
    trip.sample(100_000, 1);
    const seen: number[] = [];
    for (let count = 0; count < 12; count++) {
      trip.backOff();
      seen.push(trip.rto / 1000);
    }
    expect(seen).toEqual([
      600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 120_000, 120_000, 120_000, 120_000,
    ]);
    expect(trip.baseRto).toBe(300_000);
    trip.sample(100_000, 1);
    expect([trip.backoffs, trip.rto]).toEqual([0, 300_000]);
  });

  it("resetBackoff() leaves the estimate", () => {
    const trip = fresh();
    trip.sample(100_000, 1);
    trip.backOff();
    trip.resetBackoff();
    expect([trip.rto, trip.srtt]).toEqual([300_000, 100_000]);
  });

  it("is 3 s after a SYN that went twice, until a sample (RFC 6298 §5.7)", () => {
    const trip = fresh();
    trip.synWasRetransmitted();
    expect(trip.rto).toBe(3 * SECOND);
    trip.sample(100_000, 1);
    expect(trip.rto).toBe(300_000);
    trip.synWasRetransmitted();
    expect(trip.rto).toBe(300_000);
  });
});
