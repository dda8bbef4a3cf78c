// HyStart++ alone, RFC 9406 §4.

import { describe, expect, it } from "vitest";
import { HyStart } from "../../../src/core/tcp/hystart.ts";
import { ack } from "./ack-sample.ts";

const MS = 1000;

/** Rounds of ten ACKs of one segment, each round with its round trip. */
function rounds(hystart: HyStart, rtts: readonly number[]): void {
  for (const rtt of rtts) {
    for (let segment = 1; segment <= 10; segment++) {
      // The last one ends the round: what follows was sent after it began.
      const una = segment === 10 ? Number.MAX_SAFE_INTEGER : 0;
      hystart.growth(ack(1000, { una, next: 1, rtt: rtt * MS }), 1000);
    }
  }
}

describe("HyStart++", () => {
  it("lets the window double while the round trip stays", () => {
    const hystart = new HyStart(true);
    let grown = 0;
    for (let una = 1000; una <= 100_000; una += 1000)
      grown += hystart.growth(ack(1000, { una, next: una + 10_000, rtt: 50 * MS }), 1000);
    expect(grown).toBe(100_000);
    expect(hystart.isOver).toBe(false);
  });

  it("goes on at a quarter when the round trip has grown by an eighth, and ends five rounds later (§4.2)", () => {
    const hystart = new HyStart(true);
    rounds(hystart, [50, 50]);
    expect(hystart.growth(ack(1000, { una: 0, next: 0, rtt: 57 * MS }), 1000)).toBe(1000);
    rounds(hystart, [57]);
    expect(hystart.isOver).toBe(false);
    expect(hystart.growth(ack(1000, { una: 0, next: 0, rtt: 57 * MS }), 1000)).toBe(250);
    rounds(hystart, [58, 59, 60]);
    expect(hystart.isOver).toBe(false);
    rounds(hystart, [61]);
    expect(hystart.isOver).toBe(true);
  });

  it("an eighth is at least 4 ms and at most 16 ms (§4.3)", () => {
    for (const [base, grown, leaves] of [
      [8, 11.9, false],
      [8, 12, true],
      [400, 415.9, false],
      [400, 416, true],
    ] as const) {
      const hystart = new HyStart(true);
      rounds(hystart, [base, grown]);
      const growth = hystart.growth(ack(1000, { una: 0, next: 0, rtt: grown * MS }), 1000);
      expect([base, grown, growth < 1000]).toEqual([base, grown, leaves]);
    }
  });

  it("a round trip that falls again was chance: slow start resumes (§4.2)", () => {
    const hystart = new HyStart(true);
    rounds(hystart, [50, 60, 52, 52, 52, 52, 52, 52]);
    expect(hystart.isOver).toBe(false);
    expect(hystart.growth(ack(1000, { una: 0, next: 0, rtt: 52 * MS }), 1000)).toBe(1000);
  });

  it("fewer than eight samples decide nothing (§4.3)", () => {
    const hystart = new HyStart(true);
    rounds(hystart, [50]);
    for (let sample = 0; sample < 7; sample++)
      expect(hystart.growth(ack(1000, { una: 0, next: 0, rtt: 90 * MS }), 1000)).toBe(1000);
  });

  it("one ACK adds no more than eight segments, unless the sender paces (§4.2)", () => {
    expect(new HyStart(false).growth(ack(100_000), 1000)).toBe(8000);
    expect(new HyStart(true).growth(ack(100_000), 1000)).toBe(100_000);
  });
});
