// Path MTU in virtual time: paths that shrink and grow, with ICMP (RFC 1191, RFC 8201) and without (RFC 8899), over the
// simulator's MTU.

import { describe, expect, it } from "vitest";
import type { ConnectionSource } from "../../../src/core/link/index.ts";
import { type PathOptions, SimClock, SimPath } from "../../../src/core/sim/index.ts";
import type { TcpOptions } from "../../../src/core/stack/index.ts";
import { checkPattern, Host, pattern, readAll } from "../link/hosts.ts";

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;

class Field {
  readonly clock: SimClock = new SimClock();
  readonly a: Host;
  readonly b: Host;
  readonly path: SimPath;
  private received = 0;
  private sent = 0;

  constructor(path: PathOptions, tcp: Partial<TcpOptions> = {}) {
    const { clock } = this;
    const route = { reliable: false, checksum: true, mtu: 1_500, tcp };
    this.a = new Host("fd00::1", { clock, route });
    this.b = new Host("fd00::2", { clock, route });
    this.path = new SimPath({ clock, path: { delay: 20_000, rate: 2_500_000, ...path } });
    this.a.attach(this.path.a);
    this.b.attach(this.path.b);
  }

  connect(): [ConnectionSource, ConnectionSource] {
    const listener = this.b.driver.listen({ address: null, port: 7 });
    const dialled = this.a.driver.dial({ remote: this.b.ip, remotePort: 7 });
    this.clock.run(this.clock.now() + SECOND);
    const accepted = listener.accept();
    listener.close();
    if (accepted === undefined) throw new Error("not accepted");
    this.sent = this.received = 0;
    return [dialled, accepted];
  }

  /** Sends without a pause for so long; what arrives is checked. */
  stream([from, to]: [ConnectionSource, ConnectionSource], duration: number): number {
    const before = this.received;
    for (const end = this.clock.now() + duration; this.clock.now() < end; ) {
      if (from.unacknowledged < 300_000) this.sent += from.send(pattern(this.sent, 60_000));
      this.clock.run(this.clock.now() + 5_000);
      const bytes = readAll(to);
      checkPattern(bytes, this.received);
      this.received += bytes.length;
    }
    return this.received - before;
  }

  mss(source: ConnectionSource): number {
    return source.connection.info(this.clock.now()).mss;
  }
}

