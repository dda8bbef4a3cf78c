// Buffers that tune themselves: they begin small, grow with what the user takes and the path carries, within the budget
// of the stack, and never take back what was granted (RFC 9293 §3.8.6).

import { describe, expect, it } from "vitest";
import { type Connection, defaultTcpOptions, type TcpOptions } from "../../../src/core/stack/index.ts";
import { MemoryBudget } from "../../../src/core/tcp/memory.ts";
import { ReceiveTuning } from "../../../src/core/tcp/receive-tuning.ts";
import { SECOND, scenario } from "../tcp/script.ts";
import { Pair, type PairOptions, pattern, readAll, sameBytes, transfer } from "./pair.ts";

const KIB = 1 << 10;
const MIB = 1 << 20;
const tuned: Partial<TcpOptions> = {
  receiveBuffer: 6 * MIB,
  initialReceiveBuffer: 128 * KIB,
  sendBuffer: 4 * MIB,
  initialSendBuffer: 64 * KIB,
};

function tunedPair(options: PairOptions = {}): Pair {
  return new Pair({
    latency: 50_000,
    ...options,
    a: { tcp: tuned, ...options.a },
    b: { tcp: tuned, ...options.b },
  });
}

/** What both buffers have grown by. */
function grown(connection: Connection): number {
  return connection.host.memory.grown;
}

describe("buffers", () => {
  it("are 128 KiB to 6 MiB and 64 KiB to 4 MiB by default", () => {
    expect(defaultTcpOptions).toMatchObject(tuned);
  });

  it("grow to their largest when the path takes all and the reader reads at once", () => {
    const pair = tunedPair();
    const [client, server] = pair.connected();
    expect([client.sending.limit, server.receiving.limit]).toEqual([64 * KIB, 128 * KIB]);
    expect(sameBytes(transfer(pair, client, server, 40 * MIB), pattern(40 * MIB))).toBe(true);
    expect([client.sending.limit, server.receiving.limit]).toEqual([4 * MIB, 6 * MIB]);
    // The other direction was idle.
    expect([server.sending.limit, client.receiving.limit]).toEqual([64 * KIB, 128 * KIB]);
  });

  it("on a reliable route too, where no congestion window tells", () => {
    const pair = tunedPair({ route: { reliable: true, checksum: false, mtu: 65_535 }, family: 6 });
    const [client, server] = pair.connected();
    const began = pair.now;
    transfer(pair, client, server, 40 * MIB);
    expect([client.sending.limit, server.receiving.limit]).toEqual([4 * MIB, 6 * MIB]);
    // At 4 MiB in 100 ms it would take a second; the rest is the way there.
    expect(pair.now - began).toBeLessThan(2 * SECOND);
  });

  it("do not grow for a reader that is slower than the window", () => {
    const pair = tunedPair();
    const [client, server] = pair.connected();
    let taken = 0;
    const read = (): void => {
      for (const most = taken + 10_000; taken < most; ) {
        const part = server.receive(pair.now, most - taken);
        if (part === undefined || part === null) break;
        taken += part.length;
      }
      pair.later(pair.now + 100_000, read);
    };
    read();
    pair.onStep = () => client.send(pair.now, new Uint8Array(100_000));
    client.send(pair.now, new Uint8Array(100_000));
    pair.runFor(20 * SECOND);
    expect(taken).toBeGreaterThan(1.5e6);
    expect(server.receiving.limit).toBe(128 * KIB);
    expect(pair.b.memoryUsed).toBeLessThanOrEqual(128 * KIB);
    expect(client.sending.limit).toBeLessThanOrEqual(512 * KIB);
  });

  it("do not grow for a sender that sends little at a time", () => {
    const pair = tunedPair();
    const [client, server] = pair.connected();
    for (let round = 0; round < 100; round++) {
      client.send(pair.now, new Uint8Array(20_000));
      pair.runFor(100_000);
      readAll(pair, server);
    }
    expect([client.sending.limit, server.receiving.limit]).toEqual([64 * KIB, 128 * KIB]);
  });

  it("never take back what was granted: the right edge does not move left (RFC 9293 §3.8.6)", () => {
    const pair = tunedPair({ b: { tcp: tuned, limits: { memory: 600_000, reserve: 20_000 } } });
    const [client, server] = pair.connected();
    let edge = 0;
    let retreats = 0;
    pair.b.observer = (event) => {
      if (event.direction === "in" || event.connection !== server) return;
      // The header says windows rounded down to the scale (RFC 7323 §2.4).
      if (event.ack + event.window + (1 << server.receiving.scale) <= edge) retreats++;
      edge = Math.max(edge, event.ack + event.window);
    };
    transfer(pair, client, server, 5 * MIB);
    client.send(pair.now, pattern(4 * MIB));
    pair.runFor(5 * SECOND);
    server.setOptions(pair.now, { receiveBuffer: 10_000 });
    transferRest(pair, server);
    expect(edge).toBeGreaterThan(5 * MIB);
    expect(retreats).toBe(0);
  });

  it("grow only by what the stack's budget has left, which comes back when they close", () => {
    const limits = { memory: 2 * MIB, reserve: 64 * KIB };
    const pair = tunedPair({ latency: 20_000, b: { tcp: tuned, limits } });
    const ends = Array.from({ length: 8 }, (_, index) => pair.connected(80 + index));
    const most: number[] = [];
    for (const [client, server] of ends) {
      transfer(pair, client, server, 8 * MIB);
      most.push(server.receiving.limit);
      expect(grown(server)).toBeLessThanOrEqual(limits.memory);
    }
    // The first takes half, the next half of what is left, and all but the last few have something.
    expect(most[0]).toBeGreaterThan(MIB);
    for (let index = 1; index < most.length; index++)
      expect(most[index]).toBeLessThanOrEqual(most[index - 1]);
    expect(most[3]).toBeGreaterThan(128 * KIB);
    for (const [client, server] of ends) {
      client.release(pair.now);
      server.release(pair.now);
    }
    pair.runFor(1 * SECOND);
    expect([grown(ends[0][0]), grown(ends[0][1])]).toEqual([0, 0]);
    expect(pair.b.memoryUsed).toBe(0);
  });

  it("give back what they have grown by after a reset, an abort and a change of sizes", () => {
    for (const how of ["abort", "reset", "resize"]) {
      const pair = tunedPair({ latency: 20_000 });
      const [client, server] = pair.connected();
      transfer(pair, client, server, 8 * MIB);
      expect(grown(server)).toBeGreaterThan(0);
      expect(grown(client)).toBeGreaterThan(0);
      if (how === "resize") {
        for (const end of [client, server])
          end.setOptions(pair.now, { sendBuffer: 10_000, receiveBuffer: 65_535 });
        expect(server.receiving.limit).toBe(65_535);
      } else (how === "abort" ? server : client).abort(pair.now);
      pair.runFor(SECOND);
      expect([grown(client), grown(server)]).toEqual([0, 0]);
    }
  });

  scenario(
    "of a fixed size give a window of exactly 65,535, without scaling, for ever",
    (s) => {
      const connection = s.accepted({ mss: 1460 });
      for (let round = 0; round < 200; round++) {
        s.send("A", { data: 1460 });
        s.send("A", { data: 1460 });
        expect(s.read(connection)?.length).toBe(1460);
        expect(s.read(connection)?.length).toBe(1460);
        for (const seen of s.take()) expect(seen.window).toBeLessThanOrEqual(65_535);
        s.pass(10_000);
      }
      s.pass(SECOND);
      s.send("A", { data: 1460 });
      s.read(connection);
      s.take();
      s.send("A", { data: 1460 });
      s.read(connection);
      expect(connection.receiving.window).toBeGreaterThan(65_535 - 2 * 1460);
      expect(connection.receiving.limit).toBe(65_535);
    },
    { tcp: { receiveBuffer: 65_535, windowScaling: false } },
  );

  scenario(
    "scale their window from the largest size, not from the first",
    (s) => {
      s.connect();
      s.expect("S", { scale: 7, window: 65_535 });
    },
    { tcp: tuned },
  );
});

