import { describe, expect, test } from "vitest";
import { SimClock } from "../../src/core/sim/index.ts";
import { LinkWatch, type LinkWatchOptions, type WatchedPort } from "../../src/tunnel/link-watch.ts";

const SECOND = 1_000_000;

function watched(options: Partial<LinkWatchOptions> = {}) {
  const clock = new SimClock();
  const pings: number[] = [];
  const deaths: number[] = [];
  const port = {
    lastArrival: clock.now(),
    waitingSince: Number.POSITIVE_INFINITY,
    onWaiting: null,
    ping: () => void pings.push(clock.now()),
  } as WatchedPort & { lastArrival: number; waitingSince: number };
  const watch = new LinkWatch(clock, port, {
    idle: 20 * SECOND,
    patience: 25 * SECOND,
    dead: () => deaths.push(clock.now()),
    ...options,
  });
  const arrive = (): void => {
    port.lastArrival = clock.now();
  };
  return { clock, port, watch, pings, deaths, arrive };
}

describe("The watch on a link", () => {
  test("pings after silence and gives up when nothing comes back", () => {
    const { clock, pings, deaths } = watched();
    clock.run(100 * SECOND);
    expect(pings).toEqual([20 * SECOND]);
    expect(deaths).toEqual([45 * SECOND]);
    expect(clock.nextAt()).toBe(Number.POSITIVE_INFINITY);
  });

  test("does not ping while something arrives, and an answer begins it anew", () => {
    const { clock, pings, deaths, arrive } = watched();
    for (let at = 0; at <= 60; at += 10) {
      clock.run(at * SECOND);
      arrive();
    }
    expect(pings).toEqual([]);
    clock.run(81 * SECOND);
    expect(pings).toEqual([80 * SECOND]);
    arrive();
    clock.run(130 * SECOND);
    expect(pings).toEqual([80 * SECOND, 101 * SECOND]);
    expect(deaths).toEqual([126 * SECOND]);
  });

  test("a timer that comes a minute late lets what is queued come first", () => {
    const { clock, pings, deaths, arrive } = watched({ silence: 45 * SECOND });
    // The relay's pings have come in time; this loop hears of them only after its timers.
    clock.run(19 * SECOND);
    clock.arrive(60 * SECOND, arrive);
    clock.block(60 * SECOND);
    clock.run(79 * SECOND);
    expect(deaths).toEqual([]);
    expect(pings).toEqual([]);
    clock.run(99 * SECOND);
    expect(pings).toEqual([99 * SECOND]);
  });

  test("a timer that comes late does not wait for an answer when the silence says enough", () => {
    const { clock, deaths } = watched({ silence: 45 * SECOND });
    clock.run(10 * SECOND);
    clock.block(60 * SECOND);
    clock.run(70 * SECOND);
    expect(deaths).toEqual([70 * SECOND]);
  });

  test("without that bound a late timer asks first: this side's own pause is no proof", () => {
    const { clock, pings, deaths } = watched();
    clock.run(10 * SECOND);
    clock.block(60 * SECOND);
    clock.run(71 * SECOND);
    expect(pings).toEqual([70 * SECOND]);
    clock.run(100 * SECOND);
    expect(deaths).toEqual([95 * SECOND]);
  });

  test("what is sent and not taken within the bound ends it at once, whatever else arrives", () => {
    const { clock, port, deaths, arrive } = watched({ writeWait: 15 * SECOND });
    clock.run(3 * SECOND);
    port.waitingSince = clock.now();
    port.onWaiting?.();
    for (let at = 4; at <= 30; at++) {
      clock.run(at * SECOND);
      arrive();
    }
    expect(deaths).toEqual([18 * SECOND]);
    expect(port.onWaiting).toBeNull();
  });

  test("what goes on being taken, however slowly, does not", () => {
    const { clock, port, deaths, arrive } = watched({ writeWait: 15 * SECOND });
    for (let at = 1; at <= 200; at += 14) {
      clock.run(at * SECOND);
      port.waitingSince = clock.now();
      port.onWaiting?.();
      arrive();
    }
    port.waitingSince = Number.POSITIVE_INFINITY;
    clock.run(210 * SECOND);
    expect(deaths).toEqual([]);
  });

  test("in doubt asks at once and waits 5 s", () => {
    const { clock, watch, pings, deaths, arrive } = watched();
    clock.run(SECOND);
    watch.doubt();
    expect(pings).toEqual([SECOND]);
    clock.run(2 * SECOND);
    arrive();
    clock.run(10 * SECOND);
    expect(deaths).toEqual([]);
    watch.doubt();
    clock.run(60 * SECOND);
    expect(deaths).toEqual([15 * SECOND]);
  });

  test("stopped, it does nothing more", () => {
    const { clock, port, watch, pings, deaths } = watched({ writeWait: 15 * SECOND });
    watch.stop();
    watch.doubt();
    clock.runUntilIdle();
    expect(pings).toEqual([]);
    expect(deaths).toEqual([]);
    expect(port.onWaiting).toBeNull();
  });
});
