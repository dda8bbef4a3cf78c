// Resets, SYNs and ACKs that a blind attacker may send: RFC 5961 and RFC 9293 §3.10.7.4, in each state.

import { describe, expect } from "vitest";
import { MILLISECOND, SECOND, scenario } from "./script.ts";
import { inState, SYNCHRONIZED } from "./states.ts";

describe("a reset", () => {
  for (const state of SYNCHRONIZED) {
    scenario(`of exactly the next number ends ${state} (RFC 5961 §3.2)`, (s) => {
      const connection = inState(s, state);
      s.send("R");
      s.nothing();
      const gentle = state === "CLOSING" || state === "LAST-ACK";
      expect([connection.state, connection.error?.code]).toEqual([
        "CLOSED",
        gentle ? undefined : "ECONNRESET",
      ]);
      expect(s.stack.connectionCount).toBe(0);
    });

    scenario(`elsewhere in the window is challenged in ${state} (RFC 5961 §3.2)`, (s) => {
      const connection = inState(s, state);
      s.send("R", { seq: s.peerNext + 100 });
      s.expect("A", { seq: s.heard, ack: s.peerNext });
      expect(connection.state).toBe(state);
      // The peer, if it has really reset, answers the challenge with the exact number.
      s.send("R", { seq: s.peerNext });
      expect(connection.state).toBe("CLOSED");
    });

    scenario(`outside the window is ignored in ${state} (RFC 5961 §3.2)`, (s) => {
      const connection = inState(s, state);
      for (const seq of [s.peerNext - 1, s.peerNext - 60_000, s.peerNext + (1 << 30), s.peerNext + 2 ** 31])
        s.send("R", { seq });
      s.nothing();
      expect(connection.state).toBe(state);
    });
  }

  scenario("with a closed window only the exact number counts (RFC 5961 §3.2)", (s) => {
    const connection = s.accepted({}, { receiveBuffer: 100, windowScaling: false });
    s.send("A", { data: 100 });
    s.expect("A", { window: 0 });
    s.send("R", { seq: 102 });
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
    s.send("R", { seq: 101 });
    expect(connection.state).toBe("CLOSED");
  });

  scenario("is not subject to timestamps (RFC 7323 §5.2)", (s) => {
    const connection = s.accepted({ ts: [1000] });
    s.send("R", { ts: [5] });
    expect(connection.state).toBe("CLOSED");
  });
});

describe("a SYN", () => {
  for (const state of SYNCHRONIZED) {
    for (const [where, offset] of [
      ["in the window", 10],
      ["at the next number", 0],
      ["outside the window", -70_000],
    ] as const) {
      scenario(`${where} is challenged in ${state} (RFC 5961 §4.2)`, (s) => {
        const connection = inState(s, state);
        s.send("S", { seq: s.peerNext + offset });
        s.expect("A", { seq: s.heard, ack: s.peerNext });
        s.nothing();
        expect(connection.state).toBe(state);
      });
    }
  }

  scenario("with ACK is challenged too, and its ACK not taken (RFC 5961 §4.2)", (s) => {
    const connection = s.accepted();
    s.write(connection, 10);
    s.expect("A", { data: 10 });
    s.send("SA", { seq: 5, ack: 11 });
    s.expect("A", { seq: 11, ack: 1 });
    expect(connection.unacknowledged).toBe(10);
  });
});

