// When we acknowledge, RFC 9293 §3.8.6.3 and RFC 5681 §4.2; SACK blocks of the receiver, RFC 2018; keepalive,
// RFC 9293 §3.8.4.

import { describe, expect } from "vitest";
import { MILLISECOND, MINUTE, SECOND, scenario } from "./script.ts";
import { inState } from "./states.ts";

const settled = { tcp: { quickAcks: 0 } };

describe("a delayed ACK", () => {
  scenario(
    "comes after 40 ms when nothing else carries it (RFC 9293 §3.8.6.3)",
    (s) => {
      s.accepted();
      s.mark();
      s.send("A", { data: 100 });
      s.nothing();
      s.pass(30 * MILLISECOND);
      // Later data does not put it off.
      s.send("A", { data: 100 });
      s.pass(100 * MILLISECOND);
      s.expect("A", { seq: 1, ack: 201, at: 40 * MILLISECOND });
      s.nothing();
    },
    settled,
  );

  scenario(
    "comes at once for every second full segment (RFC 9293 §3.8.6.3, MUST-58)",
    (s) => {
      s.accepted();
      for (let count = 0; count < 3; count++) {
        s.send("A", { data: 1460 });
        s.nothing();
        s.send("A", { data: 1460 });
        s.expect("A", { ack: s.peerNext });
      }
    },
    settled,
  );

  scenario(
    "rides on data",
    (s) => {
      const connection = s.accepted();
      s.send("A", { data: 100 });
      s.write(connection, 10);
      s.expect("A", { seq: 1, ack: 101, data: 10 });
      s.pass(SECOND);
      expect(s.take().every((seen) => seen.length === 10)).toBe(true);
    },
    settled,
  );

  scenario("is not delayed for the first sixteen segments, so that slow start is not held back", (s) => {
    s.accepted();
    for (let count = 0; count < 16; count++) {
      s.send("A", { data: 10 });
      s.expect("A", { ack: s.peerNext });
    }
    s.send("A", { data: 10 });
    s.nothing();
    s.pass(40 * MILLISECOND);
    s.expect("A", { ack: s.peerNext });
  });

  scenario(
    "is at once for what is out of order, fills a gap, or comes twice (RFC 5681 §4.2)",
    (s) => {
      s.accepted();
      s.send("A", { seq: 101, data: 100 });
      s.expect("A", { ack: 1 });
      s.send("A", { seq: 301, data: 100 });
      s.expect("A", { ack: 1 });
      s.send("A", { seq: 1, data: 100 });
      s.expect("A", { ack: 201 });
      s.send("A", { seq: 201, data: 100 });
      s.expect("A", { ack: 401 });
      s.send("A", { seq: 301, data: 100 });
      s.expect("A", { ack: 401 });
      s.nothing();
    },
    settled,
  );

  scenario(
    "can be turned off",
    (s) => {
      s.accepted();
      s.send("A", { data: 10 });
      s.pass(0);
      s.expect("A", { ack: 11 });
    },
    { tcp: { quickAcks: 0, delayedAck: 0 } },
  );
});

