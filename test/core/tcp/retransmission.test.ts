// The retransmission timer: RFC 6298 with Karn's rule, R2 (RFC 9293 §3.8.3), the user timeout (RFC 5482), and what a
// timer that fires late may conclude.

import { describe, expect } from "vitest";
import { MILLISECOND, MINUTE, type Script, SECOND, scenario } from "./script.ts";

/** An established connection whose round trip was measured once: 100 ms. */
function measured(s: Script, tcp = {}, offer = {}) {
  const connection = s.connect(tcp);
  s.expect("S");
  s.pass(100 * MILLISECOND);
  s.send("SA", { mss: 1000, ...offer });
  s.expect("A");
  return connection;
}

describe("the retransmission timer", () => {
  scenario("fires after SRTT + 4 RTTVAR = 300 ms at a first round trip of 100 ms (RFC 6298 §2.2)", (s) => {
    const connection = measured(s);
    s.mark();
    s.write(connection, 100);
    s.expect("A", { seq: 1, data: 100, at: 0 });
    s.pass(SECOND);
    s.expect("A", { seq: 1, data: 100, at: 300 * MILLISECOND });
    s.expect("A", { seq: 1, data: 100, at: 900 * MILLISECOND });
    s.nothing();
  });

  scenario("is 1 s before any sample (RFC 6298 §2.1)", (s) => {
    s.listen();
    s.send("S", { seq: 0 });
    s.send("S", { seq: 0 });
    s.take();
    const [connection] = s.stack.connections();
    s.send("A", { seq: 1 });
    s.mark();
    s.write(connection, 10);
    s.expect("A", { data: 10 });
    s.pass(SECOND);
    s.expect("A", { seq: 1, data: 10, at: SECOND });
  });

  scenario("doubles at each timeout and stays at 120 s (RFC 6298 §5.5)", (s) => {
    const connection = measured(s);
    s.mark();
    s.write(connection, 10);
    s.pass(14 * MINUTE);
    const times = s.take().map((seen) => seen.at - (s.now - s.sinceMark));
    const gaps = times.slice(1).map((at, index) => at - times[index]);
    const expected = gaps.map((_, index) => Math.min(300 * MILLISECOND * 2 ** index, 120 * SECOND));
    expect(gaps).toEqual(expected);
    expect(gaps.length).toBeGreaterThan(10);
  });

  scenario("has its backoff until a timestamp tells which sending is answered (RFC 7323 §4.1)", (s) => {
    const connection = s.connect({ timestamps: true });
    const [syn] = s.take();
    const begin = syn.ts?.[0] ?? 0;
    s.pass(100 * MILLISECOND);
    s.send("SA", { mss: 1012, ts: [1, begin] });
    s.take();
    s.write(connection, 100);
    s.take();
    s.pass(SECOND);
    const [, second] = s.take();
    expect(connection.info(s.now)).toMatchObject({ backoffs: 2 });
    s.send("A", { ack: 101, ts: [2, second.ts?.[0] ?? 0] });
    // It left 900 ms after the first, 100 ms ago.
    expect(connection.info(s.now)).toMatchObject({ backoffs: 0, rtt: 100 });
  });

  scenario("ends the connection after 15 retransmissions without an answer (R2, RFC 9293 §3.8.3)", (s) => {
    const connection = measured(s);
    s.write(connection, 10);
    s.expect("A");
    s.pass(60 * MINUTE);
    expect(s.take().length).toBe(15);
    expect(connection.error?.code).toBe("ETIMEDOUT");
    expect(s.stack.connectionCount).toBe(0);
    expect(s.stack.memoryUsed).toBe(0);
  });

  scenario("is restarted by an ACK of new data, and by that only (RFC 6298 §5.3)", (s) => {
    const connection = measured(s);
    s.write(connection, 3000);
    s.take();
    s.pass(200 * MILLISECOND);
    s.send("A", { ack: 1001 });
    s.mark();
    // Duplicates and window updates do not put it off.
    for (let count = 0; count < 4; count++) {
      s.pass(50 * MILLISECOND);
      s.send("A", { ack: 1001, window: 60_000 + count });
    }
    s.nothing();
    s.pass(SECOND);
    const rto = s.take()[0].at - (s.now - s.sinceMark);
    expect(rto).toBeGreaterThan(300 * MILLISECOND);
    expect(rto).toBeLessThan(450 * MILLISECOND);
  });

  scenario("stops when all is acknowledged (RFC 6298 §5.2)", (s) => {
    const connection = measured(s);
    s.write(connection, 100);
    s.expect("A");
    s.send("A", { ack: 101 });
    s.pass(10 * MINUTE);
    s.nothing();
    expect(connection.info(s.now).timeouts).toBe(0);
  });

  scenario("keeps its backoff until a segment sent once is acknowledged (Karn, RFC 6298 §5.7)", (s) => {
    const connection = measured(s);
    s.write(connection, 100);
    s.pass(300 * MILLISECOND);
    s.take();
    expect(connection.info(s.now)).toMatchObject({ backoffs: 1, rto: 600 });
    // The ACK of the segment that went twice says nothing of the round trip.
    s.pass(MILLISECOND);
    s.send("A", { ack: 101 });
    expect(connection.info(s.now)).toMatchObject({ backoffs: 1, rto: 600, rtt: 100 });
    s.mark();
    s.write(connection, 100);
    s.pass(600 * MILLISECOND);
    s.expect("A", { seq: 101, data: 100, at: 0 });
    s.expect("A", { seq: 101, data: 100, at: 600 * MILLISECOND });
    s.send("A", { ack: 201 });
    s.write(connection, 100);
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 301 });
    expect(connection.info(s.now)).toMatchObject({ backoffs: 0, rtt: 100 });
  });

  scenario("takes no sample of an ACK that also covers what went twice (Karn)", (s) => {
    const connection = measured(s, { sack: false });
    s.write(connection, 3000);
    s.take();
    // Only the first was lost; the others wait at the peer until it comes again.
    s.pass(400 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000 });
    s.send("A", { ack: 3001 });
    expect(connection.info(s.now)).toMatchObject({ rtt: 100, backoffs: 1 });
  });

  scenario("sends one segment, not the window, and slow start follows (RFC 5681 §3.1)", (s) => {
    const connection = measured(s);
    s.write(connection, 10_000);
    expect(s.take().length).toBe(10);
    s.pass(300 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000 });
    s.nothing();
    expect(connection.info(s.now)).toMatchObject({ cwnd: 1000, ssthresh: 5000 });
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 1001 });
    s.expect("A", { seq: 1001, data: 1000 });
    s.expect("A", { seq: 2001, data: 1000 });
    s.nothing();
  });

  scenario("an ACK that jumps after a timeout opens the window by one segment (RFC 3465 §2.3)", (s) => {
    const connection = measured(s);
    s.write(connection, 60_000);
    // A window of twenty segments, the first of which is lost.
    for (let round = 0; round < 10; round++) {
      s.pass(MILLISECOND);
      s.send("A", { ack: 1 + (round + 1) * 1000 });
    }
    const sent = s.take().length;
    expect(sent).toBe(30);
    s.pass(400 * MILLISECOND);
    s.expect("A", { seq: 10_001, data: 1000 });
    s.nothing();
    s.send("A", { ack: 30_001 });
    // Two segments, not the ten of the slow start threshold.
    expect(s.take().length).toBe(2);
    expect(connection.info(s.now).cwnd).toBe(2000);
  });

  scenario("a peer that takes back its SACK gets everything again (RFC 2018 §8)", (s) => {
    const connection = s.accepted({ mss: 1000, sackOk: true });
    s.write(connection, 3000);
    s.take();
    s.send("A", { ack: 1, sack: [[1001, 3001]] });
    s.pass(SECOND);
    s.take();
    s.send("A", { ack: 1001 });
    // Acknowledged up to the SACKed block and no further: it is gone.
    s.take();
    s.pass(5 * SECOND);
    expect(s.take().some((seen) => seen.seq === 1001)).toBe(true);
    s.send("A", { ack: 2001 });
    expect(s.take().some((seen) => seen.seq === 2001)).toBe(true);
    s.send("A", { ack: 3001 });
    expect(connection.info(s.now)).toMatchObject({ inFlight: 0, lost: 0, sacked: 0 });
  });

  scenario(
    "waits half a round trip, not a timeout, for a peer that dropped what it had SACKed (RFC 2018 §8)",
    (s) => {
      const connection = measured(s, { tailLossProbe: false }, { sackOk: true });
      s.write(connection, 5000);
      s.pass(100 * MILLISECOND);
      s.send("A", { ack: 1, sack: [[1001, 5001]] });
      s.pass(100 * MILLISECOND);
      s.take();
      s.mark();
      // It goes up to the SACKed block and stops.
      s.send("A", { ack: 1001 });
      s.pass(SECOND);
      s.expect("A", { seq: 1001, data: 1000, at: 50 * MILLISECOND });
      expect(connection.info(s.now).sacked).toBe(0);
    },
  );

  scenario("is not hurried by a peer whose next ACK covers what it had SACKed", (s) => {
    const connection = measured(s, { tailLossProbe: false }, { sackOk: true });
    s.write(connection, 5000);
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 1, sack: [[1001, 5001]] });
    s.take();
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 1001 });
    s.pass(20 * MILLISECOND);
    s.send("A", { ack: 5001 });
    s.pass(100 * MILLISECOND);
    s.nothing();
    expect(connection.info(s.now).timeouts).toBe(0);
  });

  scenario("resends only what is not SACKed, and only as the window lets it (RFC 6298 §5.4)", (s) => {
    const connection = measured(s, { tailLossProbe: false }, { sackOk: true });
    s.write(connection, 10_000);
    s.take();
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 1, sack: [[4001, 6001]] });
    expect(s.take()).toEqual([]);
    s.room = 50;
    s.pass(300 * MILLISECOND);
    s.room = 70_000;
    connection.host.ready(connection);
    s.flush();
    s.expect("A", { seq: 1, data: 1000 });
    s.nothing();
    const resent: number[] = [];
    const bursts: number[] = [];
    for (const ack of [1001, 2001, 3001, 6001, 7001, 8001, 9001]) {
      s.pass(100 * MILLISECOND);
      s.send("A", { ack, ...(ack < 4001 ? { sack: [[4001, 6001]] as const } : {}) });
      const seen = s.take().map((segment) => segment.seq);
      bursts.push(seen.length);
      resent.push(...seen);
    }
    expect(resent).toEqual([1001, 2001, 3001, 6001, 7001, 8001, 9001]);
    expect(Math.max(...bursts)).toBeLessThanOrEqual(2);
    expect(connection.info(s.now)).toMatchObject({ timeouts: 1 });
  });

  scenario("leaves alone what was sent less than a round trip ago (RFC 8985 §6.3)", (s) => {
    const connection = measured(s, { tailLossProbe: false }, { sackOk: true });
    s.write(connection, 3000);
    s.pass(250 * MILLISECOND);
    s.write(connection, 2000);
    s.take();
    s.pass(50 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000 });
    expect(connection.info(s.now)).toMatchObject({ timeouts: 1, lost: 2000, inFlight: 3000 });
  });

  scenario("is not needed again for what was resent and lost once more: RACK finds it (RFC 8985 §3)", (s) => {
    const connection = measured(s, { tailLossProbe: false }, { sackOk: true });
    s.write(connection, 5000);
    s.pass(300 * MILLISECOND);
    s.take();
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 1001 });
    expect(s.take().map((seen) => seen.seq)).toEqual([1001, 2001]);
    // The first of the two is lost again, the second arrives.
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 1001, sack: [[2001, 3001]] });
    s.pass(26 * MILLISECOND);
    expect(s.take().map((seen) => seen.seq)).toContain(1001);
    expect(connection.info(s.now)).toMatchObject({ timeouts: 1, lostRetransmits: 1 });
  });

  scenario("never falls within reach of the round trip (Linux: SRTT + 200 ms at least)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.pass(180 * MILLISECOND);
    s.send("SA", { mss: 1000 });
    s.take();
    // A hundred rounds of exactly 180 ms: the variance vanishes.
    for (let round = 0; round < 100; round++) {
      s.write(connection, 1000);
      s.pass(180 * MILLISECOND);
      s.send("A", { ack: s.heard });
    }
    s.take();
    expect(connection.info(s.now).rto).toBeGreaterThanOrEqual(380);
    s.write(connection, 1000);
    s.expect("A");
    // This ACK comes 100 ms late: that is no loss.
    s.pass(280 * MILLISECOND);
    s.nothing();
  });
});

