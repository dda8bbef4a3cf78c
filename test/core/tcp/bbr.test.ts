// BBR against a path of its own: a pipe of so many bytes a second and a round trip, ACK by ACK.

import { describe, expect, it } from "vitest";
import { Bbr } from "../../../src/core/tcp/bbr.ts";
import { ack } from "./ack-sample.ts";

const MSS = 1000;
const MS = 1000;
const SECOND = 1_000_000;

/** A bottleneck with an endless queue in front of it, and a sender that does what BBR says. */
class Pipe {
  readonly bbr: Bbr;
  now = 0;
  rate: number;
  rtt: number;
  delivered = 0;
  inFlight = 0;
  /** The user has so much a second to send; infinity: always something. */
  userRate = Number.POSITIVE_INFINITY;
  readonly states: string[] = [];
  private lineFreeAt = 0;
  private maySendAt = 0;
  private readonly flight: { at: number; sentAt: number; prior: number; limited: boolean }[] = [];

  constructor(rate: number, rtt: number, seed = 1) {
    this.rate = rate;
    this.rtt = rtt;
    this.bbr = new Bbr(MSS, 10, seed);
  }

  get queue(): number {
    return Math.max(0, this.inFlight - (this.rate * this.rtt) / SECOND);
  }

  run(until: number, onAck: () => void = () => {}): void {
    while (this.now < until) {
      this.send();
      const next = this.flight[0]?.at ?? Number.POSITIVE_INFINITY;
      if (next <= this.maySendAt || this.inFlight + MSS > this.bbr.window) {
        if (next === Number.POSITIVE_INFINITY) throw new Error("nothing in flight, and no window");
        this.now = next;
        this.acknowledge();
        onAck();
      } else this.now = this.maySendAt;
    }
  }

  private send(): void {
    const { bbr } = this;
    while (this.inFlight + MSS <= bbr.window && this.maySendAt <= this.now) {
      this.lineFreeAt = Math.max(this.now, this.lineFreeAt) + (MSS * SECOND) / this.rate;
      const limited = this.userRate !== Number.POSITIVE_INFINITY;
      this.flight.push({ at: this.lineFreeAt + this.rtt, sentAt: this.now, prior: this.delivered, limited });
      this.inFlight += MSS;
      const pace = Math.min(bbr.pacingRate || Number.POSITIVE_INFINITY, this.userRate);
      this.maySendAt =
        Math.max(this.now, this.maySendAt) + (pace === Number.POSITIVE_INFINITY ? 0 : (MSS * SECOND) / pace);
    }
  }

  acknowledge(lost = 0, resending = false): void {
    const segment = this.flight.shift();
    if (segment === undefined) throw new Error("nothing in flight");
    const priorInFlight = this.inFlight;
    this.inFlight -= MSS;
    this.delivered += MSS;
    const rtt = this.now - segment.sentAt;
    this.bbr.acknowledged(
      ack(MSS, {
        now: this.now,
        totalDelivered: this.delivered,
        priorDelivered: segment.prior,
        rate: ((this.delivered - segment.prior) * SECOND) / rtt,
        rateAppLimited: segment.limited,
        rtt,
        srtt: this.rtt,
        inFlight: this.inFlight,
        priorInFlight,
        lost,
        resending,
      }),
    );
    if (this.states[this.states.length - 1] !== this.bbr.state) this.states.push(this.bbr.state);
  }
}

/** One megabyte a second and 100 ms: the pipe holds 100 kB. */
const pipe = (): Pipe => new Pipe(1_000_000, 100 * MS);

