// The queue of TIME-WAIT records against a plain list, under random coming, starting over and going.

import { expect, it } from "vitest";
import { Random } from "../../../src/core/sim/random.ts";
import type { TimeWait } from "../../../src/core/stack/time-wait.ts";
import { TimeWaitQueue } from "../../../src/core/stack/time-wait-queue.ts";

/** What the queue looks at. */
function record(duration: number): TimeWait {
  return { duration, until: 0, before: null, after: null } as unknown as TimeWait;
}

it("ends each record when its own time is over, whatever the others' durations", () => {
  const random = new Random(7);
  const queue = new TimeWaitQueue();
  const waiting = new Map<TimeWait, number>();
  const earliest = (): number => Math.min(Number.POSITIVE_INFINITY, ...waiting.values());
  let ended = 0;
  for (let now = 0; now < 20_000; now += random.integer(0, 3)) {
    const any = waiting.size === 0 ? undefined : random.pick([...waiting.keys()]);
    const action = random.integer(0, 3);
    if (action < 2 || any === undefined) {
      const added = record(random.pick([1_000, 60, 250]));
      queue.add(now, added);
      waiting.set(added, now + added.duration);
    } else if (action === 2) {
      queue.remove(any);
      queue.add(now, any);
      waiting.set(any, now + any.duration);
    } else {
      queue.remove(any);
      waiting.delete(any);
    }
    expect(queue.earliest).toBe(earliest());
    for (let due = queue.due(now); due !== null; due = queue.due(now)) {
      expect(waiting.get(due)).toBeLessThanOrEqual(now);
      queue.remove(due);
      waiting.delete(due);
      ended++;
    }
    expect(earliest()).toBeGreaterThan(now);
    expect(queue.size).toBe(waiting.size);
  }
  expect(ended).toBeGreaterThan(1_000);
});
