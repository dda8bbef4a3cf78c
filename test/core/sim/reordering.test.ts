// What reordering without loss costs: in virtual time, two hosts and a simulated path.

import { describe, expect, it } from "vitest";
import { type PathOptions, Random, SimClock, SimPath } from "../../../src/core/sim/index.ts";
import type { ConnectionInfo, TcpOptions } from "../../../src/core/stack/index.ts";
import { Host, readAll } from "../link/hosts.ts";

interface Outcome {
  /** Bytes per second of virtual time, from the first byte sent to the last read. */
  readonly goodput: number;
  readonly info: ConnectionInfo;
}

/** One flow of `total` bytes over the path. */
function flow(seed: number, path: PathOptions, total: number, tcp: Partial<TcpOptions> = {}): Outcome {
  const clock = new SimClock();
  const random = new Random(`reordering ${seed}`);
  const make = (ip: string): Host =>
    new Host(ip, {
      clock,
      seed,
      route: { reliable: false, checksum: false, mtu: 1_500 },
      stack: { tcp: { sendBuffer: 1 << 20, receiveBuffer: 1 << 20, ...tcp } },
    });
  const [a, b] = [make("fd00::1"), make("fd00::2")];
  const way = new SimPath({ clock, random, path });
  a.attach(way.a);
  b.attach(way.b);
  const listener = b.driver.listen({ address: null, port: 7, backlog: 4 });
  const from = a.driver.dial({ remote: b.ip, remotePort: 7 });
  clock.run(clock.now() + 1_000_000);
  const to = listener.accept();
  if (to === undefined) throw new Error("no connection");
  const block = new Uint8Array(64 << 10);
  const start = clock.now();
  let sent = 0;
  let received = 0;
  while (received < total) {
    if (clock.now() - start > 600_000_000) throw new Error(`seed ${seed}: ${received} bytes in ten minutes`);
    while (sent < total) {
      const taken = from.send(block.subarray(0, Math.min(block.length, total - sent)));
      sent += taken;
      if (taken === 0) break;
    }
    clock.run(clock.now() + 5_000);
    received += readAll(to).length;
  }
  const time = clock.now() - start;
  return { goodput: (total * 1_000_000) / time, info: from.connection.info(clock.now()) };
}

/** 100 Mbit/s, 50 ms there and back; the queue takes all that the window does not let the path hold. */
const line: PathOptions = { delay: 25_000, rate: 12_500_000, queue: 2 << 20 };
const TOTAL = 12 << 20;

describe("reordering of 1 % of the packets without loss (RFC 8985 §6.2)", () => {
  const straight = flow(1, { ...line }, TOTAL);

  for (const [how, reorderDelay, timestamps] of [
    ["by a quarter of the delay", 7_250, true],
    ["by half the delay, without timestamps", 12_500, false],
    ["by 2 ms, without timestamps", 2_000, false],
  ] as const) {
    it(`${how}, costs less than 5 % of the goodput`, () => {
      const crooked = flow(2, { ...line, reorder: 0.01, reorderDelay }, TOTAL, { timestamps });
      expect(crooked.info.reordering).toBeGreaterThan(50);
      expect(crooked.goodput / straight.goodput).toBeGreaterThan(0.95);
      expect(crooked.info.timeouts).toBe(0);
    });
  }
});