describe("BBR", () => {
  it("starts up until the rate grows no more, drains, then probes", () => {
    const path = pipe();
    path.run(2 * SECOND);
    expect(path.states).toEqual(["startup", "drain", "probe-bandwidth"]);
    expect(path.bbr.pacingRate).toBeGreaterThan(700_000);
    expect(path.bbr.pacingRate).toBeLessThan(1_300_000);
  });

  it("doubles its rate each round trip in STARTUP", () => {
    const path = new Pipe(100_000_000, 100 * MS);
    path.run(220 * MS);
    const first = path.bbr.pacingRate;
    path.run(520 * MS);
    expect(path.bbr.state).toBe("startup");
    expect(path.bbr.pacingRate / first).toBeGreaterThan(6);
  });

  it("then delivers what the path takes, with a queue of no more than a quarter of the pipe", () => {
    const path = pipe();
    path.run(3 * SECOND);
    const before = path.delivered;
    let queue = 0;
    let samples = 0;
    path.run(9 * SECOND, () => {
      queue += path.queue;
      samples++;
    });
    expect(path.delivered - before).toBeGreaterThan(0.98 * 6_000_000);
    expect(queue / samples).toBeLessThan(25_000);
  });

  it("its gain cycle probes with 1.25, drains with 0.75, and cruises for six round trips", () => {
    const path = pipe();
    path.run(3 * SECOND);
    const gains = new Map<number, number>();
    path.run(8 * SECOND, () => {
      const gain = Math.round((path.bbr.pacingRate / 990_000) * 100) / 100;
      gains.set(gain, (gains.get(gain) ?? 0) + 1);
    });
    const share = (from: number, to: number): number => {
      let inside = 0;
      let all = 0;
      for (const [gain, count] of gains) {
        all += count;
        if (gain >= from && gain <= to) inside += count;
      }
      return inside / all;
    };
    expect(share(1.2, 1.3)).toBeGreaterThan(0.08);
    expect(share(0.7, 0.8)).toBeGreaterThan(0.03);
    expect(share(0.97, 1.05)).toBeGreaterThan(0.6);
  });

  it("finds a path that has become faster within a few cycles, and one that has become slower within ten round trips", () => {
    const path = pipe();
    path.run(3 * SECOND);
    path.rate = 1_500_000;
    path.run(8 * SECOND);
    expect(path.bbr.pacingRate).toBeGreaterThan(1_050_000);
    path.rate = 500_000;
    // With a full window in the queue a round trip lasts 0.6 s.
    path.run(20 * SECOND);
    expect(path.bbr.pacingRate).toBeLessThan(650_000);
  });

  it("does not look for it where the clock had long run when the connection began", () => {
    const path = pipe();
    path.now = 3_600 * SECOND;
    path.run(3_600 * SECOND + 500 * MS);
    expect(path.states[0]).toBe("startup");
    expect(path.states).not.toContain("probe-rtt");
  });

  it("looks for the least round trip every ten seconds, with four segments, for 200 ms", () => {
    const path = pipe();
    path.run(9 * SECOND);
    expect(path.states).not.toContain("probe-rtt");
    let least = Number.POSITIVE_INFINITY;
    let probing = 0;
    let last = path.now;
    path.run(14 * SECOND, () => {
      if (path.bbr.state === "probe-rtt") {
        least = Math.min(least, path.inFlight);
        probing += path.now - last;
        expect(path.bbr.selfLimited).toBe(true);
      }
      last = path.now;
    });
    expect(least).toBeLessThanOrEqual(4 * MSS);
    expect(probing).toBeGreaterThan(200 * MS);
    expect(probing).toBeLessThan(700 * MS);
    expect(path.bbr.state).toBe("probe-bandwidth");
    expect(path.bbr.window).toBeGreaterThan(150_000);
  });

  it("loss alone makes it no slower", () => {
    const path = pipe();
    path.run(3 * SECOND);
    const { pacingRate, window } = path.bbr;
    path.bbr.congested(path.now, path.inFlight);
    path.acknowledge(MSS, true);
    // The first round trip: what leaves is what arrived.
    expect(path.bbr.window).toBe(path.inFlight + MSS);
    path.bbr.recovered(path.now);
    path.acknowledge();
    expect(path.bbr.window).toBeGreaterThanOrEqual(window - 2 * MSS);
    expect(path.bbr.pacingRate).toBeGreaterThan(0.7 * pacingRate);
  });

  it("after a timeout it begins with one segment, and is back at its window when that is over", () => {
    const path = pipe();
    path.run(3 * SECOND);
    const { window } = path.bbr;
    path.bbr.timedOut(path.now, path.inFlight, true);
    expect(path.bbr.window).toBe(MSS);
    path.bbr.timedOut(path.now, path.inFlight, false);
    path.acknowledge(0, true);
    expect(path.bbr.window).toBeLessThan(10 * MSS);
    path.acknowledge(0, false);
    expect(path.bbr.window).toBeGreaterThanOrEqual(0.9 * window);
  });

  it("undo() gives the window back at once", () => {
    const path = pipe();
    path.run(3 * SECOND);
    const { window } = path.bbr;
    path.bbr.timedOut(path.now, path.inFlight, true);
    path.bbr.undo(path.now);
    expect(path.bbr.window).toBe(window);
  });

  it("rates that the user's own pace limited make it no slower", () => {
    const path = pipe();
    path.run(3 * SECOND);
    const { pacingRate } = path.bbr;
    path.userRate = 50_000;
    path.run(6 * SECOND);
    expect(path.bbr.pacingRate).toBeGreaterThan(0.7 * pacingRate);
  });

  it("comes back from an idle time at the rate of the path, no faster", () => {
    const path = pipe();
    path.run(3 * SECOND);
    path.bbr.resumed(path.now + 5 * SECOND, 5 * SECOND, true);
    expect(path.bbr.pacingRate).toBeLessThanOrEqual(1_000_000);
    expect(path.bbr.pacingRate).toBeGreaterThan(900_000);
  });

  it("begins its cycle elsewhere for other connections", () => {
    const firsts = new Set<number>();
    for (let seed = 1; seed <= 30; seed++) {
      const path = new Pipe(1_000_000, 100 * MS, seed * 7919);
      path.run(2 * SECOND, () => {});
      firsts.add(Math.round(path.bbr.pacingRate / 50_000));
    }
    expect(firsts.size).toBeGreaterThan(1);
  });
});
