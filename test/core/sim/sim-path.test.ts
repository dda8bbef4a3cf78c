import { describe, expect, it } from "vitest";
import type { Link, LinkClosed } from "../../../src/core/link/index.ts";
import { type PathOptions, SimClock, SimPath } from "../../../src/core/sim/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { Packet, parsePacket } from "../../../src/core/wire/packet.ts";

/** An IPv6 packet without a payload protocol, whose number can be read back. */
function packet(number: number, length = 100, ecn = 0): Bytes {
  const bytes = new Uint8Array(length);
  bytes[0] = 0x60;
  bytes[1] = ecn << 4;
  bytes[4] = (length - 40) >>> 8;
  bytes[5] = (length - 40) & 255;
  bytes[6] = 59;
  bytes[7] = 64;
  bytes[8] = bytes[24] = 0xfd;
  bytes[23] = 1;
  bytes[39] = 2;
  bytes[40] = number >>> 8;
  bytes[41] = number & 255;
  return bytes;
}

interface Arrival {
  readonly at: number;
  readonly number: number;
  readonly bytes: Bytes;
}

function listen(clock: SimClock, link: Link): { arrivals: Arrival[]; closed: LinkClosed[] } {
  const arrivals: Arrival[] = [];
  const closed: LinkClosed[] = [];
  link.start({
    message: (bytes) => arrivals.push({ at: clock.now(), number: (bytes[40] << 8) | bytes[41], bytes }),
    drained: () => {},
    closed: (reason) => closed.push(reason),
  });
  return { arrivals, closed };
}

function send(options: PathOptions, count: number, spacing = 0, make = packet) {
  const clock = new SimClock();
  const path = new SimPath({ clock, random: 11, path: options });
  const { arrivals } = listen(clock, path.b);
  const back = listen(clock, path.a).arrivals;
  for (let i = 0; i < count; i++) clock.schedule(i * spacing, () => path.a.send(make(i)));
  clock.runUntilIdle();
  return { path, arrivals, back };
}

