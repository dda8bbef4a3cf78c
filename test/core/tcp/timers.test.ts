// The timers of a connection: earliest first, frozen and thawed.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Timer, Timers } from "../../../src/core/tcp/timers.ts";

describe("Timers", () => {
  it("next() is the earliest deadline, infinity when none is set", () => {
    const timers = new Timers();
    expect(timers.next()).toBe(Number.POSITIVE_INFINITY);
    timers.set(Timer.retransmit, 500);
    timers.set(Timer.delayedAck, 300);
    expect(timers.next()).toBe(300);
    timers.set(Timer.delayedAck, 900);
    expect(timers.next()).toBe(500);
    timers.clear(Timer.retransmit);
    expect(timers.next()).toBe(900);
    timers.clearAll();
    expect(timers.next()).toBe(Number.POSITIVE_INFINITY);
  });

  it("a frozen set has no next deadline, and keeps what was left of each", () => {
    const timers = new Timers();
    timers.set(Timer.retransmit, 1500);
    timers.set(Timer.keepAlive, 9000);
    timers.freeze(1000);
    expect([timers.frozen, timers.next()]).toEqual([true, Number.POSITIVE_INFINITY]);
    // Frozen once more, later: the first moment counts.
    timers.freeze(5000);
    timers.thaw(11_000);
    expect([timers.frozen, timers.next()]).toEqual([false, 11_500]);
    expect(timers.deadline(Timer.keepAlive)).toBe(19_000);
    expect(timers.isSet(Timer.persist)).toBe(false);
  });

  it("thawing what is not frozen changes nothing", () => {
    const timers = new Timers();
    timers.set(Timer.pong, 10);
    timers.thaw(1000);
    expect(timers.next()).toBe(10);
  });

  it("agrees with a list of deadlines, whatever is done to it", () => {
    const slot = fc.constantFrom(...Object.values(Timer));
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), timer: slot, at: fc.nat(1000) }),
      fc.record({ kind: fc.constant("clear" as const), timer: slot }),
      fc.record({ kind: fc.constant("clearAll" as const) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const timers = new Timers();
        const model = new Map<number, number>();
        for (const step of operations) {
          if (step.kind === "set") {
            timers.set(step.timer, step.at);
            model.set(step.timer, step.at);
          } else if (step.kind === "clear") {
            timers.clear(step.timer);
            model.delete(step.timer);
          } else {
            timers.clearAll();
            model.clear();
          }
          expect(timers.next()).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.values()));
        }
      }),
    );
  });
});
