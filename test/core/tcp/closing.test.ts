// How connections close: RFC 9293 §3.6 and §3.10.4, half close in all orders, simultaneous close, lost FINs,
// RFC 1122 §4.2.2.13 and RFC 2525 §2.17 (data that nobody reads).

import { describe, expect } from "vitest";
import { Event, MILLISECOND, MINUTE, SECOND, scenario } from "./script.ts";
import { inState } from "./states.ts";

describe("half close", () => {
  scenario("ours first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT (RFC 9293 §3.6, figure 12)", (s) => {
    const connection = s.accepted();
    s.write(connection, 10);
    s.finish(connection);
    s.expect("A", { seq: 1, data: 10 });
    s.expect("FA", { seq: 11, ack: 1 });
    expect(connection.state).toBe("FIN-WAIT-1");
    s.send("A", { ack: 12 });
    expect(connection.state).toBe("FIN-WAIT-2");
    // The other direction goes on.
    s.send("PA", { data: 20 });
    s.expect("A", { seq: 12, ack: 21 });
    expect(s.read(connection)?.length).toBe(20);
    s.send("FA");
    s.expect("A", { seq: 12, ack: 22 });
    expect(connection.state).toBe("TIME-WAIT");
    expect(s.read(connection)).toBeNull();
    expect(s.stack.countByState()["TIME-WAIT"]).toBe(1);
    s.pass(MINUTE);
    expect(s.stack.countByState()["TIME-WAIT"]).toBe(0);
    s.nothing();
  });

  scenario("the peer's first: CLOSE-WAIT, LAST-ACK, CLOSED (RFC 9293 §3.6, figure 12)", (s) => {
    const connection = s.accepted();
    s.send("PFA", { data: 5 });
    s.expect("A", { seq: 1, ack: 7 });
    expect(connection.state).toBe("CLOSE-WAIT");
    expect(s.read(connection)?.length).toBe(5);
    expect(s.read(connection)).toBeNull();
    s.write(connection, 30);
    s.expect("A", { seq: 1, ack: 7, data: 30 });
    s.finish(connection);
    s.expect("FA", { seq: 31, ack: 7 });
    expect(connection.state).toBe("LAST-ACK");
    s.send("A", { ack: 31 });
    expect(connection.state).toBe("LAST-ACK");
    s.send("A", { ack: 32 });
    expect([connection.state, connection.error]).toEqual(["CLOSED", null]);
    expect(connection.takeEvents() & Event.closed).toBe(Event.closed);
    expect(s.stack.connectionCount).toBe(0);
    s.nothing();
  });

  scenario("the peer's FIN acknowledges ours: FIN-WAIT-1 to TIME-WAIT at once (RFC 9293 figure 5)", (s) => {
    const connection = s.accepted();
    s.finish(connection);
    s.expect("FA", { seq: 1 });
    s.send("FA", { ack: 2 });
    s.expect("A", { seq: 2, ack: 2 });
    expect(connection.state).toBe("TIME-WAIT");
  });

  scenario("a FIN leaves with the last data when it is queued in time (RFC 9293 §3.10.4)", (s) => {
    const connection = s.accepted();
    connection.send(s.now, new Uint8Array(10));
    connection.finish(s.now);
    s.flush();
    s.expect("FA", { seq: 1, data: new Uint8Array(10) });
  });

  scenario("data after our FIN is refused, data before it is not lost (RFC 9293 §3.10.2)", (s) => {
    const connection = s.accepted({ window: 20 });
    s.write(connection, 50);
    s.finish(connection);
    expect(s.write(connection, 10)).toBe(0);
    s.expect("A", { seq: 1, data: 20 });
    s.nothing();
    expect(connection.state).toBe("FIN-WAIT-1");
    s.send("A", { ack: 21, window: 1000 });
    s.expect("FA", { seq: 21, data: 30 });
  });

  scenario("a FIN before a hole is filled changes nothing yet (RFC 9293 §3.10.7.4 eighth)", (s) => {
    const connection = s.accepted();
    s.send("PFA", { seq: 11, data: 10 });
    s.expect("A", { ack: 1 });
    expect(connection.state).toBe("ESTABLISHED");
    s.send("PA", { seq: 1, data: 10 });
    s.expect("A", { ack: 22 });
    expect(connection.state).toBe("CLOSE-WAIT");
    expect(s.read(connection)?.length).toBe(10);
    expect(s.read(connection)?.length).toBe(10);
    expect(s.read(connection)).toBeNull();
  });

  scenario("a FIN alone passes a closed window of ours", (s) => {
    const connection = s.accepted({}, { receiveBuffer: 1000, windowScaling: false });
    s.send("PA", { data: 1000 });
    s.expect("A", { ack: 1001, window: 0 });
    s.send("FA");
    s.expect("A", { ack: 1002, window: 0 });
    expect(connection.state).toBe("CLOSE-WAIT");
  });

  scenario("a FIN that comes again is acknowledged again, in each state that knows it", (s) => {
    for (const state of ["CLOSE-WAIT", "CLOSING", "LAST-ACK"] as const) {
      s.peerNext = 0;
      s.heard = 0;
      const connection = inState(s, state);
      s.send("FA", { seq: 1, ack: 1 });
      s.expect("A", { ack: 2 });
      expect(connection.state).toBe(state);
      s.abort(connection);
      s.take();
    }
  });

  scenario("bytes beyond the peer's FIN are nobody's: they are not read and not kept", (s) => {
    const connection = s.accepted();
    s.send("FA", { seq: 11 });
    s.send("A", { seq: 101, data: 100 });
    s.send("A", { seq: 1, data: 60 });
    s.take();
    expect([connection.state, connection.available]).toEqual(["CLOSE-WAIT", 10]);
    expect(s.stack.memoryUsed).toBe(10);
  });

  scenario("a FIN that would cut off what has arrived is none", (s) => {
    const connection = s.accepted();
    s.send("A", { seq: 101, data: 100 });
    s.send("FA", { seq: 11 });
    s.send("FA", { seq: 1, data: 200 });
    s.take();
    expect([connection.state, connection.available]).toEqual(["CLOSE-WAIT", 200]);
    expect(s.stack.memoryUsed).toBe(200);
  });
});