describe("SimPath", () => {
  it("delays by the same time, in order", () => {
    const { arrivals } = send({ delay: 5_000 }, 10, 100);
    expect(arrivals.map(({ at, number }) => [at, number])).toEqual(
      Array.from({ length: 10 }, (_, i) => [5_000 + i * 100, i]),
    );
  });

  it("takes messages of several packets apart", () => {
    const clock = new SimClock();
    const path = new SimPath({ clock });
    const { arrivals } = listen(clock, path.b);
    path.a.send(new Uint8Array([...packet(1), ...packet(2, 60)]));
    clock.runUntilIdle();
    expect(arrivals.map(({ number, bytes }) => [number, bytes.length])).toEqual([
      [1, 100],
      [2, 60],
    ]);
  });

  it("jitter spreads arrivals and keeps their order", () => {
    const { arrivals } = send({ delay: 5_000, jitter: 2_000 }, 200, 100);
    expect(arrivals.map(({ number }) => number)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    const delays = arrivals.map(({ at, number }) => at - number * 100);
    expect(Math.min(...delays)).toBeLessThan(5_500);
    expect(Math.max(...delays)).toBeGreaterThan(6_500);
    expect(Math.max(...delays)).toBeLessThanOrEqual(7_000);
  });

  it("sends at its rate, and drops what the queue does not hold", () => {
    const { arrivals, path } = send({ rate: 100_000, queue: 1_000 }, 50);
    expect(arrivals).toHaveLength(10);
    expect(path.aToB.counters.overflowed).toBe(40);
    expect(arrivals.map(({ at }) => at)).toEqual(Array.from({ length: 10 }, (_, i) => (i + 1) * 1_000));
  });

  it("loses the given share", () => {
    const { path } = send({ loss: 0.1 }, 10_000);
    expect(path.aToB.counters.lost).toBeGreaterThan(850);
    expect(path.aToB.counters.lost).toBeLessThan(1_150);
  });

  it("loses in bursts: as much, but next to each other", () => {
    const { arrivals, path } = send({ loss: { enter: 0.02, leave: 0.2 } }, 20_000);
    const lost = path.aToB.counters.lost;
    expect(lost / 20_000).toBeGreaterThan(0.07);
    expect(lost / 20_000).toBeLessThan(0.11);
    const gaps = arrivals.filter(({ number }, i) => i > 0 && number !== arrivals[i - 1].number + 1).length;
    // Five packets a burst on average.
    expect(lost / gaps).toBeGreaterThan(4);
  });

  it("reorders: some come late by the given time, none is lost", () => {
    const { arrivals, path } = send({ delay: 1_000, reorder: 0.05, reorderDelay: 700 }, 1_000, 100);
    expect(arrivals).toHaveLength(1_000);
    const late = arrivals.filter(({ at, number }) => at === 1_700 + number * 100);
    expect(late).toHaveLength(path.aToB.counters.reordered);
    expect(late.length).toBeGreaterThan(25);
    expect(arrivals.filter(({ at, number }) => at === 1_000 + number * 100)).toHaveLength(
      1_000 - late.length,
    );
  });

  it("duplicates and damages: one bit, in a copy", () => {
    const sent: Bytes[] = [];
    const make = (i: number): Bytes => {
      sent[i] = packet(i);
      return sent[i];
    };
    const { arrivals, path } = send({ duplicate: 0.1, corrupt: 0.1 }, 1_000, 10, make);
    expect(arrivals).toHaveLength(1_000 + path.aToB.counters.duplicated);
    expect(path.aToB.counters.duplicated).toBeGreaterThan(60);
    let damaged = 0;
    for (const { bytes } of arrivals) {
      const isWhole = sent.some((original) => original.every((byte, i) => byte === bytes[i]));
      if (!isWhole) damaged++;
    }
    // A flipped bit may turn one number into another's.
    expect(damaged).toBeLessThanOrEqual(path.aToB.counters.corrupted);
    expect(damaged).toBeGreaterThan(path.aToB.counters.corrupted - 5);
    expect(damaged).toBeGreaterThan(60);
  });

  it("drops what is longer than the MTU, and says so when asked to", () => {
    const make = (i: number): Bytes => packet(i, i % 2 === 0 ? 1_500 : 1_280);
    const silent = send({ mtu: 1_280 }, 10, 0, make);
    expect(silent.arrivals.map(({ number }) => number % 2)).toEqual([1, 1, 1, 1, 1]);
    expect(silent.path.aToB.counters.tooLong).toBe(5);
    expect(silent.back).toHaveLength(0);
    const told = send({ mtu: 1_280, tooBig: true }, 10, 0, make);
    expect(told.back).toHaveLength(5);
    const parsed = new Packet();
    expect(parsePacket(parsed, told.back[0].bytes, 0, told.back[0].bytes.length, true)).toBe(0);
    expect(told.back[0].bytes[40]).toBe(2);
  });

  it("marks CE what waited long and can be marked, in both families", () => {
    const { arrivals, path } = send({ rate: 100_000, mark: 4_500 }, 10, 0, (i) =>
      packet(i, 100, i % 2 === 0 ? 2 : 0),
    );
    const marked = arrivals.filter(({ bytes }) => ((bytes[1] >>> 4) & 3) === 3).map(({ number }) => number);
    expect(marked).toEqual([6, 8]);
    expect(path.aToB.counters.marked).toBe(2);
    const ipv4 = new Uint8Array(40);
    ipv4.set([0x45, 2, 0, 40, 0, 0, 0, 0, 64, 59, 0xf9, 0x1a, 10, 0, 0, 1, 10, 0, 0, 2]);
    const old = send({ rate: 1_000, mark: 0 }, 2, 0, () => ipv4.slice());
    const parsed = new Packet();
    const last = old.arrivals[1].bytes;
    expect(last[1] & 3).toBe(3);
    expect(parsePacket(parsed, last, 0, 40, true)).toBe(0);
  });

  it("is the same for the same seed, and takes other options while it runs", () => {
    const times = (seed: number): number[] => {
      const clock = new SimClock();
      const path = new SimPath({ clock, random: seed, path: { delay: 100, jitter: 50, loss: 0.2 } });
      const { arrivals } = listen(clock, path.b);
      for (let i = 0; i < 100; i++) path.a.send(packet(i));
      path.aToB.options.loss = 1;
      for (let i = 0; i < 100; i++) path.a.send(packet(i));
      clock.runUntilIdle();
      return arrivals.map(({ at }) => at);
    };
    expect(times(1)).toEqual(times(1));
    expect(times(1)).not.toEqual(times(2));
    expect(times(1).length).toBeLessThan(100);
  });

  it("has two directions of their own", () => {
    const clock = new SimClock();
    const path = new SimPath({ clock, path: { delay: 10 }, bToA: { delay: 700 } });
    const a = listen(clock, path.a).arrivals;
    const b = listen(clock, path.b).arrivals;
    path.a.send(packet(1));
    path.b.send(packet(2));
    clock.runUntilIdle();
    expect([b[0].at, a[0].at]).toEqual([10, 700]);
  });

  it("cut(): what is under way is lost, and each end notices in its time", () => {
    const clock = new SimClock();
    const path = new SimPath({ clock, path: { delay: 1_000 } });
    const a = listen(clock, path.a);
    const b = listen(clock, path.b);
    path.a.send(packet(1));
    clock.run(500);
    path.cut({ aNotices: 3_000, bNotices: Number.POSITIVE_INFINITY, reason: "a digger" });
    clock.run(3_499);
    expect(a.closed).toEqual([]);
    clock.run(1_000_000);
    expect(a.closed).toEqual([{ reason: "a digger" }]);
    expect(b.closed).toEqual([]);
    expect(b.arrivals).toEqual([]);
  });
});