describe("ReceiveTuning", () => {
  it("wants twice what was taken in a round trip, and more while that grows", () => {
    const tuning = new ReceiveTuning(0, 100_000, 100_000);
    tuning.arrived(10_000, 100_000, 200_000);
    expect(tuning.took(5_000, 60_000, 0, 1_000, 100_000)).toBe(100_000);
    const wanted = tuning.took(10_000, 40_000, 0, 1_000, 100_000);
    expect(wanted).toBe(400_000);
    // As much again says nothing new.
    expect(tuning.took(20_000, 100_000, 0, 1_000, 500_000)).toBe(500_000);
    expect(tuning.took(30_000, 150_000, 0, 1_000, 250_000)).toBe(316_000 + (2 * 316_000 * 50_000) / 100_000);
  });

  it("takes the shortest time of a whole window for the round trip, no more than twice the handshake's", () => {
    const tuning = new ReceiveTuning(0, 1_000, 10_000);
    tuning.arrived(50_000, 1_000, 2_000);
    tuning.arrived(200_000, 2_000, 3_000);
    expect(tuning.took(49_999, 9_000, 30_000, 100, 10_000)).toBe(10_000);
    expect(tuning.took(50_000, 1, 30_000, 100, 10_000)).toBeGreaterThan(10_000);
    expect(tuning.took(70_000, 15_000, 10_000, 100, 20_000)).toBeGreaterThan(20_000);
  });

  it("says nothing before it knows a round trip", () => {
    const tuning = new ReceiveTuning(0, 1_000_000, 10_000);
    expect(tuning.took(SECOND, 900_000, 0, 1_000, 10_000)).toBe(10_000);
  });
});

describe("the budget of growth", () => {
  it("gives at most half of what is left, and counts what comes back", () => {
    const memory = new MemoryBudget(1_000, 10);
    expect(memory.grow(100, 5_000)).toBe(600);
    expect(memory.grow(100, 5_000)).toBe(350);
    expect(memory.grow(100, 110)).toBe(110);
    expect(memory.grown).toBe(760);
    memory.used = 1_000;
    expect(memory.grow(100, 200)).toBe(100);
    memory.used = 0;
    memory.shrink(760);
    expect(memory.grow(0, 500)).toBe(500);
  });
});

function transferRest(pair: Pair, server: Connection): void {
  let idle = 0;
  pair.drive(() => {
    idle = readAll(pair, server).length === 0 ? idle + 1 : 0;
    return idle > 50;
  });
}