describe("simultaneous close", () => {
  scenario("goes through CLOSING (RFC 9293 §3.6, figure 13)", (s) => {
    const connection = s.accepted();
    s.finish(connection);
    s.expect("FA", { seq: 1, ack: 1 });
    s.send("FA", { ack: 1 });
    s.expect("A", { seq: 2, ack: 2 });
    expect(connection.state).toBe("CLOSING");
    s.send("A", { ack: 2 });
    expect(connection.state).toBe("TIME-WAIT");
    s.nothing();
  });

  scenario("CLOSING resends data and FIN (RFC 9293 §3.10.7.4 fifth)", (s) => {
    const connection = s.accepted();
    s.write(connection, 10);
    s.expect("A", { seq: 1, data: 10 });
    s.finish(connection);
    s.expect("FA", { seq: 11 });
    s.send("FA", { ack: 1 });
    s.expect("A", { seq: 12, ack: 2 });
    s.pass(300 * MILLISECOND);
    s.expect("A", { seq: 1, ack: 2, data: 10 });
    s.send("A", { ack: 11 });
    s.expect("FA", { seq: 11, ack: 2 });
    expect(connection.state).toBe("CLOSING");
    s.send("A", { ack: 12 });
    expect(connection.state).toBe("TIME-WAIT");
  });

  scenario("CLOSING with data that the window held back sends it (RFC 9293 §3.6)", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 10);
    s.finish(connection);
    s.nothing();
    s.send("FA", { ack: 1, window: 0 });
    s.expect("A", { seq: 1, ack: 2 });
    expect(connection.state).toBe("CLOSING");
    s.send("A", { ack: 1, window: 1000 });
    s.expect("FA", { seq: 1, ack: 2, data: 10 });
    s.send("A", { ack: 12 });
    expect(connection.state).toBe("TIME-WAIT");
  });
});

