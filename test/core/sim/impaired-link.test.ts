// The same impairment over any link of packets, in virtual time here; test/kernel has it over a TUN device.

import { describe, expect, it } from "vitest";
import type { Clock } from "../../../src/core/link/index.ts";
import { memoryLinkPair } from "../../../src/core/link/index.ts";
import {
  type ImpairedLink,
  impairLink,
  OrderedClock,
  SimClock,
  SimPath,
} from "../../../src/core/sim/index.ts";
import { Host } from "../link/hosts.ts";

/** Two hosts over a path without faults of its own; host a's end is impaired. */
function world(seed: number): { clock: SimClock; a: Host; b: Host; link: ImpairedLink } {
  const clock = new SimClock();
  const path = new SimPath({ clock });
  const route = { reliable: false, mtu: 1_500 };
  const a = new Host("fd00::1", { clock, route });
  const b = new Host("fd00::2", { clock, route });
  const link = impairLink(path.a, {
    clock,
    random: seed,
    path: { delay: 5_000, loss: 0.02, duplicate: 0.02, reorder: 0.02, corrupt: 0.02 },
    inward: { loss: 0, duplicate: 0.2 },
  });
  a.attach(link);
  b.attach(path.b);
  return { clock, a, b, link };
}

async function transfer({ clock, a, b }: ReturnType<typeof world>): Promise<Uint8Array> {
  return clock.drive(
    (async () => {
      const listener = await b.network.bind(":7");
      const accepting = listener.accept();
      const stream = await a.network.connect("[fd00::2]:7");
      const [peer] = await accepting;
      const writing = stream.writeAll(new Uint8Array(300_000).fill(7)).then(() => stream.closeWrite());
      const bytes = await peer.readToEnd();
      await writing;
      return bytes;
    })(),
  );
}

describe("impairLink()", () => {
  it("loses, doubles, damages and reorders each way by its own options, and TCP repairs it", async () => {
    const host = world(3);
    const bytes = await transfer(host);
    expect(bytes.length === 300_000 && bytes.every((byte) => byte === 7)).toBe(true);
    const { outward, inward } = host.link;
    for (const count of ["lost", "duplicated", "corrupted", "reordered"] as const) {
      expect([count, outward.counters[count] > 0]).toEqual([count, true]);
    }
    expect(inward.counters.lost).toBe(0);
    expect(inward.counters.duplicated).toBeGreaterThan(0);
  });

  it("does the same again with the same seed", async () => {
    const [one, two, other] = [world(3), world(3), world(4)];
    for (const host of [one, two, other]) await transfer(host);
    expect(one.link.outward.counters).toEqual(two.link.outward.counters);
    expect(one.link.outward.counters).not.toEqual(other.link.outward.counters);
  });

  it("refuses a link that carries more than packets", () => {
    const clock = new SimClock();
    const [link] = memoryLinkPair(clock);
    expect(() => impairLink(link, { clock })).toThrow(TypeError);
  });
});

describe("OrderedClock", () => {
  it("keeps the order of what is due although the timers below come late and in another order", () => {
    const fired: string[] = [];
    const timers: { at: number; task: () => void }[] = [];
    let now = 0;
    const below: Clock = {
      now: () => now,
      schedule: (at, task) => timers[timers.push({ at, task }) - 1],
      cancel: (handle) => void timers.splice(timers.indexOf(handle as { at: number; task: () => void }), 1),
      defer: (task) => task(),
    };
    const clock = new OrderedClock(below);
    const cancelled = clock.schedule(150, () => fired.push("cancelled"));
    clock.schedule(300, () => fired.push("third"));
    clock.schedule(100, () => fired.push("first"));
    clock.schedule(200, () => fired.push("second"));
    clock.cancel(cancelled);
    expect(timers.map(({ at }) => at)).toEqual([100]);
    now = 250;
    timers.splice(0).forEach(({ task }) => void task());
    expect(fired).toEqual(["first", "second"]);
    expect(timers.map(({ at }) => at)).toEqual([300]);
  });
});
