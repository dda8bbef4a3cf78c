// Segments that no honest peer sends, in every state: never a throw, never a dialogue without end, memory within its
// bounds and back to zero; a blind attacker changes nothing of a transfer. Fixed seeds.

import { describe, expect, it } from "vitest";
import type { Connection, Listener, Stack } from "../../../src/core/stack/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { writeTcpChecksum } from "../../../src/core/wire/ip-header.ts";
import { Flag, TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { Pair, pattern, readAll, sameBytes, seeded, transfer } from "../stack/pair.ts";
import { buildPacket, MINUTE, SECOND } from "./script.ts";

type Random = () => number;

const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)];
const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1));

/** A number near one that means something, or anywhere. */
function near(random: Random, of: readonly number[]): number {
  const base = pick(random, of);
  const shift = pick(random, [
    0,
    0,
    0,
    1,
    -1,
    2,
    -2,
    100,
    -100,
    1460,
    65_535,
    -65_535,
    1 << 20,
    2 ** 31,
    2 ** 30,
  ]);
  return random() < 0.1 ? (random() * 2 ** 32) >>> 0 : (base + shift) >>> 0;
}

/** A segment as if from b, with numbers around those of a's connection. */
function forged(random: Random, pair: Pair, target: Connection | null, port: number): Bytes {
  const segment = new TcpSegment();
  segment.sourcePort = target?.remotePort ?? 80;
  segment.destinationPort = target?.localPort ?? port;
  const theirs =
    target === null
      ? [0]
      : [
          target.receiving.irs,
          target.receiving.irs + 1 + target.receiving.next,
          target.receiving.irs + 1 + target.receiving.edge,
        ];
  const ours =
    target === null
      ? [0]
      : [target.sending.isn, target.sending.seq(target.sending.una), target.sending.seq(target.sending.next)];
  segment.seq = near(random, theirs);
  segment.ack = near(random, ours);
  segment.flags = random() < 0.7 ? pick(random, FLAGS) : upTo(random, 255);
  segment.window = pick(random, [0, 1, 100, 1000, 65_535, upTo(random, 65_535)]);
  if (random() < 0.3) segment.mss = pick(random, [0, 1, 47, 48, 536, 1460, 65_535]);
  if (random() < 0.2) segment.windowScale = upTo(random, 14);
  if (random() < 0.2) segment.sackPermitted = true;
  if (random() < 0.5) {
    segment.hasTimestamps = true;
    segment.tsVal = near(random, [target?.tsRecent ?? 0]);
    segment.tsEcr = (random() * 2 ** 32) >>> 0;
  }
  if (random() < 0.3) {
    segment.sackCount = upTo(random, 3);
    for (let edge = 0; edge < 2 * segment.sackCount; edge++) segment.sackEdges[edge] = near(random, ours);
  }
  const length = random() < 0.5 ? 0 : pick(random, [1, 2, 100, 1460, upTo(random, 3000)]);
  return buildPacket(pair.addressB, pair.addressA, segment, pattern(length));
}

const STATES = [
  "SYN-SENT",
  "SYN-RECEIVED",
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
  "TIME-WAIT",
] as const;

const FLAGS: readonly number[] = [
  0,
  Flag.ack,
  Flag.ack | Flag.psh,
  Flag.ack | Flag.fin,
  Flag.syn,
  Flag.syn | Flag.ack,
  Flag.syn | Flag.fin,
  Flag.rst,
  Flag.rst | Flag.ack,
  Flag.fin,
  Flag.ack | Flag.urg,
  Flag.syn | Flag.rst | Flag.fin | Flag.ack,
];

/** A packet that is or was on the way, with bytes changed; its checksum mostly made right again. */
function mutated(random: Random, bytes: Bytes): Bytes {
  const changed = bytes.slice(0, random() < 0.1 ? upTo(random, bytes.length) : bytes.length);
  const header = Math.min(changed.length, 20 + 60);
  for (let count = 1 + upTo(random, 3); count > 0 && header > 20; count--) {
    const at = 20 + upTo(random, header - 21);
    changed[at] = random() < 0.5 ? upTo(random, 255) : changed[at] ^ (1 << upTo(random, 7));
  }
  if (changed.length >= 40 && random() < 0.9) writeTcpChecksum(changed, 0, changed.length);
  return changed;
}

