import { describe, expect, it } from "vitest";
import { LinkBudget } from "../../../src/core/link/budget.ts";
import { Random, SimClock, SimStream } from "../../../src/core/sim/index.ts";
import { Host, pattern, readAll } from "./hosts.ts";

const MBIT = 125_000;

/** A line of this rate and round trip that takes messages one after the other; word of each comes back. */
class Line {
  now = 1;
  readonly budget: LinkBudget;
  private readonly rate: number;
  private readonly rtt: number;
  private readonly resolution: number;
  private freeAt = 0;
  private readonly acks: { at: number; total: number }[] = [];
  private total = 0;

  constructor(rate: number, rtt: number, cap = 4 << 20, resolution = 1, bestMessage?: number) {
    this.rate = rate;
    this.rtt = rtt;
    this.resolution = resolution;
    this.budget = new LinkBudget(cap, bestMessage);
    // The first packet on a link is small: a SYN.
    this.send(60);
    this.budget.onIdle();
    this.next();
  }

  private clock(): number {
    return Math.floor(this.now / this.resolution) * this.resolution;
  }

  send(bytes: number): void {
    this.budget.onSent(this.clock(), bytes);
    this.total += bytes;
    this.freeAt = Math.max(this.freeAt, this.now) + (bytes / this.rate) * 1e6;
    this.acks.push({ at: this.freeAt + this.rtt, total: this.total });
  }

  /** Sends as much as the budget allows, for so long. */
  bulk(duration: number): { bytes: number; longestQueue: number } {
    const end = this.now + duration;
    const before = this.total;
    let longestQueue = 0;
    while (this.now < end) {
      while (this.budget.inFlight < this.budget.budget) this.send(Math.ceil(this.budget.messageLimit));
      longestQueue = Math.max(longestQueue, this.freeAt - this.now);
      this.next();
    }
    return { bytes: this.total - before, longestQueue };
  }

  /** Waits for the next word. */
  next(): void {
    const ack = this.acks.shift();
    if (ack === undefined) return;
    this.now = ack.at;
    if (!this.budget.onReceived(this.clock(), ack.total)) throw new Error("word of more than was sent");
  }

  get isQuiet(): boolean {
    return this.acks.length === 0;
  }
}

