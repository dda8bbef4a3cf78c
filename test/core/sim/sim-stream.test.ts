import { describe, expect, it } from "vitest";
import type { Link, LinkClosed } from "../../../src/core/link/index.ts";
import { SimClock, SimStream } from "../../../src/core/sim/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { pattern } from "../link/hosts.ts";

function listen(clock: SimClock, link: Link) {
  const notes = {
    arrivals: [] as { at: number; bytes: Bytes }[],
    drained: [] as number[],
    closed: [] as LinkClosed[],
  };
  link.start({
    message: (bytes) => notes.arrivals.push({ at: clock.now(), bytes }),
    drained: () => notes.drained.push(clock.now()),
    closed: (reason) => notes.closed.push(reason),
  });
  return notes;
}

describe("SimStream", () => {
  it("carries messages whole and in order, at its rate and after its delay", () => {
    const clock = new SimClock();
    const stream = new SimStream({ clock, stream: { delay: 1_000, rate: 1_000_000, jitter: 300 } });
    const { arrivals } = listen(clock, stream.b);
    for (let i = 0; i < 5; i++) stream.a.send(pattern(i, 1_000));
    clock.runUntilIdle();
    expect(arrivals.map(({ bytes }) => bytes)).toEqual([0, 1, 2, 3, 4].map((i) => pattern(i, 1_000)));
    arrivals.forEach(({ at }, i) => {
      expect(at).toBeGreaterThanOrEqual((i + 1) * 1_000 + 1_000);
      expect(at).toBeLessThanOrEqual((i + 1) * 1_000 + 1_600);
    });
  });

  it("hides what the system has taken, shows what it has not, and says when that is gone", () => {
    const clock = new SimClock();
    const stream = new SimStream({ clock, stream: { rate: 1_000_000, hidden: 3_000 } });
    const a = listen(clock, stream.a);
    listen(clock, stream.b);
    for (let i = 0; i < 5; i++) stream.a.send(pattern(i, 1_000));
    expect(stream.a.buffered).toBe(2_000);
    clock.run(1_000);
    expect(stream.a.buffered).toBe(1_000);
    expect(a.drained).toEqual([]);
    clock.runUntilIdle();
    expect(stream.a.buffered).toBe(0);
    expect(a.drained).toEqual([2_000]);
  });

  it("as a byte stream cuts what it carries anywhere", () => {
    const clock = new SimClock();
    const stream = new SimStream({ clock, random: 5, framed: false });
    const { arrivals } = listen(clock, stream.b);
    for (let i = 0; i < 20; i++) stream.a.send(pattern(i * 500, 500));
    clock.runUntilIdle();
    expect(arrivals.length).toBeGreaterThan(30);
    expect(arrivals.flatMap(({ bytes }) => [...bytes])).toEqual([...pattern(0, 10_000)]);
  });

  it("stalls without loss", () => {
    const clock = new SimClock();
    const stream = new SimStream({ clock, stream: { delay: 10 } });
    const { arrivals } = listen(clock, stream.b);
    stream.stall(5_000_000);
    stream.a.send(pattern(0, 100));
    clock.runUntilIdle();
    expect(arrivals.map(({ at }) => at)).toEqual([5_000_010]);
  });

  it("close() comes after everything that was sent before it", () => {
    const clock = new SimClock();
    const stream = new SimStream({ clock, stream: { delay: 700, rate: 1_000_000, hidden: 1_000 } });
    const a = listen(clock, stream.a);
    const b = listen(clock, stream.b);
    for (let i = 0; i < 10; i++) stream.a.send(pattern(i, 1_000));
    stream.a.close(4_000, "done");
    stream.a.send(pattern(0, 1_000));
    clock.runUntilIdle();
    expect(b.arrivals).toHaveLength(10);
    expect(b.closed).toEqual([{ code: 4_000, reason: "done" }]);
    expect(a.closed).toEqual([{ code: 4_000, reason: "done" }]);
  });

  it("cut() loses what is under way, and both ends are told once", () => {
    const clock = new SimClock();
    const stream = new SimStream({ clock, stream: { delay: 1_000 } });
    const a = listen(clock, stream.a);
    const b = listen(clock, stream.b);
    stream.a.send(pattern(0, 10));
    clock.run(1_000);
    stream.a.send(pattern(0, 10));
    clock.run(1_500);
    stream.cut({ bNotices: 30_000_000 });
    clock.runUntilIdle();
    expect(b.arrivals).toHaveLength(1);
    expect(a.closed).toEqual([{ code: 1_006, reason: "The link was cut" }]);
    expect(b.closed).toHaveLength(1);
    expect(clock.now()).toBe(30_001_500);
  });
});