let running = 0;

/** What holds of every connection of a stack at every moment. */
function check(stack: Stack): void {
  let queued = 0;
  for (const connection of stack.connections()) {
    const { sending, receiving, state } = connection;
    const { records } = sending;
    queued += sending.buffer.length + receiving.buffer.length + receiving.reassembly.length;
    const outstanding = records.count === 0 ? 0 : sending.next - sending.una;
    const held = receiving.buffer.length + receiving.reassembly.length;
    must(sending.una <= sending.next, "SND.UNA is not beyond SND.NXT");
    must(Math.min(records.inFlight, records.lostBytes, records.sackedBytes) >= 0, "sums are not negative");
    must(state === "CLOSED" || records.outstanding === outstanding, "what is outstanding is recorded");
    must(receiving.next <= receiving.edge, "RCV.NXT is within what was granted");
    must(held <= connection.options.receiveBuffer + 65_535, "no more is held than was granted");
    const waits = records.count > 0 && state !== "CLOSED";
    must(!waits || connection.timers.next() < Number.POSITIVE_INFINITY, "what is outstanding has a timer");
  }
  // Connections that have ended keep what nobody read yet.
  must(stack.memoryUsed >= queued, "memory is accounted");
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`It does not hold that ${what} (seed ${running})`);
}

/** Brings a connection of a, a dialler or a listener, somewhere by a number of random steps of both users. */
function wander(random: Random, pair: Pair): { ends: Connection[]; listener: Listener } {
  const isDialler = random() < 0.6;
  const [dialler, answerer, remote] = isDialler
    ? [pair.a, pair.b, pair.addressB]
    : [pair.b, pair.a, pair.addressA];
  const listener = answerer.listen(pair.now, { address: null, port: 80, backlog: 4 });
  const ends = [dialler.connect(pair.now, { remote, remotePort: 80 })];
  for (let steps = upTo(random, 20); steps > 0; steps--) {
    const accepted = listener.accept();
    if (accepted !== null) ends.push(accepted);
    const end = pick(random, ends);
    const what = random();
    if (what < 0.2) end.send(pair.now, pattern(upTo(random, 20_000)));
    else if (what < 0.35) end.finish(pair.now);
    else if (what < 0.4) for (const each of ends) each.finish(pair.now);
    else if (what < 0.42) end.release(pair.now);
    else if (what < 0.43) end.abort(pair.now);
    else if (what < 0.5) readAll(pair, end);
    else pair.step();
  }
  if (random() < 0.15) {
    // Both at once.
    for (const each of ends) each.finish(pair.now);
    pair.step();
  }
  return { ends, listener };
}

describe("a forged segment", () => {
  it("in any state does no more harm than its numbers allow", () => {
    const states = new Set<string>();
    let cases = 0;
    for (let seed = 1; seed <= 110; seed++) {
      const random = seeded(seed);
      running = seed;
      const small = {
        tcp: { receiveBuffer: pick(random, [1000, 20_000, 1 << 20]), timestamps: random() < 0.5 },
      };
      const pair = new Pair({ a: small, latency: 1000 });
      const captured: Bytes[] = [];
      pair.filter = (flight) => {
        if (flight.to === "a") captured.push(flight.bytes);
        return true;
      };
      const { ends, listener } = wander(random, pair);
      for (let count = 0; count < 30; count++) {
        cases++;
        for (const state of STATES) if (pair.a.countByState()[state] > 0) states.add(state);
        const target = [...pair.a.connections()][0] ?? ends[0];
        const bytes =
          captured.length > 0 && random() < 0.5
            ? mutated(random, pick(random, captured))
            : forged(random, pair, target, target.localPort);
        pair.inject("a", bytes);
        check(pair.a);
        check(pair.b);
        if (random() < 0.2) pair.step();
      }
      // Whatever happened, all comes to an end when its users let go.
      listener.close(pair.now);
      for (const end of [...ends, ...pair.a.connections(), ...pair.b.connections()]) end.release(pair.now);
      pair.drive(undefined, 60 * MINUTE, 20_000);
      for (const stack of [pair.a, pair.b]) {
        check(stack);
        expect([stack.connectionCount, stack.countByState()["TIME-WAIT"], stack.memoryUsed]).toEqual([
          0, 0, 0,
        ]);
      }
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