describe("LinkBudget", () => {
  it("begins with 64 KiB", () => {
    expect(new LinkBudget(4 << 20).budget).toBe(65_536);
    expect(new LinkBudget(10_000).budget).toBe(10_000);
  });

  it.each([
    ["2 Mbit/s, 40 ms", 2 * MBIT, 40_000],
    ["20 Mbit/s, 40 ms", 20 * MBIT, 40_000],
    ["100 Mbit/s, 100 ms", 100 * MBIT, 100_000],
    ["1 Gbit/s, 1 ms", 1_000 * MBIT, 1_000],
    ["loopback, 8 Gbit/s, 100 us", 8_000 * MBIT, 100],
  ])("fills a line of %s and keeps its queue short", (_name, rate, rtt) => {
    const line = new Line(rate, rtt);
    line.bulk(5_000_000);
    const { bytes, longestQueue } = line.bulk(5_000_000);
    expect(bytes / 5 / rate).toBeGreaterThan(0.97);
    // 16 KiB is the least budget: 65 ms at 2 Mbit/s, of which the way takes 40.
    const allowed = Math.max(12_000, rtt / 4, (16_384 / rate) * 1e6 + 5_000 - rtt);
    expect(longestQueue).toBeLessThan(allowed);
  });

  it("does not let its own queue creep into the least round trip: five minutes later it is what it was", () => {
    const line = new Line(20 * MBIT, 40_000);
    line.bulk(5_000_000);
    const early = line.budget.budget;
    const { bytes } = line.bulk(300_000_000);
    expect(line.budget.minRtt).toBeLessThan(46_000);
    expect(line.budget.budget).toBeLessThan(early * 1.15);
    expect(bytes / 300 / (20 * MBIT)).toBeGreaterThan(0.97);
  });

  it("follows a line that becomes ten times as fast within two seconds, and one that becomes slow", () => {
    const line = new Line(10 * MBIT, 40_000);
    line.bulk(5_000_000);
    (line as unknown as { rate: number }).rate = 100 * MBIT;
    line.bulk(2_000_000);
    expect(line.bulk(1_000_000).bytes / (100 * MBIT)).toBeGreaterThan(0.9);
    (line as unknown as { rate: number }).rate = 10 * MBIT;
    line.bulk(3_000_000);
    expect(line.bulk(1_000_000).longestQueue).toBeLessThan(12_000);
  });

  it("never exceeds the other side's cap", () => {
    const line = new Line(8_000 * MBIT, 50_000, 200_000);
    line.bulk(5_000_000);
    expect(line.budget.budget).toBe(200_000);
  });

  it("does not take a trickle for a slow link", () => {
    const line = new Line(100 * MBIT, 20_000);
    for (let i = 0; i < 200; i++) {
      line.send(100);
      line.budget.onIdle();
      while (!line.isQuiet) line.next();
      line.now += 10_000;
    }
    expect(line.budget.budget).toBeGreaterThanOrEqual(65_536);
    expect(line.budget.segmentLimit).toBe(16_384);
  });

  it("keeps what it knew of the line over a quiet minute", () => {
    const line = new Line(100 * MBIT, 20_000);
    line.bulk(5_000_000);
    const { rate } = line.budget;
    for (let i = 0; i < 600; i++) {
      while (!line.isQuiet) line.next();
      line.budget.onIdle();
      line.now += 100_000;
      line.send(50);
      line.budget.onIdle();
    }
    expect(line.budget.rate).toBeGreaterThan(rate * 0.9);
  });

  it.each([1_000, 16_667, 100_000])("works with a clock that moves in steps of %i us", (resolution) => {
    const line = new Line(100 * MBIT, 10_000, 4 << 20, resolution);
    line.bulk(10_000_000);
    const { bytes } = line.bulk(10_000_000);
    expect(bytes / 10 / (100 * MBIT)).toBeGreaterThan(0.9);
  });

  it("cuts segments to about 2 ms of the line, between 1,220 and 65,535 bytes", () => {
    const limit = (rate: number): number => {
      const line = new Line(rate, 10_000);
      line.bulk(3_000_000);
      return line.budget.segmentLimit;
    };
    expect(limit(1 * MBIT)).toBe(1_220);
    expect(limit(40 * MBIT)).toBeGreaterThan(9_000);
    expect(limit(40 * MBIT)).toBeLessThan(11_000);
    expect(limit(8_000 * MBIT)).toBe(65_535);
  });

  it("makes no segment and no message longer than the link says is best", () => {
    const line = new Line(8_000 * MBIT, 10_000, 4 << 20, 1, 32_000);
    line.bulk(3_000_000);
    expect(line.budget.segmentLimit).toBe(32_000);
    expect(line.budget.messageLimit).toBe(32_000);
  });

  it("refuses word of more than was sent, and ignores old word", () => {
    const budget = new LinkBudget(4 << 20);
    budget.onSent(1, 1_000);
    expect(budget.onReceived(2, 1_001)).toBe(false);
    expect(budget.onReceived(3, 600)).toBe(true);
    expect(budget.onReceived(4, 500)).toBe(true);
    expect(budget.inFlight).toBe(400);
  });

  it("gives the right rate whatever the sizes and pauses of messages", () => {
    const random = new Random(5);
    const line = new Line(50 * MBIT, 30_000);
    for (let i = 0; i < 20_000; i++) {
      while (line.budget.inFlight < line.budget.budget) line.send(random.integer(40, 9_000));
      line.next();
    }
    expect(line.budget.rate).toBeGreaterThan(45 * MBIT);
    expect(line.budget.rate).toBeLessThan(56 * MBIT);
  });
});

describe("A keystroke beside a bulk transfer on the same link", () => {
  it("over 20 Mbit/s and 40 ms: within RTT + 20 ms, and bulk keeps 90 % of the line", () => {
    const clock = new SimClock();
    const a = new Host("fd00::1", { clock });
    const b = new Host("fd00::2", { clock });
    const stream = new SimStream({ clock, stream: { delay: 20_000, rate: 20 * MBIT, hidden: 4 << 20 } });
    a.attach(stream.a);
    b.attach(stream.b);
    const listener = b.driver.listen({ address: null, port: 7 });
    const bulk = a.driver.dial({ remote: b.ip, remotePort: 7 });
    clock.run(1_000_000);
    const bulkPeer = listener.accept();
    const keys = a.driver.dial({ remote: b.ip, remotePort: 7 });
    clock.run(2_000_000);
    const keysPeer = listener.accept();
    if (bulkPeer === undefined || keysPeer === undefined) throw new Error("not accepted");
    const times: number[] = [];
    let sentAt = 0;
    let bytes = 0;
    const chunk = pattern(0, 100_000);
    const start = clock.now();
    const end = start + 20_000_000;
    while (clock.now() < end) {
      while (bulk.send(chunk) > 0) {}
      bytes += readAll(bulkPeer).length;
      const echoed = readAll(keysPeer);
      if (echoed.length > 0) keysPeer.send(echoed);
      if (readAll(keys).length > 0) {
        // In the first second the rate is not known yet.
        if (sentAt > start + 1_000_000) times.push(clock.now() - sentAt);
        sentAt = 0;
      }
      if (sentAt === 0 && clock.now() % 50_000 < 1_000) {
        sentAt = clock.now();
        keys.send(new Uint8Array(10));
      }
      clock.run(clock.now() + 250);
    }
    times.sort((x, y) => x - y);
    expect(times.length).toBeGreaterThan(100);
    expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(60_000);
    expect(bytes / 20 / (20 * MBIT)).toBeGreaterThan(0.9);
  });
});
