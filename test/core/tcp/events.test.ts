// What a user sees of a connection: events, short writes, memory, info() and the event of each segment.

import { describe, expect, it } from "vitest";
import type { SegmentEvent } from "../../../src/core/stack/index.ts";
import { Flag } from "../../../src/core/wire/tcp-segment.ts";
import { Pair, pattern, readAll, sameBytes } from "../stack/pair.ts";
import { Event, type Fields, MILLISECOND, SECOND, scenario } from "./script.ts";

describe("events", () => {
  scenario("readable comes with bytes and with the end of the stream", (s) => {
    const connection = s.accepted();
    s.send("A", { data: 10 });
    expect(connection.takeEvents()).toBe(Event.readable);
    expect(connection.takeEvents()).toBe(0);
    s.send("A", { seq: 101, data: 10 });
    expect(connection.takeEvents()).toBe(0);
    s.send("FA", { seq: 11 });
    expect(connection.takeEvents()).toBe(0);
    s.send("A", { seq: 11, data: 100 });
    expect(connection.takeEvents()).toBe(Event.readable);
    expect(s.stack.takeChanged()).toBe(connection);
    expect(s.stack.takeChanged()).toBeNull();
  });

  scenario(
    "writable comes after a short write, once a third of the buffer is free",
    (s) => {
      const connection = s.accepted({ mss: 1000 });
      expect(s.write(connection, 20_000)).toBe(9000);
      expect(s.write(connection, 1)).toBe(0);
      s.send("A", { ack: 2001 });
      expect(connection.takeEvents()).toBe(0);
      s.send("A", { ack: 3001 });
      expect(connection.takeEvents()).toBe(Event.writable);
      s.send("A", { ack: 4001 });
      expect(connection.takeEvents()).toBe(0);
      expect(s.write(connection, 20_000)).toBe(4000);
    },
    { tcp: { sendBuffer: 9000 } },
  );

  scenario("acked comes when everything accepted is acknowledged", (s) => {
    const connection = s.accepted({ mss: 1000 });
    s.write(connection, 2000);
    s.send("A", { ack: 1001 });
    expect(connection.takeEvents()).toBe(0);
    s.send("A", { ack: 2001 });
    expect(connection.takeEvents()).toBe(Event.acked);
    expect(connection.unacknowledged).toBe(0);
  });

  scenario("closed comes once, at the end", (s) => {
    const connection = s.accepted();
    s.send("R");
    expect(connection.takeEvents()).toBe(Event.closed);
    s.abort(connection);
    connection.release(s.now);
    expect(connection.takeEvents()).toBe(0);
  });

  scenario("a closed connection takes no more and gives no more", (s) => {
    const connection = s.accepted();
    s.send("R");
    expect(s.write(connection, 10)).toBe(0);
    expect(connection.sendOwned(s.now, pattern(10))).toBe(0);
    expect(connection.receive(s.now, 10)).toBeUndefined();
    s.finish(connection);
    connection.setOptions(s.now, { keepAlive: { idle: 1, interval: 1, count: 1 }, noDelay: false });
    s.pass(SECOND);
    s.nothing();
    expect(s.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("sendOwned()", () => {
  scenario(
    "takes all of an array while there is any room, and nothing when there is none",
    (s) => {
      const connection = s.accepted({ window: 0 });
      expect(connection.sendOwned(s.now, pattern(5000))).toBe(5000);
      expect(connection.sendOwned(s.now, pattern(50_000, 5000))).toBe(50_000);
      expect(connection.sendOwned(s.now, pattern(1))).toBe(0);
      expect(s.stack.memoryUsed).toBe(55_000);
    },
    { tcp: { sendBuffer: 9000 } },
  );
});

describe("the memory of a stack", () => {
  it("is shared: above its limit each connection keeps to a reserve, and all go on", () => {
    const limits = { memory: 100_000, reserve: 5000 };
    const pair = new Pair({ b: { limits }, latency: 1000 });
    const ends = Array.from({ length: 12 }, (_, index) => pair.connected(80 + index));
    for (const [client] of ends) client.send(pair.now, pattern(200_000));
    pair.runFor(2 * SECOND);
    // Nobody reads: what was granted before the limit was reached is bounded by what each was told.
    const used = pair.b.memoryUsed;
    expect(used).toBeLessThan(100_000 + 12 * 66_000);
    const received = ends.map(() => 0);
    pair.drive(() => {
      let all = true;
      for (const [index, [, server]] of ends.entries()) {
        const part = readAll(pair, server);
        if (!sameBytes(part, pattern(part.length, received[index]))) throw new Error("other bytes");
        received[index] += part.length;
        all &&= received[index] === 200_000;
      }
      return all;
    });
    expect(received.every((count) => count === 200_000)).toBe(true);
    expect(pair.b.memoryUsed).toBe(0);
  });

  it("a sender above it keeps to its reserve, and is woken when there is room", () => {
    const pair = new Pair({ a: { limits: { memory: 50_000, reserve: 4000 } } });
    const [client, server] = pair.connected();
    const [other] = pair.connected(81);
    expect(client.send(pair.now, pattern(60_000))).toBe(60_000);
    // The limit is passed by one write; the next connection has its reserve.
    expect(other.send(pair.now, pattern(60_000))).toBe(4000);
    expect(other.send(pair.now, pattern(1))).toBe(0);
    pair.runFor(SECOND);
    readAll(pair, server);
    expect(other.takeEvents() & Event.writable).toBe(Event.writable);
    expect(other.send(pair.now, pattern(1))).toBe(1);
  });
});

describe("info()", () => {
  scenario("tells what TCP_INFO tells", (s) => {
    const connection = s.connect();
    s.pass(20 * MILLISECOND);
    s.send("SA", { mss: 1000, scale: 2, sackOk: true, window: 8000 });
    s.take();
    s.write(connection, 15_000);
    s.take();
    s.pass(20 * MILLISECOND);
    s.send("A", { ack: 1001, window: 2000, sack: [[2001, 3001]] });
    s.send("A", { seq: 101, ack: 1001, data: 50, window: 2000 });
    s.send("A", { seq: 1, ack: 1001, data: 30, window: 2000 });
    expect(connection.info(s.now)).toMatchObject({
      state: "ESTABLISHED",
      rtt: 20,
      minRtt: 20,
      mss: 1000,
      sendWindow: 8000,
      bytesSent: 9000,
      bytesAcked: 1000,
      bytesReceived: 30,
      unread: 30,
      outOfOrder: 50,
      unacknowledged: 8000,
      sacked: 1000,
      inFlight: 7000,
      lost: 0,
      notSent: 6000,
      retransmits: 0,
      congestionControl: "newreno",
      reliable: false,
      frozen: false,
      options: { timestamps: false, sack: true, windowScale: { send: 2, receive: 5 }, ecn: false },
    });
  });
});

describe("info() of buffers, sizes and times", () => {
  scenario("tells segment sizes, the path, probes and how long ago somebody spoke", (s) => {
    const connection = s.accepted({ mss: 1200, window: 1000 });
    s.write(connection, 1500);
    s.send("A", { data: 500, window: 0 });
    s.pass(30 * MILLISECOND);
    expect(connection.info(s.now)).toMatchObject({
      mss: 1200,
      receiveMss: 536,
      advertisedMss: 1460,
      pathMtu: 1240,
      sendBuffer: 512 << 10,
      receiveBuffer: 1 << 20,
      lastSent: 30,
      lastReceived: 30,
      windowProbes: 0,
      keepAliveProbes: 0,
      delivered: 1000,
    });
    s.pass(970 * MILLISECOND);
    const info = connection.info(s.now);
    expect(info.windowProbes).toBeGreaterThan(0);
    expect(info.lastReceived).toBe(1000);
  });
});

describe("the event of a segment that goes again", () => {
  it("tells why, and the sender's state after it", () => {
    const pair = new Pair();
    const [client, server] = pair.connected();
    const causes = new Set<string>();
    let last: SegmentEvent | null = null;
    pair.a.observer = (event) => {
      if (event.direction !== "out") return;
      expect(event.retransmission).toBe(event.cause !== "none");
      causes.add(event.cause);
      last = { ...event };
    };
    const lose = (count: number): void => {
      let left = count;
      pair.filter = (flight, packet) =>
        flight.from === "b" || packet.tcp.dataEnd === packet.tcp.dataStart || left-- <= 0;
    };
    lose(1);
    client.send(pair.now, pattern(20_000));
    pair.runFor(SECOND);
    expect([...causes]).toEqual(["none", "loss"]);
    lose(1);
    client.send(pair.now, pattern(100));
    pair.runFor(SECOND);
    expect([...causes]).toEqual(["none", "loss", "tail-loss-probe"]);
    lose(3);
    client.send(pair.now, pattern(100));
    pair.runFor(5 * SECOND);
    expect([...causes]).toEqual(["none", "loss", "tail-loss-probe", "timeout"]);
    pair.a.linkDied(pair.now, pair.linkId);
    client.send(pair.now, pattern(100));
    pair.flush();
    pair.a.linkDied(pair.now, pair.linkId);
    pair.flush();
    expect(causes.has("outage")).toBe(true);
    expect(last).toMatchObject({ cause: "outage", recovery: "outage", inFlight: 100 });
    expect((last as SegmentEvent | null)?.cwnd).toBe(client.info(pair.now).cwnd);
    expect((last as SegmentEvent | null)?.srtt).toBe(client.info(pair.now).rtt * 1000);
    pair.runFor(SECOND);
    expect(readAll(pair, server).length).toBe(20_300);
  });
});

describe("peek()", () => {
  scenario("leaves the bytes, and the window, as they are", (s) => {
    const connection = s.accepted();
    expect([connection.peek(10), connection.readable, connection.writable]).toEqual([undefined, false, true]);
    s.send("A", { data: 100 });
    s.take();
    expect(connection.peek(10)).toEqual(pattern(10));
    expect(connection.peek(1000)?.length).toBe(100);
    expect([connection.available, connection.readable]).toEqual([100, true]);
    s.nothing();
    expect(s.read(connection)?.length).toBe(100);
    expect(connection.peek(10)).toBeUndefined();
    s.send("FA");
    expect([connection.peek(10), connection.readable]).toEqual([null, true]);
    s.finish(connection);
    expect(connection.canSend).toBe(false);
  });
});

describe("the event of each segment", () => {
  it("tells direction, offsets, flags and whether it is a resend, in offsets from 0", () => {
    const pair = new Pair();
    const seen: SegmentEvent[] = [];
    pair.a.observer = (event) => {
      seen.push({ ...event });
    };
    const [client, server] = pair.connected();
    let drop = 1;
    pair.filter = (flight) => flight.from === "b" || drop-- !== 1;
    client.send(pair.now, pattern(1000));
    pair.runFor(SECOND);
    server.send(pair.now, pattern(70));
    pair.runFor(SECOND);
    client.finish(pair.now);
    pair.runFor(SECOND);
    const short = (event: SegmentEvent): unknown[] => [
      event.direction,
      event.offset,
      event.length,
      event.ack,
      event.retransmission,
    ];
    expect(seen[0]).toMatchObject({ direction: "out", offset: -1, flags: Flag.syn, connection: client });
    expect(seen[1]).toMatchObject({ direction: "in", offset: -1, flags: Flag.syn | Flag.ack, ack: 0 });
    expect(seen.slice(2).map(short)).toEqual([
      ["out", 0, 0, 0, false],
      ["out", 0, 1000, 0, false],
      ["out", 0, 1000, 0, true],
      ["in", 0, 0, 1000, false],
      ["in", 0, 70, 1000, false],
      ["out", 1000, 0, 70, false],
      ["out", 1000, 0, 70, false],
      ["in", 70, 0, 1001, false],
    ]);
    pair.a.observer = null;
    client.setOptions(pair.now, { noDelay: false });
    const count = seen.length;
    server.send(pair.now, pattern(5));
    pair.runFor(SECOND);
    expect(seen.length).toBe(count);
  });
});

describe("urgent", () => {
  scenario("is a packet without data: a SYN, a reset, a bare ACK that nothing else carries", (s) => {
    const connection = s.stack.connect(s.now, {
      remote: s.remote,
      remotePort: s.remotePort,
      localPort: s.localPort,
    });
    expect(connection.urgent).toBe(true);
    s.flush();
    expect(connection.urgent).toBe(false);
    s.send("SA");
    s.take();
    const ack = s.build("A", { data: 10 });
    s.stack.input(s.now, ack, 0, ack.length, 1);
    expect(connection.urgent).toBe(true);
    connection.send(s.now, pattern(10));
    expect(connection.urgent).toBe(false);
    s.flush();
    connection.abort(s.now);
    expect(connection.urgent).toBe(true);
  });
});

describe("canAckLater", () => {
  const reliable = { route: { reliable: true }, tcp: { receiveBuffer: 1 << 20 } };

  scenario(
    "holds for an ACK of a little data, and for nothing that the peer may wait for",
    (s) => {
      const connection = s.accepted({ sackOk: true, scale: 0 });
      const arrive = (flags: string, fields: Fields): boolean => {
        const bytes = s.build(flags, fields);
        s.stack.input(s.now, bytes, 0, bytes.length, 1);
        return connection.canAckLater;
      };
      expect(connection.canAckLater).toBe(false);
      expect(arrive("A", { seq: 1, data: 100 })).toBe(true);
      // A gap, and its end.
      expect(arrive("A", { seq: 201, data: 100 })).toBe(false);
      expect(arrive("A", { seq: 101, data: 100 })).toBe(true);
      // Data of ours carries it.
      connection.send(s.now, pattern(10));
      expect(connection.canAckLater).toBe(false);
      s.flush();
      s.take();
      expect(connection.canAckLater).toBe(false);
      // More than a sixteenth of the buffer.
      for (let seq = 301; seq < 68_000; seq += 1000) arrive("A", { seq, data: 1000 });
      expect(connection.canAckLater).toBe(false);
      s.flush();
      s.take();
      expect(arrive("FA", { seq: 68_301 })).toBe(false);
    },
    reliable,
  );
});