describe("a lost FIN", () => {
  scenario("is resent with the same number (RFC 9293 §3.8.1)", (s) => {
    const connection = s.accepted();
    s.write(connection, 4);
    s.expect("A", { seq: 1, data: 4 });
    s.send("A", { ack: 5 });
    s.finish(connection);
    s.expect("FA", { seq: 5 });
    s.pass(300 * MILLISECOND);
    s.expect("FA", { seq: 5, ack: 1 });
    s.send("A", { ack: 6 });
    expect(connection.state).toBe("FIN-WAIT-2");
    s.pass(10 * SECOND);
    s.nothing();
  });

  scenario("an ACK of the data alone does not acknowledge the FIN behind it", (s) => {
    const connection = s.accepted();
    connection.send(s.now, new Uint8Array(10));
    connection.finish(s.now);
    s.flush();
    s.expect("FA", { seq: 1, data: new Uint8Array(10) });
    s.send("A", { ack: 11 });
    expect(connection.state).toBe("FIN-WAIT-1");
    s.pass(300 * MILLISECOND);
    s.expect("FA", { seq: 11 });
    s.send("A", { ack: 12 });
    expect(connection.state).toBe("FIN-WAIT-2");
  });
});

describe("a FIN and the peer's window", () => {
  scenario(
    "goes alone into a closed window; that it is answered keeps the connection (RFC 9293 §3.8.6.1)",
    (s) => {
      const connection = s.accepted({ window: 0 });
      s.send("A", { window: 0 });
      s.finish(connection);
      s.expect("FA", { seq: 1 });
      for (let count = 0; count < 40; count++) {
        s.pass(2 * MINUTE);
        expect(s.take().every((seen) => seen.flags === "FA" && seen.seq === 1)).toBe(true);
        s.send("A", { ack: 1, window: 0 });
      }
      expect(connection.state).toBe("FIN-WAIT-1");
      s.send("A", { ack: 2, window: 0 });
      expect(connection.state).toBe("FIN-WAIT-2");
    },
  );

  scenario("does not ride on data that fills the window (RFC 9293 §3.4)", (s) => {
    const connection = s.accepted({ window: 10 });
    connection.send(s.now, new Uint8Array(10));
    connection.finish(s.now);
    s.flush();
    s.expect("A", { seq: 1, data: new Uint8Array(10) });
    s.nothing();
    s.send("A", { ack: 11, window: 0 });
    s.expect("FA", { seq: 11 });
  });
});

describe("close by a user who reads no more", () => {
  scenario("resets when bytes are unread (RFC 2525 §2.17)", (s) => {
    const connection = s.accepted();
    s.send("A", { data: 10 });
    s.expect("A", { ack: 11 });
    s.release(connection);
    s.expect("RA", { seq: 1, ack: 11 });
    expect(s.stack.connectionCount).toBe(0);
    expect(s.stack.memoryUsed).toBe(0);
  });

  scenario("resets when bytes come after it (RFC 1122 §4.2.2.13)", (s) => {
    const connection = s.accepted();
    s.release(connection);
    s.expect("FA", { seq: 1 });
    s.send("A", { ack: 2, data: 10 });
    s.expect("RA", { seq: 2, ack: 1 });
    s.nothing();
    expect(connection.error?.code).toBe("ECONNRESET");
  });

  scenario("waits a minute in FIN-WAIT-2, no longer (Linux tcp_fin_timeout)", (s) => {
    const connection = s.accepted();
    s.release(connection);
    s.expect("FA", { seq: 1 });
    s.send("A", { ack: 2 });
    s.pass(59 * SECOND);
    expect(connection.state).toBe("FIN-WAIT-2");
    s.pass(2 * SECOND);
    expect([connection.state, connection.error]).toEqual(["CLOSED", null]);
    expect(s.stack.connectionCount).toBe(0);
  });

  scenario("a half-closed connection may stay in FIN-WAIT-2 for ever", (s) => {
    const connection = inState(s, "FIN-WAIT-2");
    s.pass(600 * MINUTE);
    expect(connection.state).toBe("FIN-WAIT-2");
    s.release(connection);
    s.pass(2 * MINUTE);
    expect(connection.state).toBe("CLOSED");
  });

  scenario("goes on by itself until everything is acknowledged", (s) => {
    const connection = s.accepted({ mss: 1000, window: 1000 });
    s.write(connection, 2500);
    s.release(connection);
    s.expect("A", { seq: 1, data: 1000 });
    s.send("A", { ack: 1001, window: 1000 });
    s.expect("A", { seq: 1001, data: 1000 });
    s.send("A", { ack: 2001, window: 1000 });
    s.expect("FA", { seq: 2001, data: 500 });
    s.send("FA", { ack: 2502 });
    s.expect("A", { seq: 2502, ack: 2 });
    expect(connection.state).toBe("TIME-WAIT");
  });

  scenario("does not hold memory for a peer that keeps its window closed (Linux tcp_orphan_retries)", (s) => {
    const connection = s.accepted({ window: 0 });
    s.send("A", { window: 0 });
    s.write(connection, 1000);
    s.release(connection);
    // The peer answers every probe, and would do so for ever.
    for (let count = 0; count < 40 && connection.state !== "CLOSED"; count++) {
      s.pass(2 * MINUTE);
      s.take();
      s.send("A", { seq: 1, ack: 1, window: 0 });
    }
    expect(connection.state).toBe("CLOSED");
    expect(s.stack.memoryUsed).toBe(0);
  });

  scenario("frees what was unread when the connection had ended before", (s) => {
    for (const end of ["release", "abort"] as const) {
      s.peerNext = 0;
      s.heard = 0;
      const connection = s.accepted();
      s.send("A", { data: 100 });
      s.send("R");
      s.take();
      expect(connection.state).toBe("CLOSED");
      expect(s.stack.memoryUsed).toBe(100);
      connection[end](s.now);
      expect(s.stack.memoryUsed).toBe(0);
    }
  });
});

