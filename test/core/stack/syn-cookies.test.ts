// SYN cookies (RFC 4987 §3.6) and the backlog as Linux has it: what keeps a port open under a flood of SYNs, and what
// is kept of those who never finish their handshake: nothing.

import { describe, expect, it } from "vitest";
import type { Connection } from "../../../src/core/stack/index.ts";
import { Flag, TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { buildPacket, type Fields, MINUTE, type Script, SECOND, scenario } from "../tcp/script.ts";
import { Pair, pattern, sameBytes, transfer } from "./pair.ts";

/** A SYN of another dialler, to fill the queue. */
function knock(s: Script, port: number, fields: Partial<TcpSegment> = {}): void {
  const segment = new TcpSegment();
  Object.assign(segment, { sourcePort: port, destinationPort: s.localPort, seq: 100, window: 1000 });
  Object.assign(segment, { flags: Flag.syn, ...fields });
  s.inject(buildPacket(s.remote, s.local, segment, new Uint8Array(0)));
}

const always = { stack: { synCookies: "always" as const } };
const modern: Fields = { mss: 1400, scale: 9, sackOk: true, ts: [77, 0] };

describe("a listener whose handshakes are as many as its backlog", () => {
  scenario("answers SYNs by cookies, keeps nothing of them, and counts", (s) => {
    s.listen(2);
    for (const port of [1000, 1001]) knock(s, port);
    const [connections, memory] = [s.stack.connectionCount, s.stack.memoryUsed];
    for (let port = 2000; port < 2100; port++) knock(s, port);
    expect(s.take().map((seen) => seen.flags)).toEqual(new Array(102).fill("SA"));
    expect([s.stack.connectionCount, s.stack.memoryUsed]).toEqual([connections, memory]);
    expect(s.stack.nextDeadline()).toBeLessThan(s.now + 2 * SECOND);
    expect(s.stack.counters).toMatchObject({ synCookiesSent: 100, synDropped: 0 });
  });

  scenario("lets in who brings a cookie back, though the queue is full", (s) => {
    const listener = s.listen(2);
    for (const port of [1000, 1001]) knock(s, port);
    s.take();
    s.send("S", { mss: 1460 });
    s.expect("SA", { seq: 0, ack: 1, mss: 1460 });
    s.send("A", { data: 10 });
    const connection = listener.accept() as Connection;
    expect(connection.state).toBe("ESTABLISHED");
    s.expect("A", { seq: 1, ack: 11 });
    expect(s.read(connection)?.length).toBe(10);
    expect(s.stack.counters.synCookiesReceived).toBe(1);
    s.write(connection, 100);
    s.expect("A", { seq: 1, data: 100 });
  });

  scenario("drops SYNs with synCookies: never, of the listener or the stack", (s) => {
    s.stack.listen(s.now, { address: null, port: s.localPort, backlog: 1, synCookies: "never" });
    for (const port of [1000, 1001]) knock(s, port);
    expect(s.take().length).toBe(1);
    expect(s.stack.counters).toMatchObject({ synCookiesSent: 0, synDropped: 1 });
  });

  scenario(
    "or when the stack has all the half-open connections that it may have",
    (s) => {
      s.listen(16);
      for (let port = 1000; port < 1005; port++) knock(s, port);
      expect(s.take().length).toBe(5);
      expect(s.stack.counters).toMatchObject({ synCookiesSent: 2, synDropped: 0 });
    },
    { stack: { limits: { halfOpen: 3 } } },
  );
});

describe("a cookie", () => {
  scenario(
    "keeps segment size, window scale and SACK when the peer uses timestamps",
    (s) => {
      const listener = s.listen();
      s.send("S", modern);
      const answer = s.expect("SA", {
        seq: 0,
        ack: 1,
        mss: 1460,
        scale: 5,
        sackOk: true,
        ts: [undefined, 77],
      });
      expect(s.stack.connectionCount).toBe(0);
      s.send("A", { window: 100, ts: [78, answer.ts?.[0] ?? 0] });
      const connection = listener.accept() as Connection;
      expect(connection.info(s.now)).toMatchObject({
        mss: 1300,
        sendWindow: 100 << 9,
        options: { timestamps: true, sack: true, windowScale: { send: 9, receive: 5 } },
      });
      // Our clock goes on from what the cookie said, else PAWS at the peer would drop everything.
      s.write(connection, 10);
      const data = s.expect("A", { data: 10, ts: [undefined, 78] });
      expect(((data.ts?.[0] ?? 0) - (answer.ts?.[0] ?? 0)) | 0).toBeGreaterThanOrEqual(0);
    },
    always,
  );

  for (const offered of [true, false]) {
    it(`${offered ? "keeps ECN when it was offered" : "agrees on no ECN that was not offered"} (RFC 3168 §6.1.1)`, () => {
      const ecn = offered ? "on" : "off";
      const pair = new Pair({ a: { tcp: { ecn } }, b: { synCookies: "always" } });
      const [client, server] = pair.connected();
      expect(pair.b.counters.synCookiesReceived).toBe(1);
      for (const end of [client, server]) expect(end.info(pair.now).options.ecn).toBe(offered);
    });
  }

  scenario(
    "gives window scale and SACK up without timestamps, rather than agree on what it forgets",
    (s) => {
      const listener = s.listen();
      s.send("S", { ...modern, ts: null });
      s.expect("SA", { scale: -1, sackOk: false, ts: null });
      s.send("A", { window: 1000 });
      const { options, sendWindow } = (listener.accept() as Connection).info(s.now);
      expect(options).toMatchObject({ timestamps: false, sack: false, windowScale: null });
      expect(sendWindow).toBe(1000);
    },
    always,
  );

  for (const [offered, kept] of [
    [undefined, 536],
    [100, 536],
    [1219, 536],
    [1220, 1220],
    [1459, 1440],
    [1460, 1460],
    [9000, 1460],
  ] as const) {
    scenario(
      `of a peer that takes segments of ${offered ?? "unknown size"} says ${kept}`,
      (s) => {
        const listener = s.listen();
        s.send("S", offered === undefined ? {} : { mss: offered });
        s.expect("SA");
        s.send("A");
        expect(listener.accept()?.info(s.now).mss).toBe(kept);
      },
      always,
    );
  }

  scenario(
    "is good for a minute, and for two at most",
    (s) => {
      const listener = s.listen();
      s.send("S");
      s.expect("SA");
      const early = s.build("A");
      s.pass(MINUTE);
      s.inject(early);
      expect(listener.waiting).toBe(1);
      expect(listener.accept()?.state).toBe("ESTABLISHED");
      s.stack.abortAll(s.now, "ECONNABORTED", "test");
      s.flush();
      s.take();
      s.listen();
      knock(s, 1000);
      s.take();
      s.pass(MINUTE);
      s.inject(early);
      s.expect("R");
      expect(s.stack.connectionCount).toBe(0);
      expect(s.stack.counters.synCookiesFailed).toBe(1);
    },
    always,
  );

  scenario(
    "is of its four-tuple and of its SYN alone: others are answered by a reset",
    (s) => {
      s.listen();
      s.send("S", modern);
      const answer = s.expect("SA");
      const ack = (fields: Partial<TcpSegment>): void => {
        const segment = new TcpSegment();
        Object.assign(segment, { sourcePort: s.remotePort, destinationPort: s.localPort, flags: Flag.ack });
        Object.assign(segment, { seq: (s.theirs + 1) >>> 0, ack: (answer.raw.seq + 1) >>> 0, ...fields });
        s.inject(buildPacket(s.remote, s.local, segment, new Uint8Array(0)));
      };
      ack({ sourcePort: s.remotePort + 1 });
      ack({ seq: (s.theirs + 2) >>> 0 });
      ack({ ack: (answer.raw.seq + 101) >>> 0 });
      expect(s.take().map((seen) => seen.flags)).toEqual(["R", "R", "R"]);
      expect(s.stack.connectionCount).toBe(0);
      ack({});
      expect(s.stack.connectionCount).toBe(1);
    },
    always,
  );

  scenario(
    "cannot be guessed: of 2,000 numbers none is taken",
    (s) => {
      s.listen();
      s.send("S");
      s.expect("SA");
      const segment = new TcpSegment();
      Object.assign(segment, { sourcePort: s.remotePort, destinationPort: s.localPort, flags: Flag.ack });
      segment.seq = (s.theirs + 1) >>> 0;
      for (let guess = 0; guess < 2000; guess++) {
        segment.ack = Math.imul(guess, 0x9e37_79b1) >>> 0;
        s.inject(buildPacket(s.remote, s.local, segment, new Uint8Array(0)));
      }
      s.take();
      expect(s.stack.connectionCount).toBe(0);
      expect(s.stack.counters.synCookiesFailed).toBe(2000);
    },
    always,
  );

  scenario("is not looked for when none was given in the last two minutes", (s) => {
    s.listen();
    s.send("A", { seq: 1, ack: 1 });
    s.expect("R");
    expect(s.stack.counters.synCookiesFailed).toBe(0);
  });

  it("carries a whole transfer, with loss of its own answer to the SYN", () => {
    const pair = new Pair({ b: { synCookies: "always" } });
    let lost = 0;
    pair.filter = (_flight, packet) => (packet.tcp.flags & Flag.syn) === 0 || lost++ !== 1;
    const [client, server] = pair.connected();
    expect(sameBytes(transfer(pair, client, server, 300_000), pattern(300_000))).toBe(true);
    expect(server.info(pair.now).options).toEqual(
      client.info(pair.now).options && {
        ...client.info(pair.now).options,
        windowScale: { send: 5, receive: 5 },
      },
    );
    expect(pair.b.counters.synCookiesSent).toBe(2);
  });
});

describe("a full accept queue, as Linux has it", () => {
  scenario("drops SYNs: no cookie is given out that nobody could take in", (s) => {
    s.listen(1);
    s.send("S");
    s.expect("SA");
    s.send("A");
    knock(s, 1000);
    s.nothing();
    expect(s.stack.counters).toMatchObject({ synDropped: 1, synCookiesSent: 0 });
  });

  scenario("ignores the ACK that ends a handshake, and the SYN-ACK goes again", (s) => {
    const listener = s.listen(2);
    for (const port of [1000, 1001]) knock(s, port);
    const acks = s.take().map((seen) => (seen.raw.seq + 1) >>> 0);
    // The queue is empty yet, so a cookie is given out; then two others come in before it is brought back.
    s.send("S");
    s.expect("SA");
    for (const [index, ack] of acks.entries()) {
      knock(s, 1000 + index, { flags: Flag.ack, seq: 101, ack });
    }
    expect(listener.waiting).toBe(2);
    s.send("A");
    s.nothing();
    expect(s.stack.counters.acceptOverflows).toBe(1);
    listener.accept();
    s.send("A", { seq: 1 });
    expect(listener.waiting).toBe(2);
  });

  scenario("keeps the connection half open until there is room or its retries are used up", (s) => {
    const listener = s.listen(2);
    knock(s, 1000);
    knock(s, 1001);
    const [first, second] = s.take().map((seen) => (seen.raw.seq + 1) >>> 0);
    knock(s, 1000, { flags: Flag.ack, seq: 101, ack: first });
    s.send("S");
    s.expect("SA");
    knock(s, 1001, { flags: Flag.ack, seq: 101, ack: second });
    expect(listener.waiting).toBe(2);
    s.mark();
    s.send("A");
    expect(s.stack.counters.acceptOverflows).toBe(1);
    s.pass(SECOND);
    s.expect("SA", { seq: 0, ack: 1, at: SECOND });
    listener.accept();
    s.send("A", { seq: 1 });
    expect(listener.waiting).toBe(2);
  });
});

describe("before ESTABLISHED", () => {
  scenario("a half-open connection has no buffer: no slab, no record, no byte of the stack's memory", (s) => {
    const listener = s.listen();
    s.send("S", { data: 100 });
    s.expect("SA");
    const [half] = [...s.stack.connections()];
    expect(half.state).toBe("SYN-RECEIVED");
    expect(held(half)).toBe(0);
    expect(s.stack.memoryUsed).toBe(0);
    // Data before the handshake is done is not kept either.
    s.send("A", { seq: 500, ack: 77, data: 100 });
    expect(held(half)).toBe(0);
    s.take();
    s.send("A", { seq: 1, ack: 1, data: 100 });
    expect(listener.accept()?.available).toBe(100);
    expect(held(half)).toBeGreaterThan(0);
  });
});

/** Bytes of all arrays that an object holds, and of all records. */
function held(root: object): number {
  const seen = new Set<object>();
  let bytes = 0;
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Uint8Array) bytes += value.length;
    else
      for (const [name, inner] of Object.entries(value)) if (name !== "host" && name !== "pool") visit(inner);
  };
  for (const [name, inner] of Object.entries(root))
    if (name === "sending" || name === "receiving") visit(inner);
  return bytes;
}
