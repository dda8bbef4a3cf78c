// Segments that no honest peer sends, in every state: never a throw, never a dialogue without end, memory within its
// bounds and back to zero; a blind attacker changes nothing of a transfer. Fixed seeds.

import { describe, expect, it } from "vitest";
import { Flag, TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { Pair, pattern, readAll, sameBytes, seeded, transfer } from "../stack/pair.ts";
import { batter, check, FLAGS, forged, pick, STATES, upTo } from "./forged-segments.ts";
import { buildPacket, MINUTE, SECOND } from "./script.ts";

describe("a forged segment", () => {
  it("in any state does no more harm than its numbers allow", () => {
    const states = new Set<string>();
    let cases = 0;
    for (let seed = 1; seed <= 110; seed++) {
      const battering = batter(seed, 30);
      cases += battering.segments;
      for (const state of battering.states) states.add(state);
    }
    expect(cases).toBe(3300);
    expect(STATES.filter((state) => !states.has(state))).toEqual([]);
  });

  it("from somebody who sees nothing changes no byte of a transfer and ends no connection", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(1000 + seed);
      const pair = new Pair({ latency: 2000 });
      const [client, server] = pair.connected();
      const data = pattern(100_000);
      let sent = 0;
      let got = 0;
      const received = new Uint8Array(data.length);
      pair.drive(() => {
        // Twenty guesses at each step, with the right ports.
        for (let count = 0; count < 20; count++) {
          const segment = new TcpSegment();
          segment.sourcePort = client.remotePort;
          segment.destinationPort = client.localPort;
          segment.seq = (random() * 2 ** 32) >>> 0;
          segment.ack = (random() * 2 ** 32) >>> 0;
          segment.flags = pick(random, FLAGS);
          segment.window = upTo(random, 65_535);
          pair.inject("a", buildPacket(pair.addressB, pair.addressA, segment, pattern(upTo(random, 10))));
        }
        sent += client.send(pair.now, data.subarray(sent));
        const part = readAll(pair, server);
        received.set(part, got);
        got += part.length;
        return got === data.length;
      });
      expect(sameBytes(received, data)).toBe(true);
      expect([client.state, server.state]).toEqual(["ESTABLISHED", "ESTABLISHED"]);
      expect(client.available).toBe(0);
    }
  });
});

describe("a stack that was battered", () => {
  it("serves the next connection as if nothing had been", () => {
    const random = seeded(77);
    const pair = new Pair({ latency: 1000, a: { limits: { halfOpen: 50, connections: 200 } } });
    pair.a.listen(pair.now, { address: null, port: 80, backlog: 8 });
    for (let count = 0; count < 1500; count++) {
      const bytes = new Uint8Array(upTo(random, 120)).map(() => upTo(random, 255));
      if (bytes.length > 0 && random() < 0.7) bytes[0] = pick(random, [0x45, 0x46, 0x60, 0x4f]);
      pair.inject("a", bytes);
      pair.inject("a", forged(random, pair, null, pick(random, [80, 81, 65_535])));
      check(pair.a);
    }
    pair.runFor(10 * MINUTE);
    expect(pair.a.countByState()).toMatchObject({ ESTABLISHED: 0, "SYN-RECEIVED": 0 });
    const [client, server] = pair.connected(8080);
    expect(sameBytes(transfer(pair, client, server, 100_000), pattern(100_000))).toBe(true);
    expect(sameBytes(transfer(pair, server, client, 100_000), pattern(100_000))).toBe(true);
  });

  it("bounds what a flood of tiny and overlapping segments makes it keep", () => {
    const random = seeded(99);
    const pair = new Pair({ a: { tcp: { receiveBuffer: 100_000 } } });
    const [client] = pair.connected();
    const { receiving, sending } = client;
    for (let count = 0; count < 4000; count++) {
      const segment = new TcpSegment();
      segment.sourcePort = client.remotePort;
      segment.destinationPort = client.localPort;
      segment.seq = (receiving.irs + 2 + receiving.next + 2 * upTo(random, 60_000)) >>> 0;
      segment.ack = sending.seq(sending.una);
      segment.flags = Flag.ack;
      segment.window = 1000;
      if (client.timestampsOk) {
        segment.hasTimestamps = true;
        segment.tsVal = client.tsRecent;
      }
      pair.inject("a", buildPacket(pair.addressB, pair.addressA, segment, pattern(1 + upTo(random, 3))));
    }
    expect(receiving.reassembly.length).toBeLessThan(4096 * 4);
    expect(pair.a.counters.reassemblyDrops).toBeGreaterThan(0);
    expect(pair.a.memoryUsed).toBe(receiving.reassembly.length);
    pair.runFor(SECOND);
    client.abort(pair.now);
    expect(pair.a.memoryUsed).toBe(0);
  });
});