describe("SACK blocks", () => {
  scenario("tell what arrived early, the latest first (RFC 2018 §4)", (s) => {
    s.accepted({ sackOk: true });
    s.send("A", { seq: 101, data: 100 });
    s.expect("A", { ack: 1, sack: [[101, 201]] });
    s.send("A", { seq: 301, data: 100 });
    s.expect("A", {
      ack: 1,
      sack: [
        [301, 401],
        [101, 201],
      ],
    });
    s.send("A", { seq: 201, data: 50 });
    s.expect("A", {
      ack: 1,
      sack: [
        [101, 251],
        [301, 401],
      ],
    });
    s.send("A", { seq: 251, data: 50 });
    s.expect("A", { ack: 1, sack: [[101, 401]] });
    s.send("A", { seq: 1, data: 100 });
    s.expect("A", { ack: 401, sack: [] });
  });

  scenario("are four, or three beside timestamps (RFC 2018 §3)", (s) => {
    s.accepted({ sackOk: true });
    for (const seq of [101, 301, 501, 701, 901]) s.send("A", { seq, data: 10 });
    expect(s.take().pop()?.sack).toEqual([
      [901, 911],
      [701, 711],
      [501, 511],
      [301, 311],
    ]);
  });

  scenario("beside timestamps are three (RFC 2018 §3)", (s) => {
    s.accepted({ sackOk: true, ts: [1] });
    for (const seq of [101, 301, 501, 701]) s.send("A", { seq, data: 10, ts: [1] });
    expect(s.take().pop()?.sack).toEqual([
      [701, 711],
      [501, 511],
      [301, 311],
    ]);
  });

  scenario("are not sent to a peer that did not offer them (RFC 2018 §2)", (s) => {
    s.accepted();
    s.send("A", { seq: 101, data: 100 });
    s.expect("A", { ack: 1, sack: [] });
  });

  scenario("ride on data too, and leave room for it", (s) => {
    const connection = s.accepted({ sackOk: true, ts: [1], mss: 1000 });
    s.send("A", { seq: 101, data: 10, ts: [1] });
    s.take();
    s.write(connection, 2000);
    const [first, second] = s.take();
    expect(first).toMatchObject({ length: 1000 - 12 - 12, sack: [[101, 111]] });
    expect(second.sack).toEqual([[101, 111]]);
  });
});

describe("a reliable route", () => {
  scenario(
    "acknowledges at the end of each turn",
    (s) => {
      s.accepted();
      s.send("A", { data: 10 });
      s.expect("A", { ack: 11 });
      // Two segments in one turn: one ACK.
      for (const seq of [11, 21]) {
        const bytes = s.build("A", { seq, data: 10 });
        s.stack.input(s.now, bytes, 0, bytes.length, 1);
      }
      s.flush();
      s.expect("A", { ack: 31 });
      s.nothing();
    },
    { route: { reliable: true }, tcp: { quickAcks: 0 } },
  );
});

const alive = { tcp: { keepAlive: { idle: 10 * SECOND, interval: SECOND, count: 3 } } };

describe("keepalive", () => {
  scenario(
    "sends an old number after the idle time, and goes on when it is answered (RFC 9293 §3.8.4)",
    (s) => {
      const connection = s.accepted();
      s.mark();
      for (let round = 1; round <= 5; round++) {
        s.pass(10 * SECOND);
        s.expect("A", { seq: 0, ack: 1, at: round * 10 * SECOND });
        s.nothing();
        s.send("A");
      }
      expect(connection.state).toBe("ESTABLISHED");
    },
    alive,
  );

  scenario(
    "ends the connection when probes are not answered",
    (s) => {
      const connection = s.accepted();
      s.mark();
      s.pass(MINUTE);
      for (const at of [10, 11, 12]) s.expect("A", { seq: 0, ack: 1, at: at * SECOND });
      s.expect("RA", { seq: 1, at: 13 * SECOND });
      s.nothing();
      expect(connection.error?.code).toBe("ETIMEDOUT");
    },
    alive,
  );

  scenario(
    "begins anew with each segment of the peer",
    (s) => {
      s.accepted();
      for (let count = 0; count < 10; count++) {
        s.pass(9 * SECOND);
        s.send("A", { data: 1 });
        s.expect("A", { ack: s.peerNext });
      }
      s.nothing();
    },
    alive,
  );

  scenario(
    "leaves data in flight to its own timer",
    (s) => {
      const connection = s.accepted();
      s.write(connection, 10);
      s.pass(20 * SECOND);
      expect(s.take().every((seen) => seen.length === 10)).toBe(true);
      expect(connection.state).toBe("ESTABLISHED");
    },
    alive,
  );

  scenario(
    "is off unless asked for, and can be set and unset at any time (RFC 9293 §3.8.4, MUST-24, MUST-25)",
    (s) => {
      const connection = s.accepted();
      s.pass(600 * MINUTE);
      s.nothing();
      connection.setOptions(s.now, alive.tcp);
      s.pass(10 * SECOND);
      s.expect("A", { seq: 0 });
      connection.setOptions(s.now, { keepAlive: null });
      s.pass(600 * MINUTE);
      s.nothing();
    },
  );

  scenario("our ACK answers the peer's probe (RFC 9293 §3.8.4)", (s) => {
    s.accepted();
    s.send("A", { data: 10 });
    s.take();
    s.send("A", { seq: 10 });
    s.expect("A", { seq: 1, ack: 11 });
    s.pass(SECOND);
    // An old kind of probe carries one octet that is known.
    s.send("A", { seq: 10, data: 1 });
    s.expect("A", { seq: 1, ack: 11 });
  });

  scenario("does not wake a connection that is over", (s) => {
    for (const state of ["TIME-WAIT"] as const) {
      const connection = inState(s, state);
      connection.setOptions(s.now, alive.tcp);
      s.pass(5 * MINUTE);
      s.nothing();
      expect(s.stack.connectionCount).toBe(0);
      expect(connection.error).toBeNull();
    }
  });
});

