// The small tables of a tunnel: handles by name, and the watch on a link, in virtual time.
import { describe, expect, test } from "vitest";
import { SimClock } from "../../src/core/sim/index.ts";
import { networkAddresses } from "../../src/tunnel/addresses.ts";
import { HandleTable } from "../../src/tunnel/handles.ts";
import { LinkWatch } from "../../src/tunnel/link-watch.ts";

describe("Handles", () => {
  const { handles } = networkAddresses("example");

  test("stand for one name each, told once, until the least recently used is needed again", () => {
    const table = new HandleTable(handles, 2);
    const a = table.take("a");
    const b = table.take("b");
    expect([a.isNew, b.isNew]).toEqual([true, true]);
    expect(table.take("a")).toEqual({ handle: a.handle, isNew: false });
    const c = table.take("c");
    expect(c.isNew).toBe(true);
    expect(c.handle.equals(b.handle)).toBe(true);
    expect(table.take("b").handle.equals(a.handle)).toBe(true);
  });

  test("whose binding was refused are told again, and stay within the limit", () => {
    const table = new HandleTable(handles, 3);
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const name = `name-${i % 5}`;
      const { handle, isNew } = table.take(name);
      expect(isNew).toBe(true);
      seen.add(`${handle}`);
      table.forget(name);
    }
    expect(seen.size).toBeLessThanOrEqual(3);
  });
});

describe("The watch on a link", () => {
  function watched(): {
    clock: SimClock;
    port: { lastArrival: number; ping(): void };
    pings: number[];
    deaths: number[];
  } {
    const clock = new SimClock();
    const pings: number[] = [];
    const deaths: number[] = [];
    const port = { lastArrival: clock.now(), ping: () => void pings.push(clock.now()) };
    new LinkWatch(clock, port, { idle: 20e6, patience: 25e6, dead: () => deaths.push(clock.now()) });
    return { clock, port, pings, deaths };
  }

  test("pings after silence and gives up when nothing comes back", () => {
    const { clock, pings, deaths } = watched();
    clock.run(100e6);
    expect(pings).toEqual([20e6]);
    expect(deaths).toEqual([45e6]);
  });

  test("does not ping while something arrives, and an answer begins it anew", () => {
    const { clock, port, pings, deaths } = watched();
    for (let at = 0; at <= 60e6; at += 10e6) {
      clock.run(at);
      port.lastArrival = at;
    }
    expect(pings).toEqual([]);
    clock.run(81e6);
    expect(pings).toEqual([80e6]);
    port.lastArrival = 81e6;
    clock.run(130e6);
    expect(pings).toEqual([80e6, 101e6]);
    expect(deaths).toEqual([126e6]);
  });
});
