// Dials that have no answer: each is given up by its own signal, at its own time, with one timer for all.

import { expect, it } from "vitest";
import type { ForwardRequest } from "../../src/core/link/stack.ts";
import { NetError } from "../../src/core/net/net-error.ts";
import { SimClock } from "../../src/core/sim/index.ts";
import { PendingDials } from "../../src/relay/pending-dials.ts";

const gaveUp = new NetError("ECONNABORTED", "The client gave up");
const request = (): ForwardRequest => ({}) as ForwardRequest;

it("ends each dial when its own time is over", () => {
  const clock = new SimClock();
  const dials = new PendingDials(clock, 100);
  const ends: number[] = [];
  const begin = (): ForwardRequest => {
    const one = request();
    const signal = dials.begin(one);
    signal.addEventListener("abort", () => {
      expect(signal.reason).toMatchObject({ code: "ETIMEDOUT", message: "no answer within 100 ms" });
      ends.push(clock.now());
      expect(dials.settled(one)).toBe(true);
    });
    return one;
  };
  begin();
  clock.run(30_000);
  const answered = begin();
  clock.run(60_000);
  begin();
  expect(dials.settled(answered)).toBe(true);
  clock.runUntilIdle();
  expect(ends).toEqual([100_000, 160_000]);
  expect(dials.size).toBe(0);
});

it("tells once who was first: the answer, or the client that gave up", () => {
  const dials = new PendingDials(new SimClock(), 100);
  const [answered, aborted] = [request(), request()];
  dials.begin(answered);
  const signal = dials.begin(aborted);
  expect(dials.settled(answered)).toBe(true);
  expect(dials.abort(answered, gaveUp)).toBe(false);
  expect(dials.abort(aborted, gaveUp)).toBe(true);
  expect(signal.reason).toBe(gaveUp);
  expect(dials.settled(aborted)).toBe(false);
});

it("leaves no timer when nothing is pending", () => {
  const clock = new SimClock();
  const dials = new PendingDials(clock, 100);
  const one = request();
  dials.begin(one);
  expect(clock.nextAt()).toBe(100_000);
  dials.settled(one);
  expect(clock.nextAt()).toBe(Number.POSITIVE_INFINITY);
});
