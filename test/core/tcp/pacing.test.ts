// The token bucket of pacing, alone and in a connection.

import { describe, expect, it } from "vitest";
import { Pacer } from "../../../src/core/tcp/pacing.ts";
import { Pair, pattern } from "../stack/pair.ts";
import { MILLISECOND, scenario } from "./script.ts";

const MS = MILLISECOND;

/** Sends segments of 1,000 bytes whenever it may, asked every `step` and when told; gives when they left. */
function departures(pacer: Pacer, from: number, to: number, step: number): number[] {
  const left: number[] = [];
  for (let now = from; now <= to; now += step) {
    while (pacer.wait(now, 1000, 10_000) === 0) {
      pacer.sent(1000);
      left.push(now);
    }
  }
  return left;
}

describe("Pacer", () => {
  it("lets everything through until a round trip is known", () => {
    expect(Pacer.rateOf(14_600, Number.POSITIVE_INFINITY, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(new Pacer().wait(0, 1 << 20, 1)).toBe(0);
  });

  it("is twice the window a round trip in slow start, 1.2 times after (Linux's tcp_pacing_ss_ratio, ca_ratio)", () => {
    expect(Pacer.rateOf(100_000, Number.POSITIVE_INFINITY, 100 * MS)).toBe(2_000_000);
    expect(Pacer.rateOf(100_000, 100_000, 100 * MS)).toBe(1_200_000);
  });

  it.each([0.1, 1, 3.3, 7])("sends at its rate although it is asked only every %d ms", (step) => {
    const pacer = new Pacer();
    pacer.rate = 1_000_000;
    departures(pacer, 0, 100 * MS, 10);
    const left = departures(pacer, 100 * MS, 1_100 * MS, step * MS).length;
    expect(left).toBeGreaterThan(980);
    expect(left).toBeLessThanOrEqual(1_010);
  });

  it("a pause is worth no more than one burst", () => {
    const pacer = new Pacer();
    pacer.rate = 1_000_000;
    expect(departures(pacer, 1_000 * MS, 1_000 * MS, 1).length).toBe(10);
    expect(departures(pacer, 60_000 * MS, 60_000 * MS, 1).length).toBe(10);
  });

  it("a loop that stood still for long catches up by a few milliseconds' worth, not by all", () => {
    const pacer = new Pacer();
    pacer.rate = 10_000_000;
    departures(pacer, 0, 20 * MS, 100);
    expect(pacer.wait(20 * MS, 1000, 10_000)).toBeGreaterThan(0);
    expect(departures(pacer, 500 * MS, 500 * MS, 1).length).toBe(100);
  });

  it("says when it may be asked again: not for each segment, but for a millisecond's worth", () => {
    const pacer = new Pacer();
    pacer.rate = 5_000_000;
    departures(pacer, 0, 0, 1);
    expect(pacer.wait(0, 1000, 10_000)).toBe(1_000);
    pacer.rate = 100_000;
    expect(pacer.wait(0, 1000, 10_000)).toBe(10 * MS);
  });
});

describe("a paced connection", () => {
  it("sends its first ten segments at once, then spreads a window over the round trip", () => {
    const pair = new Pair({ latency: 50 * MS });
    const [client] = pair.connected();
    const sent: number[] = [];
    pair.filter = (flight, packet) => {
      if (flight.from === "a" && packet.tcp.dataEnd > packet.tcp.dataStart) sent.push(flight.at - 50 * MS);
      return true;
    };
    const start = pair.now;
    client.send(pair.now, pattern(400_000));
    pair.runFor(350 * MS);
    expect(sent.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => start));
    // The third round trip: no moment in it has more than a burst.
    const third = sent.filter((at) => at >= start + 200 * MS && at < start + 300 * MS);
    expect(third.length).toBeGreaterThan(30);
    const most = Math.max(...third.map((at) => third.filter((other) => other === at).length));
    expect(most).toBeLessThanOrEqual(11);
    const early = third.filter((at) => at < start + 225 * MS).length;
    expect(early).toBeLessThan(0.75 * third.length);
  });

  scenario("does not when pacing is off", (s) => {
    const connection = s.dialled({ mss: 1000 });
    s.write(connection, 60_000);
    s.take();
    s.pass(100 * MS);
    s.send("A", { ack: s.heard });
    expect(s.take().length).toBeGreaterThanOrEqual(10);
  });

  scenario(
    "never on a reliable route",
    (s) => {
      const connection = s.dialled({ mss: 1000 });
      s.write(connection, 60_000);
      s.pass(1 * MS);
      s.send("A", { ack: 1001 });
      s.take();
      expect(connection.info(s.now)).toMatchObject({ notSent: 0, congestionControl: "none" });
    },
    { route: { reliable: true }, tcp: { pacing: true } },
  );
});
