// CUBIC's window alone, RFC 9438.

import { describe, expect, it } from "vitest";
import { Cubic } from "../../../src/core/tcp/cubic.ts";
import { ack } from "./ack-sample.ts";

const MSS = 1000;
const SECOND = 1_000_000;

/** One window is acknowledged each round trip, segment by segment; gives the window after each round. */
function rounds(cubic: Cubic, from: number, rtt: number, count: number): number[] {
  const windows: number[] = [];
  for (let round = 0; round < count; round++) {
    const segments = Math.floor(cubic.window / MSS);
    for (let segment = 1; segment <= segments; segment++) {
      const now = from + (round + segment / segments) * rtt;
      cubic.acknowledged(ack(MSS, { now, srtt: rtt }));
    }
    windows.push(cubic.window);
  }
  return windows;
}

/** A window of that many segments that has just been reduced: it stands at 0.7 of them. */
function reducedFrom(segments: number): Cubic {
  const cubic = new Cubic(MSS, 10, true);
  cubic.acknowledged(ack((segments - 10) * MSS));
  expect(cubic.window).toBe(segments * MSS);
  cubic.congested(0, segments * MSS);
  return cubic;
}

describe("CUBIC", () => {
  it("falls to 0.7 of its window (§4.6), and never below two segments", () => {
    expect(reducedFrom(1000)).toMatchObject({ window: 700_000, slowStartThreshold: 700_000 });
    const small = new Cubic(MSS, 2, true);
    small.congested(0, 2 * MSS);
    expect(small.window).toBe(2 * MSS);
  });

  it("is back at its old window K seconds later, from where it goes on (§4.2)", () => {
    const cubic = reducedFrom(1000);
    const k = Math.cbrt((1000 - 700) / 0.4);
    const rtt = 0.1 * SECOND;
    const windows = rounds(cubic, 0, rtt, Math.round((2 * k * SECOND) / rtt));
    const at = (seconds: number): number => windows[Math.round((seconds * SECOND) / rtt) - 1];
    const curve = (seconds: number): number => (1000 + 0.4 * (seconds - k) ** 3) * MSS;
    for (const part of [0.25, 0.5, 1, 1.5, 2])
      expect(Math.abs(at(part * k) - curve(part * k))).toBeLessThan(0.02 * curve(part * k));
    // Flat around the plateau.
    expect(at(1.2 * k) - at(0.8 * k)).toBeLessThan(20 * MSS);
  });

  it("never falls behind Reno: where that is faster, it grows as Reno with the same decrease would (§4.3)", () => {
    const cubic = reducedFrom(20);
    // 0.529 segments a round trip up to the old window, then one.
    const windows = rounds(cubic, 0, 0.01 * SECOND, 12);
    expect(windows[11] / MSS).toBeCloseTo(14 + 12 * 0.529, 0);
    const later = rounds(cubic, 0.12 * SECOND, 0.01 * SECOND, 20);
    expect((later[19] - later[9]) / MSS).toBeCloseTo(10, 0);
  });

  it("grows by no more than half its window in a round trip (§4.2)", () => {
    const cubic = reducedFrom(1000);
    cubic.acknowledged(ack(MSS, { now: 0, srtt: 0.1 * SECOND }));
    // Nothing for a minute: the curve is far away.
    const before = cubic.window;
    const [window] = rounds(cubic, 60 * SECOND, 0.1 * SECOND, 1);
    expect(window / before).toBeGreaterThan(1.4);
    expect(window / before).toBeLessThan(1.66);
  });

  it("an ACK never makes it smaller", () => {
    const cubic = reducedFrom(100);
    let last = cubic.window;
    for (let now = 0; now < 20 * SECOND; now += 7_000) {
      cubic.acknowledged(ack(MSS, { now, srtt: 0.05 * SECOND }));
      expect(cubic.window).toBeGreaterThanOrEqual(last);
      last = cubic.window;
    }
  });

  it("a loss before the old window was reached lowers the plateau: fast convergence (§4.7)", () => {
    const cubic = reducedFrom(1000);
    cubic.congested(1, 700 * MSS);
    // 0.85 of 700 segments is 595, reached again from 490 after cbrt(105 / 0.4) s.
    const k = Math.cbrt((0.85 * 700 - 490) / 0.4);
    const rtt = 0.1 * SECOND;
    const windows = rounds(cubic, 1, rtt, Math.round((k * SECOND) / rtt));
    expect(windows[windows.length - 1] / MSS).toBeCloseTo(595, -1);
  });

  it("keeps fractions: many small ACKs count as much as few large ones", () => {
    const [few, many] = [reducedFrom(500), reducedFrom(500)];
    for (let step = 1; step <= 1000; step++) {
      const now = step * 5_000;
      few.acknowledged(ack(2000, { now, srtt: 0.1 * SECOND }));
      for (let part = 0; part < 20; part++) many.acknowledged(ack(100, { now, srtt: 0.1 * SECOND }));
    }
    expect(few.window).toBeGreaterThan(400_000);
    expect(Math.abs(few.window - many.window)).toBeLessThan(0.01 * few.window);
  });

  it("time in which the window was not needed does not count: no jump after it (§4.2)", () => {
    const [busy, lazy] = [reducedFrom(1000), reducedFrom(1000)];
    rounds(busy, 0, 0.1 * SECOND, 10);
    rounds(lazy, 0, 0.1 * SECOND, 10);
    for (let now = 1 * SECOND; now <= 30 * SECOND; now += 0.1 * SECOND)
      lazy.acknowledged(ack(MSS, { now, appLimited: true }));
    expect(lazy.window).toBe(busy.window);
    const after = rounds(lazy, 30 * SECOND, 0.1 * SECOND, 5);
    expect(after).toEqual(rounds(busy, 1 * SECOND, 0.1 * SECOND, 5));
  });

  it("nor does an idle time", () => {
    const [busy, idle] = [reducedFrom(1000), reducedFrom(1000)];
    rounds(busy, 0, 0.1 * SECOND, 10);
    rounds(idle, 0, 0.1 * SECOND, 10);
    idle.resumed(61 * SECOND, 60 * SECOND, false);
    const [after] = rounds(idle, 61 * SECOND, 0.1 * SECOND, 1);
    expect(Math.abs(after - rounds(busy, 1 * SECOND, 0.1 * SECOND, 1)[0])).toBeLessThan(MSS);
  });

  it("undo() gives back window, threshold and the curve (§4.9)", () => {
    const [plain, undone] = [reducedFrom(1000), reducedFrom(1000)];
    for (const cubic of [plain, undone]) rounds(cubic, 0, 0.1 * SECOND, 30);
    const before = { window: undone.window, slowStartThreshold: undone.slowStartThreshold };
    undone.congested(3 * SECOND, undone.window);
    undone.undo(3 * SECOND);
    expect(undone).toMatchObject(before);
    expect(rounds(undone, 3 * SECOND, 0.1 * SECOND, 30)).toEqual(rounds(plain, 3 * SECOND, 0.1 * SECOND, 30));
  });

  it("undo() after a timeout too, and a second one changes nothing", () => {
    const cubic = reducedFrom(1000);
    rounds(cubic, 0, 0.1 * SECOND, 30);
    const before = { window: cubic.window, slowStartThreshold: cubic.slowStartThreshold };
    cubic.timedOut(3 * SECOND, 500_000, true);
    expect(cubic.window).toBe(MSS);
    cubic.timedOut(4 * SECOND, 500_000, false);
    cubic.undo(5 * SECOND);
    expect(cubic).toMatchObject(before);
  });

  it("after a timeout slow start leads to the threshold, and the curve begins there (§4.8)", () => {
    const cubic = reducedFrom(100);
    cubic.timedOut(0, 70_000, true);
    expect([cubic.window, cubic.slowStartThreshold]).toEqual([1000, 49_000]);
    const windows = rounds(cubic, 0, 0.1 * SECOND, 12);
    expect(windows.slice(0, 5)).toEqual([2000, 4000, 8000, 16_000, 32_000]);
    expect(windows[11]).toBeLessThan(60_000);
    expect(windows[11]).toBeGreaterThan(49_000);
  });

  it("the first slow start ends by HyStart++ (RFC 9406)", () => {
    const cubic = new Cubic(MSS, 10, true);
    for (let round = 0; round < 10; round++)
      for (let segment = 1; segment <= 10; segment++)
        cubic.acknowledged(
          ack(MSS, {
            una: round * 10 + segment,
            next: round * 10 + 20,
            rtt: (50 + 10 * round) * 1000,
            now: 0,
          }),
        );
    expect(cubic.slowStartThreshold).toBeLessThan(60_000);
    expect(cubic.slowStartThreshold).toBeGreaterThan(20_000);
  });
});

describe("what loss-based controllers share", () => {
  it("idle for an RTO: the restart window, and slow start back to three quarters (RFC 5681 §4.1)", () => {
    const cubic = reducedFrom(1000);
    cubic.idled();
    expect([cubic.window, cubic.slowStartThreshold]).toEqual([10_000, 700_000]);
    const fresh = new Cubic(MSS, 10, true);
    fresh.idled();
    expect([fresh.window, fresh.slowStartThreshold]).toEqual([10_000, Number.POSITIVE_INFINITY]);
  });

  it("a window that was not used shrinks half the way to what was (RFC 7661)", () => {
    const cubic = reducedFrom(1000);
    cubic.underused(100_000);
    expect([cubic.window, cubic.slowStartThreshold]).toEqual([400_000, 700_000]);
    cubic.underused(500_000);
    expect(cubic.window).toBe(400_000);
    for (let time = 0; time < 40; time++) cubic.underused(0);
    expect(cubic.window).toBe(10_000);
  });
});