describe("an ACK", () => {
  scenario("of what was never sent is challenged, and its data not taken (RFC 5961 §5.2)", (s) => {
    const connection = s.accepted();
    s.send("A", { seq: 1, ack: 2, data: 10 });
    s.expect("A", { seq: 1, ack: 1 });
    expect(connection.available).toBe(0);
  });

  scenario("from further back than the largest window is challenged (RFC 5961 §5.2)", (s) => {
    const connection = s.accepted({ window: 1000 });
    s.write(connection, 900);
    s.take();
    s.send("A", { ack: 901, window: 1000 });
    s.send("A", { seq: 1, ack: -100, data: 10 });
    s.expect("A", { seq: 901, ack: 1 });
    expect(connection.available).toBe(0);
  });

  scenario("that is old but within a window keeps its data (RFC 5961 §5.2)", (s) => {
    const connection = s.accepted({ window: 1000 });
    s.write(connection, 900);
    s.take();
    s.send("A", { ack: 901, window: 1000 });
    s.send("A", { seq: 1, ack: 1, data: 10, window: 5 });
    s.expect("A", { seq: 901, ack: 11 });
    expect(connection.available).toBe(10);
    // The window of an old segment is not news.
    expect(connection.info(s.now).sendWindow).toBe(1000);
  });

  scenario(
    "however old keeps its data on a reliable route, where a link may stand still while others go on",
    (s) => {
      const connection = s.accepted({ window: 1000 });
      for (let sent = 1; sent < 4500; sent += 900) {
        s.write(connection, 900);
        s.take();
        s.send("A", { seq: 11, ack: sent + 900, window: 1000 });
      }
      s.take();
      s.send("A", { seq: 1, ack: 1, data: 10, window: 1000 });
      s.expect("A", { seq: 4501, ack: 11 });
      expect(connection.available).toBe(10);
    },
    { route: { reliable: true } },
  );

  scenario(
    "right at the edge of a window that the peer has filled counts, though the data comes later",
    (s) => {
      const connection = s.accepted({}, { receiveBuffer: 1000, initialReceiveBuffer: 1000 });
      s.write(connection, 100);
      s.take();
      s.send("A", { seq: 1001, ack: 101 });
      expect(connection.unacknowledged).toBe(0);
      s.send("A", { seq: 1, ack: 1, data: 1000 });
      expect(connection.available).toBe(1000);
    },
  );

  scenario("is required: a segment without it is dropped (RFC 9293 §3.10.7.4 fifth)", (s) => {
    const connection = s.accepted();
    s.send("", { data: 10 });
    s.nothing();
    expect(connection.available).toBe(0);
  });

  scenario("of the wrong kind does not plant a timestamp (RFC 5961 §5, RFC 7323 §4.3)", (s) => {
    const connection = s.accepted({ ts: [1000] });
    // In the window, from the future, with an ACK that only a guess could name.
    s.send("A", { seq: 1, ack: 5000, data: 1, ts: [900_000] });
    s.take();
    s.send("A", { seq: 1, ack: 1, data: 10, ts: [1001] });
    s.expect("A", { ack: 11 });
    expect(connection.available).toBe(10);
  });
});

describe("challenges and corrections", () => {
  scenario("challenges have a budget of one in half a second (RFC 5961 §7)", (s) => {
    s.accepted();
    for (let count = 0; count < 100; count++) s.send("S", { seq: 1 });
    s.expect("A");
    s.nothing();
    s.pass(500 * MILLISECOND);
    s.send("R", { seq: 50 });
    s.expect("A");
    expect(s.stack.counters.challenges).toBe(2);
  });

  scenario("empty unacceptable segments are corrected once in half a second: no endless dialogue", (s) => {
    s.accepted();
    for (let count = 0; count < 100; count++) s.send("A", { seq: -500 });
    s.expect("A");
    s.nothing();
    s.pass(500 * MILLISECOND);
    s.send("A", { seq: -500 });
    s.expect("A");
  });

  scenario("neither budget starves the other, nor ACKs of data that comes again", (s) => {
    s.accepted();
    s.send("A", { data: 10 });
    s.expect("A", { ack: 11 });
    s.send("S", { seq: 11 });
    s.expect("A");
    s.send("A", { seq: 5 });
    s.expect("A");
    for (let count = 0; count < 5; count++) {
      s.send("A", { seq: 1, data: 10 });
      s.expect("A", { ack: 11 });
    }
  });

  scenario("an unacceptable reset is answered by nothing, so two ends cannot loop", (s) => {
    s.accepted();
    for (let count = 0; count < 10; count++) {
      s.send("R", { seq: -10 });
      s.pass(SECOND);
    }
    s.nothing();
  });
});
