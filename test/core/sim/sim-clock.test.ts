import { describe, expect, it } from "vitest";
import { Random, SimClock } from "../../../src/core/sim/index.ts";

describe("SimClock", () => {
  it("runs tasks by time, and those of one time in the order of asking", () => {
    const clock = new SimClock();
    const order: string[] = [];
    clock.schedule(20, () => order.push("c"));
    clock.schedule(10, () => order.push("a"));
    clock.schedule(10, () => order.push("b"));
    clock.runUntilIdle();
    expect(order).toEqual(["a", "b", "c"]);
    expect(clock.now()).toBe(20);
  });

  it("keeps the order of a thousand tasks, many of them cancelled", () => {
    const random = new Random(9);
    const clock = new SimClock();
    const seen: number[] = [];
    const handles = Array.from({ length: 1_000 }, (_, i) => {
      const at = random.integer(0, 300);
      return { at, i, handle: clock.schedule(at, () => seen.push(at * 1_000 + i)) };
    });
    const kept = handles.filter(({ handle }) => {
      const isKept = random.chance(0.5);
      if (!isKept) clock.cancel(handle);
      return isKept;
    });
    clock.runUntilIdle();
    const expected = kept.map(({ at, i }) => at * 1_000 + i).sort((x, y) => x - y);
    expect(seen).toEqual(expected);
  });

  it("runs deferred tasks after everything that is due, and those that they defer a turn later", () => {
    const clock = new SimClock();
    const order: string[] = [];
    clock.schedule(5, () => {
      order.push("due 1");
      clock.defer(() => {
        order.push("deferred");
        clock.defer(() => order.push("deferred again"));
      });
    });
    clock.schedule(5, () => order.push("due 2"));
    clock.step();
    expect(order).toEqual(["due 1", "due 2", "deferred"]);
    clock.step();
    expect(order[3]).toBe("deferred again");
    expect(clock.step()).toBe(false);
  });

  it("run() stops at its time and leaves the rest", () => {
    const clock = new SimClock({ start: 100 });
    let ran = 0;
    clock.schedule(150, () => ran++);
    clock.schedule(151, () => ran++);
    clock.run(150);
    expect([ran, clock.now(), clock.nextAt()]).toEqual([1, 150, 151]);
    clock.run(120);
    expect(clock.now()).toBe(150);
  });

  it("runs late timers before what arrived meanwhile, after a blocked loop", () => {
    const clock = new SimClock();
    const order: string[] = [];
    clock.arrive(10, () => order.push("arrival"));
    clock.schedule(20, () => order.push("timer"));
    clock.block(1_000);
    clock.runUntilIdle();
    expect(order).toEqual(["timer", "arrival"]);
    expect(clock.now()).toBe(1_000);
  });

  it("detects a livelock: turns without time passing, and runs that do not end", () => {
    const still = new SimClock({ mostTurnsAtOnce: 100 });
    const again = (): void => still.defer(again);
    again();
    expect(() => still.runUntilIdle()).toThrow("Livelock: 100 turns at 0 us without time passing");
    const endless = new SimClock({ mostTurns: 100 });
    const later = (): void => void endless.schedule(endless.now() + 1, later);
    later();
    expect(() => endless.runUntilIdle()).toThrow("Livelock: more than 100 turns");
  });

  it("takes turns at many times for no livelock, whoever moved the time", () => {
    const clock = new SimClock({ mostTurnsAtOnce: 10 });
    for (let i = 0; i < 100; i++) {
      clock.defer(() => {});
      clock.run(clock.now() + 1_000);
    }
    expect(clock.now()).toBe(100_000);
  });

  it("drive() gives the result of code that awaits, with the microtasks of each turn", async () => {
    const clock = new SimClock();
    const sleep = (time: number): Promise<void> =>
      new Promise((resolve) => clock.schedule(clock.now() + time, resolve));
    const work = async (): Promise<number> => {
      for (let i = 0; i < 10; i++) await sleep(1_000);
      await Promise.all([sleep(5), sleep(500)]);
      return clock.now();
    };
    expect(await clock.drive(work())).toBe(10_500);
    await expect(clock.drive(Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  it("drive() detects a deadlock", async () => {
    const clock = new SimClock();
    await expect(clock.drive(new Promise(() => {}))).rejects.toThrow("Deadlock at 0 us");
  });

  it("driveUntil() lets time pass with microtasks", async () => {
    const clock = new SimClock();
    let woken = 0;
    void (async () => {
      for (;;) {
        await new Promise<void>((resolve) => clock.schedule(clock.now() + 100, resolve));
        woken++;
      }
    })();
    await clock.driveUntil(1_000);
    expect(woken).toBeGreaterThanOrEqual(9);
    expect(clock.now()).toBe(1_000);
  });
});

describe("Random", () => {
  it("repeats itself for a seed and not for another", () => {
    const draw = (seed: number | string): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 10 }, () => random.bits());
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw("1")).toEqual(draw(1));
  });

  it("is even enough", () => {
    const random = new Random(4);
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 160_000; i++) counts[random.integer(0, 15)]++;
    // 10,000 each; a standard deviation is 97.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    let heads = 0;
    for (let i = 0; i < 100_000; i++) if (random.chance(0.01)) heads++;
    expect(Math.abs(heads - 1_000)).toBeLessThan(160);
  });

  it("forks do not disturb each other", () => {
    const a = new Random(7);
    const fork = a.fork();
    const first = fork.bits();
    const b = new Random(7);
    const other = b.fork();
    b.bits();
    b.bits();
    expect(other.bits()).toBe(first);
  });

  it("fills bytes", () => {
    const bytes = new Uint8Array(1_000);
    new Random(3).fill(bytes);
    expect(new Set(bytes).size).toBeGreaterThan(200);
  });
});
