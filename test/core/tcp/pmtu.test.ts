// The search for the largest segment alone (RFC 8899 §5.2): which sizes are tried, when, and when it rests.

import { describe, expect, it } from "vitest";
import { PathMemory } from "../../../src/core/stack/path-memory.ts";
import { PathMtu, TRY_AGAIN } from "../../../src/core/tcp/pmtu.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { MILLISECOND, MINUTE, SECOND, scenario } from "./script.ts";

/** Probes until the search rests; what passes is at most `largest`. Gives the sizes tried. */
function search(path: PathMtu, largest: number, from = 0): number[] {
  const tried: number[] = [];
  for (let now = from; now < from + MINUTE; now += SECOND) {
    const size = path.next(now);
    if (size === 0) continue;
    tried.push(size);
    path.size = size;
    if (size <= largest) path.passed(now);
    else path.failed(now);
  }
  return tried;
}

describe("PathMtu", () => {
  it("finds what passes after a black hole by halving, and rests for ten minutes (RFC 8899 §5.2)", () => {
    const path = new PathMtu(1_460, 1_024, 0);
    path.lowered(1_024, 1_460, 0);
    const tried = search(path, 1_350);
    expect(tried[0]).toBe(1_242);
    expect(path.low).toBeGreaterThan(1_350 - 16);
    expect(path.low).toBeLessThanOrEqual(1_350);
    expect(tried.length).toBeLessThan(15);
    expect(path.next(50 * SECOND)).toBe(0);
    expect(path.next(TRY_AGAIN + MINUTE)).toBe(1_460);
  });

  it("gets back all of it when nothing was wrong", () => {
    const path = new PathMtu(1_460, 1_024, 0);
    path.lowered(1_024, 1_460, 0);
    search(path, 1_460);
    expect(path.low).toBe(1_460);
    expect(path.next(TRY_AGAIN * 3)).toBe(0);
  });

  it("takes one lost probe for chance, two of the same size for the path", () => {
    const path = new PathMtu(1_460, 1_024, 0);
    path.lowered(1_024, 1_460, 0);
    path.size = path.next(0);
    path.failed(0);
    expect(path.next(500_000)).toBe(0);
    expect(path.next(SECOND)).toBe(1_242);
    path.size = 1_242;
    path.failed(SECOND);
    expect(path.next(2 * SECOND)).toBe(1_133);
  });

  it("believes ICMP about a probe at once", () => {
    const path = new PathMtu(1_460, 1_200, 0);
    path.size = path.next(0);
    expect(path.size).toBe(1_460);
    path.failed(0, 1_360);
    expect(search(path, 1_360, SECOND)).toContain(1_360 - 80);
    expect(path.low).toBeGreaterThan(1_360 - 16);
  });

  it("has one probe under way at a time, and forgets one that goes again", () => {
    const path = new PathMtu(1_460, 1_024, 0);
    path.size = path.next(0);
    path.start = 5_000;
    expect(path.next(MINUTE)).toBe(0);
    path.resent(4_000);
    expect(path.size).toBe(1_460);
    path.resent(5_000);
    expect(path.size).toBe(-1);
  });
});

describe("a black hole", () => {
  scenario(
    "is what three timeouts of a full segment are; six mean the least of the protocol (RFC 8899 §4.3)",
    (s) => {
      const connection = s.accepted({ mss: 1460 });
      s.write(connection, 1460);
      s.pass(60 * SECOND);
      const lengths = s.take().map((seen) => seen.length);
      expect(lengths.slice(0, 5)).toEqual([1460, 1460, 1460, 1024, 436]);
      expect(lengths).toContain(536);
      expect(s.stack.counters.blackHoles).toBe(2);
    },
  );

  scenario("is not yet what three timeouts are where such segments passed, and many are lost", (s) => {
    const connection = s.accepted({ mss: 1460 });
    s.write(connection, 5 * 1460);
    s.pass(10 * MILLISECOND);
    s.send("A", { ack: 1461 });
    s.pass(4 * SECOND);
    expect(connection.attempts).toBeGreaterThanOrEqual(3);
    expect(connection.info(s.now).mss).toBe(1460);
    s.pass(60 * SECOND);
    expect(connection.info(s.now).mss).toBe(1024);
    expect(s.stack.counters.blackHoles).toBe(1);
  });

  scenario("is none when small segments are lost", (s) => {
    const connection = s.accepted({ mss: 1460 });
    s.write(connection, 500);
    s.pass(20 * SECOND);
    expect(connection.info(s.now).mss).toBe(1460);
    expect(s.stack.counters.blackHoles).toBe(0);
  });

  scenario(
    "does not exist on a reliable route",
    (s) => {
      const connection = s.accepted({ mss: 1460 });
      s.write(connection, 1460);
      s.pass(60 * SECOND);
      expect(connection.info(s.now).mss).toBe(1460);
    },
    { route: { reliable: true } },
  );
});

describe("PathMemory", () => {
  it("keeps so many destinations, and each for ten minutes (RFC 1191 §6.3)", () => {
    const memory = new PathMemory(100);
    const ip = (last: number): IpAddress => IpAddress.v4(10, 0, last >> 8, last & 255);
    for (let index = 0; index < 1_000; index++) memory.learn(index, ip(index), 1_300);
    expect(memory.size).toBe(100);
    expect(memory.of(1_000, ip(899))).toBeNull();
    expect(memory.of(1_000, ip(950))).toEqual({ mtu: 1_300, until: 950 + TRY_AGAIN });
    expect(memory.of(950 + TRY_AGAIN, ip(950))).toBeNull();
    expect(memory.size).toBe(99);
  });

  it("is not grown by learning the same again", () => {
    const memory = new PathMemory(2);
    const one = IpAddress.v4(10, 0, 0, 1);
    for (const mtu of [1_400, 1_300]) memory.learn(0, one, mtu);
    expect([memory.size, memory.of(0, one)?.mtu]).toEqual([1, 1_300]);
  });
});