describe("a timer that fires late", () => {
  scenario("resends once and waits for the answer to that", (s) => {
    const connection = measured(s);
    s.write(connection, 100);
    s.expect("A");
    s.stall(10 * MINUTE);
    s.expect("A", { seq: 1, data: 100 });
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
    expect(connection.info(s.now)).toMatchObject({ timeouts: 1, retransmits: 1 });
    s.mark();
    s.pass(SECOND);
    s.expect("A", { seq: 1, data: 100, at: 600 * MILLISECOND });
  });

  scenario("does not count SYNs that never left", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.stall(60 * MINUTE);
    s.expect("S");
    s.nothing();
    expect(connection.state).toBe("SYN-SENT");
  });

  scenario("does not count probes of keepalive that never left", (s) => {
    const connection = measured(s, { keepAlive: { idle: SECOND, interval: SECOND, count: 3 } });
    s.stall(60 * MINUTE);
    s.expect("A", { seq: 0 });
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("does not count zero-window probes that never left", (s) => {
    const connection = measured(s);
    s.send("A", { window: 0 });
    s.write(connection, 100);
    s.stall(600 * MINUTE);
    s.expect("A", { data: 1 });
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("calling timeout() early or twice changes nothing", (s) => {
    const connection = measured(s);
    s.write(connection, 100);
    s.expect("A");
    for (let count = 0; count < 5; count++) s.stack.timeout(s.now + 299 * MILLISECOND);
    s.flush();
    s.nothing();
    s.pass(300 * MILLISECOND);
    s.expect("A");
    for (let count = 0; count < 5; count++) s.stack.timeout(s.now);
    s.flush();
    s.nothing();
    expect(connection.info(s.now).timeouts).toBe(1);
  });
});

describe("a link that takes nothing", () => {
  scenario("is no silence of the peer: what has not left is neither counted nor backed off", (s) => {
    const connection = measured(s);
    s.write(connection, 3000);
    s.take();
    s.room = 50;
    s.pass(600 * MINUTE);
    s.nothing();
    expect(connection.info(s.now)).toMatchObject({ state: "ESTABLISHED", timeouts: 1, backoffs: 1 });
    s.room = 70_000;
    s.pass(SECOND);
    expect(s.take()[0]).toMatchObject({ seq: 1, length: 1000 });
  });

  scenario("does not count probes of a closed window either", (s) => {
    const connection = measured(s);
    s.send("A", { window: 0 });
    s.write(connection, 100);
    s.room = 40;
    s.pass(600 * MINUTE);
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
    s.room = 70_000;
    s.pass(2 * MINUTE);
    expect(s.take()[0]).toMatchObject({ seq: 1, length: 1 });
  });

  scenario("does not count probes of keepalive either", (s) => {
    const connection = measured(s, { keepAlive: { idle: SECOND, interval: SECOND, count: 3 } });
    s.room = 30;
    s.pass(600 * MINUTE);
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("is covered by the user timeout", (s) => {
    const connection = measured(s, { userTimeout: 5 * SECOND });
    s.write(connection, 3000);
    s.take();
    s.room = 50;
    s.pass(6 * SECOND);
    expect(connection.error?.code).toBe("ETIMEDOUT");
  });
});

describe("the user timeout", () => {
  scenario("ends a connection whose data nobody acknowledges, to the moment (RFC 5482)", (s) => {
    const connection = measured(s, { userTimeout: 5 * SECOND });
    s.pass(MINUTE);
    s.mark();
    s.write(connection, 100);
    s.pass(5 * SECOND - 1);
    expect(connection.state).toBe("ESTABLISHED");
    s.pass(1);
    expect(connection.error?.code).toBe("ETIMEDOUT");
  });

  scenario("counts from the last progress", (s) => {
    const connection = measured(s, { userTimeout: 5 * SECOND });
    s.write(connection, 4000);
    for (const ack of [1001, 2001, 3001]) {
      s.pass(4 * SECOND);
      s.send("A", { ack });
    }
    s.pass(4 * SECOND);
    expect(connection.state).toBe("ESTABLISHED");
    s.pass(SECOND);
    expect(connection.state).toBe("CLOSED");
  });

  scenario("may be longer than R2 in its count of retransmissions", (s) => {
    const connection = measured(s, { userTimeout: 600 * MINUTE, retries: 100_000 });
    s.write(connection, 100);
    s.pass(599 * MINUTE);
    expect(connection.state).toBe("ESTABLISHED");
    s.pass(2 * MINUTE);
    expect(connection.state).toBe("CLOSED");
  });

  scenario("set while data waits, it counts from the last progress too", (s) => {
    const connection = measured(s);
    s.write(connection, 100);
    // The next retransmission would come after 4.2 s.
    s.pass(2.5 * SECOND);
    connection.setOptions(s.now, { userTimeout: 3 * SECOND });
    s.pass(SECOND / 2 - 1);
    expect(connection.state).toBe("ESTABLISHED");
    s.pass(2);
    expect(connection.state).toBe("CLOSED");
  });

  scenario(
    "ends probes of a closed window that nobody answers, not answered ones (RFC 9293 §3.8.6.1)",
    (s) => {
      const connection = measured(s, { userTimeout: 10 * SECOND });
      s.send("A", { window: 0 });
      s.write(connection, 100);
      for (let count = 0; count < 60; count++) {
        s.pass(SECOND);
        if (s.take().length > 0) s.send("A", { ack: 1, window: 0 });
      }
      expect(connection.state).toBe("ESTABLISHED");
      s.pass(3 * MINUTE);
      expect(connection.error?.code).toBe("ETIMEDOUT");
    },
  );
});
