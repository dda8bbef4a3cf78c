// Random options, paths and operations of two honest ends, in virtual time: whatever the path does, the bytes are exact
// and in order, both ends come to CLOSED, nothing is left behind. A failing seed is in the test's name.

import { describe, expect, it } from "vitest";
import type { Connection, TcpOptions } from "../../../src/core/stack/index.ts";
import { MILLISECOND, MINUTE, SECOND } from "../tcp/script.ts";
import { Pair, pattern, sameBytes, seeded } from "./pair.ts";

interface Direction {
  readonly from: Connection;
  readonly to: Connection;
  readonly total: number;
  sent: number;
  got: number;
  ended: boolean;
}

function options(random: () => number): Partial<TcpOptions> {
  const size = (): number => Math.floor(10 ** (3 + random() * 2.5));
  return {
    receiveBuffer: size(),
    sendBuffer: size(),
    timestamps: random() < 0.7,
    sack: random() < 0.7,
    windowScaling: random() < 0.7,
    noDelay: random() < 0.7,
    maxSegmentSize: random() < 0.3 ? Math.floor(48 + random() * 1000) : 0,
    quickAcks: random() < 0.5 ? 0 : 16,
  };
}

function run(seed: number): void {
  const random = seeded(seed);
  const reliable = random() < 0.25;
  const pair = new Pair({
    family: random() < 0.5 ? 4 : 6,
    latency: Math.floor(10 ** (2 + random() * 3)),
    route: {
      reliable,
      mtu: reliable ? 1300 + Math.floor(random() * 30_000) : 1280 + Math.floor(random() * 1000),
    },
    // At such loss a backed-off FIN may come after a minute: TIME-WAIT is to be there still.
    a: { tcp: options(random), timeWait: 30 * MINUTE },
    b: { tcp: options(random), timeWait: 30 * MINUTE },
  });
  const loss = reliable ? 0 : pick(random, [0, 0.01, 0.1, 0.25]);
  const jitter = reliable ? 0 : pick(random, [0, 0, 0.5, 3]) * pair.latency;
  const twice = reliable ? 0 : pick(random, [0, 0.05]);
  const corrupt = reliable ? 0 : pick(random, [0, 0.02]);
  let quiet = false;
  pair.filter = (flight) => {
    flight.at += Math.floor(random() * jitter);
    if (quiet) return true;
    if (random() < twice) pair.again({ ...flight, at: flight.at + Math.floor(random() * 2 * pair.latency) });
    if (random() < corrupt)
      flight.bytes[Math.floor(random() * flight.bytes.length)] ^= 1 << Math.floor(random() * 8);
    return random() >= loss;
  };
  if (reliable) pair.answerPings();

  const listener = pair.b.listen(pair.now, { address: null, port: 80, backlog: 4 });
  const client = pair.a.connect(pair.now, { remote: pair.addressB, remotePort: 80 });
  let server: Connection | null = null;
  pair.drive(() => {
    server ??= listener.accept();
    return server !== null || client.state === "CLOSED";
  });
  listener.close(pair.now);
  if (server === null) {
    // All SYNs, or all their answers' answers, were lost: the dialler may think otherwise until it speaks.
    expect(loss).toBeGreaterThan(0.05);
    client.send(pair.now, pattern(1));
    client.release(pair.now);
    pair.drive(undefined, 60 * MINUTE);
    expect([pair.a.connectionCount, pair.b.connectionCount]).toEqual([0, 0]);
    return;
  }
  const most = loss > 0.1 ? 30_000 : 150_000;
  const total = (): number => (random() < 0.2 ? 0 : Math.floor(random() * most));
  const ways: Direction[] = [
    { from: client, to: server, total: total(), sent: 0, got: 0, ended: false },
    { from: server, to: client, total: total(), sent: 0, got: 0, ended: false },
  ];
  const end = pair.now + 24 * 60 * MINUTE;
  for (let step = 0; !ways.every((way) => way.ended); step++) {
    if (step > 300_000 || pair.now > end) throw new Error(`no end: ${JSON.stringify(state(ways, pair))}`);
    for (const way of ways) {
      if (way.sent < way.total && random() < 0.7) {
        const size = Math.min(way.total - way.sent, 1 + Math.floor(random() * 20_000));
        const data = pattern(size, way.sent);
        way.sent += random() < 0.8 ? way.from.send(pair.now, data) : way.from.sendOwned(pair.now, data);
      }
      if (way.sent === way.total) way.from.finish(pair.now);
      if (random() < 0.7) read(way, pair, 1 + Math.floor(random() * 50_000));
    }
    if (random() < 0.002) change(pair, random);
    if (!pair.step()) {
      // Nothing is under way: only the users can go on.
      quiet = step % 50 === 0;
    }
  }
  pair.drive(undefined, 60 * MINUTE);
  for (const stack of [pair.a, pair.b])
    expect([stack.connectionCount, stack.memoryUsed, stack.countByState()["TIME-WAIT"]]).toEqual([0, 0, 0]);
  expect([client.error, (server as Connection).error]).toEqual([null, null]);
  if (reliable && !changed.has(pair)) {
    expect(pair.a.counters.retransmissions + pair.b.counters.retransmissions).toBe(0);
  }
}

const changed = new WeakSet<Pair>();

/** A link dies, with or without a pause before the next one. */
function change(pair: Pair, random: () => number): void {
  changed.add(pair);
  const dead = pair.linkId++;
  pair.dropUnderWay();
  const pause = random() < 0.5;
  if (pause) {
    pair.a.freeze(pair.now, pair.routeA);
    pair.b.freeze(pair.now, pair.routeB);
    pair.now += Math.floor(random() * 100 * SECOND);
  }
  for (const stack of [pair.a, pair.b]) stack.linkDied(pair.now, dead);
  if (!pause) return;
  pair.a.thaw(pair.now, pair.routeA);
  pair.now += Math.floor(random() * 10 * MILLISECOND);
  pair.b.thaw(pair.now, pair.routeB);
}

function read(way: Direction, pair: Pair, max: number): void {
  const part = way.to.receive(pair.now, max);
  if (part === null) way.ended = true;
  else if (part !== undefined) {
    if (!sameBytes(part, pattern(part.length, way.got))) throw new Error(`other bytes at ${way.got}`);
    way.got += part.length;
  } else if (way.to.state === "CLOSED") throw new Error(`closed by ${way.to.error?.code}`);
  if (way.ended) expect(way.got).toBe(way.total);
}

function state(ways: Direction[], pair: Pair): unknown {
  return ways.map((way) => ({ ...way, from: way.from.info(pair.now), to: way.to.info(pair.now).state }));
}

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)];
}

describe("two honest ends", () => {
  for (let seed = 1; seed <= 25; seed++) it(`exchange their bytes and end, seed ${seed}`, () => run(seed));
});
