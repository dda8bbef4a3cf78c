// Two stacks exchange bytes over paths that lose, delay, reorder and duplicate.

import { describe, expect, it } from "vitest";
import { Pair, pattern, readAll, sameBytes, seeded, transfer } from "./pair.ts";

describe("a transfer", () => {
  for (const family of [4, 6] as const) {
    it(`carries a megabyte over IPv${family}`, () => {
      const pair = new Pair({ family });
      const [client, server] = pair.connected();
      expect(sameBytes(transfer(pair, client, server, 1 << 20), pattern(1 << 20))).toBe(true);
      expect(client.info(pair.now).retransmits).toBe(0);
    });
  }

  it("opens, speaks and closes in both directions", () => {
    const pair = new Pair();
    const [client, server] = pair.connected();
    client.send(pair.now, pattern(100));
    client.finish(pair.now);
    pair.runFor(100_000);
    expect(readAll(pair, server)).toEqual(pattern(100));
    expect(server.receive(pair.now, 10)).toBeNull();
    expect([client.state, server.state]).toEqual(["FIN-WAIT-2", "CLOSE-WAIT"]);
    server.send(pair.now, pattern(50));
    server.finish(pair.now);
    pair.runFor(100_000);
    expect(readAll(pair, client)).toEqual(pattern(50));
    expect(client.receive(pair.now, 10)).toBeNull();
    expect([client.state, server.state]).toEqual(["TIME-WAIT", "CLOSED"]);
    pair.drive();
    expect(pair.a.countByState()["TIME-WAIT"]).toBe(0);
    expect(pair.a.connectionCount + pair.b.connectionCount).toBe(0);
  });

  for (const loss of [0.001, 0.01, 0.05, 0.2]) {
    for (const reliableSeed of [1, 2, 3]) {
      it(`is exact at ${loss * 100} % loss, seed ${reliableSeed}`, () => {
        const next = seeded(reliableSeed * 7919);
        const pair = new Pair({ latency: 20_000 });
        const [client, server] = pair.connected();
        pair.filter = (flight) => {
          if (next() < 0.05) flight.at += next() * 15_000;
          return next() >= loss;
        };
        const size = loss > 0.1 ? 60_000 : 400_000;
        expect(sameBytes(transfer(pair, client, server, size), pattern(size))).toBe(true);
      });
    }
  }

  it("carries large segments without a checksum over a reliable route", () => {
    const pair = new Pair({ family: 6, route: { reliable: true, checksum: false, mtu: 65_535 } });
    const [client, server] = pair.connected();
    expect(sameBytes(transfer(pair, client, server, 8 << 20), pattern(8 << 20))).toBe(true);
    expect(client.info(pair.now)).toMatchObject({
      retransmits: 0,
      reliable: true,
      cwnd: Number.POSITIVE_INFINITY,
    });
  });
});
