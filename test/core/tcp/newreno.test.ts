// NewReno's window alone: RFC 5681 §3.1, §3.2 and §4.1, RFC 6928.

import { describe, expect, it } from "vitest";
import { NewReno } from "../../../src/core/tcp/newreno.ts";
import { ack } from "./ack-sample.ts";

describe("NewReno", () => {
  it.each([
    [536, 5360],
    [1460, 14_600],
    [9000, 18_000],
    [65_495, 130_990],
    [4000, 14_600],
  ])("begins with segments of %d at %d bytes (RFC 6928 §2)", (mss, window) => {
    expect(new NewReno(mss, 10, true).window).toBe(window);
  });

  it("grows by what is acknowledged in slow start, up to the threshold, then by a segment a window", () => {
    const reno = new NewReno(1000, 10, true);
    reno.acknowledged(ack(3000));
    expect(reno.window).toBe(13_000);
    reno.congested(0, 13_000);
    expect([reno.window, reno.slowStartThreshold]).toEqual([6500, 6500]);
    for (let count = 0; count < 6; count++) reno.acknowledged(ack(1000));
    expect(reno.window).toBe(6500);
    reno.acknowledged(ack(1000));
    expect(reno.window).toBe(7500);
  });

  it("does not grow while recovering, nor while the user is what limits it (RFC 7661)", () => {
    const reno = new NewReno(1000, 10, true);
    reno.acknowledged(ack(5000, { recovering: true }));
    reno.acknowledged(ack(5000, { appLimited: true }));
    expect(reno.window).toBe(10_000);
  });

  it("keeps fractions of growth: many small ACKs count as much as few large ones", () => {
    const small = new NewReno(1000, 10, true);
    const large = new NewReno(1000, 10, true);
    for (const reno of [small, large]) reno.congested(0, 20_000);
    for (let count = 0; count < 500; count++) small.acknowledged(ack(100));
    for (let count = 0; count < 5; count++) large.acknowledged(ack(10_000));
    expect(small.window).toBe(large.window);
  });

  it("one enormous ACK does not hang it nor pass what it acknowledges", () => {
    const reno = new NewReno(1000, 10, true);
    reno.congested(0, 20_000);
    reno.acknowledged(ack(1e9));
    expect(reno.window).toBeLessThan(10_000 + Math.sqrt(2 * 1e9 * 1000) + 2000);
  });

  it("a threshold is never below two segments (RFC 5681 equation 4)", () => {
    const reno = new NewReno(1000, 10, true);
    reno.congested(0, 1000);
    expect([reno.window, reno.slowStartThreshold]).toEqual([2000, 2000]);
  });

  it("a timeout leaves one segment; one of the same data keeps the threshold (RFC 5681 §3.1)", () => {
    const reno = new NewReno(1000, 10, true);
    reno.timedOut(0, 10_000, true);
    expect([reno.window, reno.slowStartThreshold]).toEqual([1000, 5000]);
    reno.timedOut(0, 1000, false);
    expect([reno.window, reno.slowStartThreshold]).toEqual([1000, 5000]);
  });

  it("after idle time the window is the initial one at most (RFC 5681 §4.1)", () => {
    const reno = new NewReno(1000, 10, true);
    reno.acknowledged(ack(50_000));
    reno.idled();
    expect(reno.window).toBe(10_000);
    reno.timedOut(0, 10_000, true);
    reno.idled();
    expect(reno.window).toBe(1000);
  });

  it("another segment size before the first ACK is another initial window", () => {
    const reno = new NewReno(1460, 10, true);
    reno.segmentSizeChanged(536);
    expect(reno.window).toBe(5360);
    reno.acknowledged(ack(1000));
    reno.segmentSizeChanged(1000);
    expect(reno.window).toBe(6360);
  });

  it("undo() gives back what a loss that was none took, and only what it took (RFC 4015, RFC 5682)", () => {
    const reno = new NewReno(1000, 10, true);
    reno.acknowledged(ack(10_000));
    reno.congested(0, 20_000);
    reno.recovered(0);
    reno.undo(0);
    expect([reno.window, reno.slowStartThreshold]).toEqual([20_000, Number.POSITIVE_INFINITY]);
    reno.congested(0, 20_000);
    // Two timeouts of the same data take once, and what fast recovery had taken stays taken.
    reno.timedOut(0, 10_000, true);
    reno.timedOut(0, 1000, false);
    reno.undo(0);
    expect([reno.window, reno.slowStartThreshold]).toEqual([10_000, 10_000]);
  });

  it("undo() never shrinks the window: it may have grown meanwhile", () => {
    const reno = new NewReno(1000, 10, true);
    reno.congested(0, 10_000);
    for (let count = 0; count < 200; count++) reno.acknowledged(ack(1000));
    const { window } = reno;
    expect(window).toBeGreaterThan(10_000);
    reno.undo(0);
    expect(reno.window).toBe(window);
  });
});