describe("abort", () => {
  for (const state of ["SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT"] as const) {
    scenario(`in ${state} sends a reset and ends (RFC 9293 §3.10.5)`, (s) => {
      const connection = inState(s, state);
      s.abort(connection);
      s.expect("RA", { seq: s.heard, ack: s.peerNext });
      s.nothing();
      expect([connection.state, connection.error]).toEqual(["CLOSED", null]);
      expect(s.stack.connectionCount).toBe(0);
      s.pass(10 * MINUTE);
      s.nothing();
    });
  }

  for (const state of ["SYN-SENT", "CLOSING", "LAST-ACK", "TIME-WAIT"] as const) {
    scenario(`in ${state} ends without a word (RFC 9293 §3.10.5)`, (s) => {
      const connection = inState(s, state);
      s.abort(connection);
      s.nothing();
      expect(s.stack.connectionCount).toBe(0);
    });
  }

  scenario("in LAST-ACK resets when bytes would be missing at the peer", (s) => {
    const connection = s.accepted();
    s.send("FA");
    s.write(connection, 10);
    s.finish(connection);
    s.take();
    s.abort(connection);
    s.expect("RA", { seq: 12, ack: 2 });
  });

  scenario("a segment after it is answered by a reset (RFC 9293 §3.5.2)", (s) => {
    const connection = s.accepted();
    s.abort(connection);
    s.take();
    s.send("A", { data: 10 });
    s.expect("R", { seq: 1 });
    s.send("", { data: 10 });
    s.expect("RA", { seq: -s.ours | 0, ack: 21 });
    s.send("R");
    s.nothing();
  });
});

describe("the end of the stream", () => {
  scenario("bytes that came before a reset are read before its error", (s) => {
    const connection = s.accepted();
    s.send("A", { data: 10 });
    s.expect("A");
    s.send("R");
    expect(connection.error?.code).toBe("ECONNRESET");
    expect(s.read(connection)?.length).toBe(10);
    expect(s.read(connection)).toBeUndefined();
    expect(s.stack.memoryUsed).toBe(0);
  });

  scenario("bytes that came before TIME-WAIT are read in it", (s) => {
    const connection = s.accepted();
    s.finish(connection);
    s.send("PFA", { ack: 2, data: 10 });
    expect(connection.state).toBe("TIME-WAIT");
    s.pass(2 * MINUTE);
    expect(s.read(connection)?.length).toBe(10);
    expect(s.read(connection)).toBeNull();
    expect(s.stack.memoryUsed).toBe(0);
    s.take();
    s.pass(100 * MILLISECOND);
    s.nothing();
  });
});