describe("ACKs of what came twice (RFC 2883)", () => {
  scenario("tell what lies below RCV.NXT in the first block (§4.1)", (s) => {
    s.accepted({ sackOk: true });
    s.send("A", { data: 1000 });
    s.send("A", { data: 1000 });
    s.take();
    s.send("A", { seq: 1, data: 1000 });
    s.expect("A", { ack: 2001, sack: [[1, 1001]] });
    // Once.
    s.send("A", { data: 1000 });
    s.expect("A", { ack: 3001, sack: [] });
  });

  scenario("tell the part of a segment that was there before (§4.1)", (s) => {
    s.accepted({ sackOk: true });
    s.send("A", { data: 1000 });
    s.take();
    s.send("A", { seq: 501, data: 1000 });
    s.expect("A", { ack: 1501, sack: [[501, 1001]] });
  });

  scenario("tell what waits out of order already, with its block behind (§4.2)", (s) => {
    s.accepted({ sackOk: true });
    s.send("A", { seq: 1001, data: 2000 });
    s.take();
    s.send("A", { seq: 2001, data: 1000 });
    s.expect("A", {
      ack: 1,
      sack: [
        [2001, 3001],
        [1001, 3001],
      ],
    });
  });

  scenario("tell the first overlap of a segment that fills a gap between two blocks (§4.2)", (s) => {
    s.accepted({ sackOk: true });
    s.send("A", { seq: 1001, data: 1000 });
    s.send("A", { seq: 3001, data: 1000 });
    s.take();
    s.send("A", { seq: 1501, data: 2000 });
    s.expect("A", {
      ack: 1,
      sack: [
        [1501, 2001],
        [1001, 4001],
      ],
    });
  });

  scenario("leave room: three blocks beside timestamps, the duplicate among them (RFC 2018 §3)", (s) => {
    s.accepted({ sackOk: true, ts: [1, 0] });
    for (const seq of [2001, 4001, 6001, 8001]) s.send("A", { seq, data: 1000, ts: [2, 0] });
    s.take();
    s.send("A", { seq: 8001, data: 1000, ts: [2, 0] });
    s.expect("A", {
      sack: [
        [8001, 9001],
        [8001, 9001],
        [6001, 7001],
      ],
    });
  });

  scenario("of neighbours that came twice before an ACK left tell one block", (s) => {
    const connection = s.accepted({ sackOk: true });
    s.send("A", { data: 3000 });
    s.take();
    s.room = 10;
    for (const seq of [1, 1001, 2001]) s.send("A", { seq, data: 1000 });
    s.room = 70_000;
    connection.host.ready(connection);
    s.flush();
    s.expect("A", { ack: 3001, sack: [[1, 3001]] });
  });

  scenario("tell a segment that came three times twice (§4)", (s) => {
    const connection = s.accepted({ sackOk: true });
    s.send("A", { data: 1000 });
    s.take();
    s.room = 10;
    s.send("A", { seq: 1, data: 1000 });
    s.send("A", { seq: 1, data: 1000 });
    s.room = 70_000;
    connection.host.ready(connection);
    s.flush();
    s.expect("A", { ack: 1001, sack: [[1, 1001]] });
    s.expect("A", { ack: 1001, sack: [[1, 1001]] });
    s.nothing();
  });

  scenario("say nothing of it to a peer that did not offer SACK (RFC 2018 §2)", (s) => {
    s.accepted();
    s.send("A", { data: 1000 });
    s.take();
    s.send("A", { seq: 1, data: 1000 });
    s.expect("A", { ack: 1001, sack: [] });
  });
});