describe("a path that takes less than its ends", () => {
  it("and says so by ICMP: segments shrink at once, nothing times out (RFC 8201 §4)", () => {
    const field = new Field({ mtu: 1_350, tooBig: true, queue: 64 << 20 });
    const ends = field.connect();
    field.stream(ends, 3 * SECOND);
    expect(field.mss(ends[0])).toBe(1_290);
    expect(field.a.stack.counters).toMatchObject({ timeouts: 0, blackHoles: 0 });
    expect(field.path.aToB.counters.tooLong).toBeLessThan(20);
    // Every byte that was too big went again, and no more than that.
    expect(ends[0].connection.info(0).bytesRetransmitted).toBeLessThan(20 * 1_440);
  });

  it("is remembered for the next connection to the same host, and forgotten after ten minutes", () => {
    const field = new Field({ mtu: 1_350, tooBig: true });
    const first = field.connect();
    field.stream(first, SECOND);
    const tooLong = field.path.aToB.counters.tooLong;
    const second = field.connect();
    expect(field.mss(second[0])).toBe(1_290);
    field.stream(second, SECOND);
    expect(field.path.aToB.counters.tooLong).toBe(tooLong);
    field.clock.run(field.clock.now() + 11 * MINUTE);
    expect(field.mss(field.connect()[0])).toBe(1_440);
  });

  it("is tried again after ten minutes: a path that has grown is used (RFC 8201 §4)", () => {
    const field = new Field({ mtu: 1_350, tooBig: true });
    const ends = field.connect();
    field.stream(ends, 2 * SECOND);
    field.clock.run(field.clock.now() + 9 * MINUTE);
    const tooLong = field.path.aToB.counters.tooLong;
    field.stream(ends, 2 * SECOND);
    expect(field.path.aToB.counters.tooLong).toBe(tooLong);
    field.clock.run(field.clock.now() + MINUTE);
    field.stream(ends, 2 * SECOND);
    // One probe of the full size, which ICMP answered.
    expect(field.path.aToB.counters.tooLong).toBe(tooLong + 1);
    expect(field.mss(ends[0])).toBe(1_290);
    field.path.aToB.options.mtu = 9_000;
    field.clock.run(field.clock.now() + 10 * MINUTE);
    field.stream(ends, 2 * SECOND);
    expect(field.mss(ends[0])).toBe(1_440);
    expect(field.a.stack.counters.timeouts).toBe(0);
  });

  it("and says nothing, a black hole: it is left within seconds, then the size is found (RFC 8899 §4.4)", () => {
    const field = new Field({ mtu: 1_350 });
    const ends = field.connect();
    expect(field.stream(ends, 3 * SECOND)).toBeGreaterThan(0);
    expect(field.a.stack.counters.blackHoles).toBe(1);
    expect(field.mss(ends[0])).toBeGreaterThanOrEqual(1_220);
    field.stream(ends, 10 * SECOND);
    expect(field.mss(ends[0])).toBeGreaterThan(1_290 - 16);
    expect(field.mss(ends[0])).toBeLessThanOrEqual(1_290);
    // The search costs probes, not the window: after it the path is full.
    expect(field.stream(ends, 5 * SECOND) / 5).toBeGreaterThan(0.85 * 2_500_000);
    expect(field.a.stack.counters.blackHoles).toBe(1);
  });

  it("the next connection through a black hole begins with what passes", () => {
    const field = new Field({ mtu: 1_350 });
    field.stream(field.connect(), 12 * SECOND);
    const ends = field.connect();
    expect(field.mss(ends[0])).toBeGreaterThan(1_290 - 16);
    const timeouts = field.a.stack.counters.timeouts;
    field.stream(ends, 5 * SECOND);
    expect(field.a.stack.counters.timeouts).toBe(timeouts);
  });

  it("shrinks under a connection, with and without ICMP", () => {
    for (const tooBig of [true, false]) {
      const field = new Field({ tooBig });
      const ends = field.connect();
      field.stream(ends, 3 * SECOND);
      expect(field.mss(ends[0])).toBe(1_440);
      field.path.aToB.options.mtu = 1_280;
      field.stream(ends, 5 * SECOND);
      expect(field.mss(ends[0])).toBe(1_220);
      expect(field.stream(ends, 5 * SECOND)).toBeGreaterThan(5_000_000);
    }
  });

  it("is left to itself when mtuProbing is off", () => {
    const field = new Field({ mtu: 1_350 }, { mtuProbing: false });
    const ends = field.connect();
    expect(field.stream(ends, 20 * SECOND)).toBe(0);
    expect(field.mss(ends[0])).toBe(1_440);
  });
});

describe("an outage that is no black hole", () => {
  it("may lower segments, which are as large as before soon after", () => {
    const field = new Field({});
    const ends = field.connect();
    field.stream(ends, 2 * SECOND);
    field.path.aToB.options.loss = 1;
    field.stream(ends, 4 * SECOND);
    field.path.aToB.options.loss = 0;
    field.stream(ends, 10 * SECOND);
    expect(field.mss(ends[0])).toBe(1_440);
  });
});

describe("probes", () => {
  it("that are lost among others are resent, and the stream is whole, at 2 % loss", () => {
    const field = new Field({ mtu: 1_400, loss: 0.02 });
    const ends = field.connect();
    field.stream(ends, 20 * SECOND);
    expect(field.mss(ends[0])).toBeGreaterThanOrEqual(1_220);
    expect(field.mss(ends[0])).toBeLessThanOrEqual(1_340);
    expect(field.a.stack.counters.blackHoles).toBeGreaterThanOrEqual(1);
  });
});
