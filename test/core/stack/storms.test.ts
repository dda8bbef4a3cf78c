// Exchanges that feed themselves: two ends that disagree, packets that come again and again, floods of forged ones. All
// of them end, or stay within a budget (RFC 5961 §7, §10; smoltcp #29 and #338, esp-idf #2425).

import { describe, expect, it } from "vitest";
import type { Connection } from "../../../src/core/stack/index.ts";
import { Flag, TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { buildPacket, scenario } from "../tcp/script.ts";
import { Pair, pattern, sameBytes, seeded, transfer } from "./pair.ts";

const SECOND = 1_000_000;

/** A segment that claims to be the client's. */
function forge(pair: Pair, client: Connection, fields: Partial<TcpSegment>, data = 0): void {
  const segment = new TcpSegment();
  Object.assign(segment, { sourcePort: client.localPort, destinationPort: client.remotePort, window: 1_000 });
  Object.assign(segment, { flags: Flag.ack, ...fields });
  pair.inject("b", buildPacket(pair.addressA, pair.addressB, segment, new Uint8Array(data)));
}

describe("two ends that disagree", () => {
  const disagreements: readonly [string, (server: Connection) => void][] = [
    ["on what was received", (server) => (server.receiving.irs = (server.receiving.irs + 1_000_000) >>> 0)],
    ["on what was sent", (server) => (server.sending.isn = (server.sending.isn + 1_000_000) >>> 0)],
    [
      "on both",
      (server) => {
        server.sending.isn = (server.sending.isn - 5_000_000) >>> 0;
        server.receiving.irs = (server.receiving.irs - 5_000_000) >>> 0;
      },
    ],
    ["on the timestamp", (server) => (server.tsRecent = (server.tsRecent + 1_000_000) >>> 0)],
  ];
  for (const [name, confuse] of disagreements) {
    it(`${name} exchange a bounded number of ACKs`, () => {
      const pair = new Pair({ latency: 100 });
      const [client, server] = pair.connected();
      confuse(server);
      client.send(pair.now, pattern(1_000));
      server.send(pair.now, pattern(1_000));
      pair.log.length = 0;
      pair.runFor(10 * SECOND);
      // Each end: the data with its backoff, and at most two corrections and two challenges a second, each way.
      expect(pair.log.length).toBeLessThan(10 * 2 * (2 + 2) + 60);
      pair.log.length = 0;
      pair.runFor(10 * SECOND);
      expect(pair.log.length).toBeLessThan(10 * 2 * (2 + 2) + 60);
    });
  }

  it("in TIME-WAIT and CLOSED fall silent", () => {
    const pair = new Pair({ latency: 100, a: { timeWait: 3_600 * SECOND } });
    const [client, server] = pair.connected();
    client.finish(pair.now);
    pair.runFor(SECOND);
    server.finish(pair.now);
    pair.runFor(SECOND);
    expect([client.state, server.state]).toEqual(["TIME-WAIT", "CLOSED"]);
    pair.log.length = 0;
    for (const flags of [Flag.ack, Flag.ack | Flag.fin, Flag.syn | Flag.ack, Flag.syn])
      forge(pair, client, { flags, seq: 77, ack: 99 });
    pair.runFor(60 * SECOND);
    expect(pair.log.length).toBeLessThan(10);
  });
});

describe("packets that come again and again", () => {
  it("make no more packets than they are: three copies of everything, for ever", () => {
    const pair = new Pair({ latency: 1_000 });
    const [client, server] = pair.connected();
    let copies = 0;
    pair.filter = (flight) => {
      for (let copy = 0; copy < 3 && copies < 30_000; copy++, copies++)
        pair.again({ ...flight, at: flight.at + 500 });
      return true;
    };
    expect(sameBytes(transfer(pair, client, server, 100_000), pattern(100_000))).toBe(true);
    pair.runFor(5 * SECOND);
    expect(copies).toBeLessThan(30_000);
    pair.log.length = 0;
    pair.runFor(60 * SECOND);
    expect(pair.log.length).toBe(0);
  });

  it("late by seconds and out of order, change nothing once the ends are quiet", () => {
    const random = seeded(4);
    const pair = new Pair({ latency: 1_000 });
    const [client, server] = pair.connected();
    pair.filter = (flight) => {
      if (random() < 0.3) pair.again({ ...flight, at: flight.at + random() * 20 * SECOND });
      return true;
    };
    expect(sameBytes(transfer(pair, client, server, 200_000), pattern(200_000))).toBe(true);
    pair.filter = () => true;
    pair.runFor(30 * SECOND);
    expect([client.state, server.state]).toEqual(["ESTABLISHED", "ESTABLISHED"]);
    pair.log.length = 0;
    pair.runFor(60 * SECOND);
    expect(pair.log.length).toBe(0);
  });
});

describe("a flood of forged segments", () => {
  for (const [name, flags] of [
    ["resets in the window", Flag.rst],
    ["SYNs", Flag.syn],
    ["ACKs of what was never sent", Flag.ack],
  ] as const) {
    it(`of ${name} gets two challenges a second from a connection, and it lives on (RFC 5961)`, () => {
      const pair = new Pair({ latency: 100 });
      const [client, server] = pair.connected();
      const { challenges } = pair.b.counters;
      const seq = client.sending.seq(client.sending.next);
      for (let count = 0; count < 5_000; count++) {
        const ack = (server.sending.seq(server.sending.next) + 1_000_000) >>> 0;
        forge(pair, client, { flags, seq: flags === Flag.ack ? seq : (seq + 1 + count) >>> 0, ack });
        pair.runFor(1_000);
      }
      expect(pair.b.counters.challenges - challenges).toBeGreaterThan(5);
      expect(pair.b.counters.challenges - challenges).toBeLessThanOrEqual(12);
      expect(sameBytes(transfer(pair, client, server, 50_000), pattern(50_000))).toBe(true);
      expect(pair.b.counters.resetsReceived).toBe(0);
    });
  }

  it("over many connections gets what the stack's budget allows, and counts the rest", () => {
    const pair = new Pair({ latency: 100, b: { limits: { answers: 20 } } });
    const ends = Array.from({ length: 60 }, (_, index) => pair.connected(100 + index));
    pair.runFor(SECOND);
    const given: number[] = [];
    for (let second = 0; second < 20; second++) {
      const before = pair.b.counters.challenges;
      for (const [client] of ends) {
        const seq = (client.sending.seq(client.sending.next) + 5) >>> 0;
        forge(pair, client, { flags: Flag.rst, seq });
      }
      given.push(pair.b.counters.challenges - before);
      pair.runFor(SECOND);
    }
    for (const count of given) {
      expect(count).toBeGreaterThanOrEqual(10);
      expect(count).toBeLessThanOrEqual(30);
    }
    // Not the same each second: what is left of it tells nobody anything.
    expect(new Set(given).size).toBeGreaterThan(5);
    expect(pair.b.counters.withheld).toBe(20 * 60 - given.reduce((sum, count) => sum + count, 0));
    for (const [, server] of ends) expect(server.state).toBe("ESTABLISHED");
  });

  scenario(
    "of data beyond the window or with a foreign ACK puts no byte into the stream (RFC 5961 §5)",
    (s) => {
      const connection = s.accepted();
      s.send("A", { seq: 1, ack: 1 + 500_000, data: 100 });
      s.send("A", { seq: 1 + 2_000_000, data: 100 });
      s.send("A", { seq: 1, ack: 1 - 500_000, data: 100 });
      s.take();
      expect(connection.available).toBe(0);
      expect(s.stack.counters).toMatchObject({ unacceptable: 1, challenges: 1 });
      s.send("A", { seq: 1, data: 100 });
      expect(connection.available).toBe(100);
    },
  );
});
