// Loss detection and recovery: RACK (RFC 8985), SACK at the sender (RFC 2018), NewReno (RFC 5681, RFC 6582) with and
// without SACK, limited transmit (RFC 3042).

import { describe, expect } from "vitest";
import { MILLISECOND, type Script, SECOND, scenario } from "./script.ts";

const RTT = 100 * MILLISECOND;

/** An established connection with a round trip of 100 ms, segments of 1,000 bytes, ten of which are under way. */
function tenSent(s: Script, sack: boolean) {
  const connection = s.connect();
  s.expect("S");
  s.pass(RTT);
  s.send("SA", { mss: 1000, sackOk: sack });
  s.expect("A");
  s.write(connection, 60_000);
  expect(s.take().length).toBe(10);
  s.pass(RTT);
  return connection;
}

describe("with SACK", () => {
  scenario("a hole is resent at once when three later segments were SACKed (RFC 8985 §6.2)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[1001, 2001]] });
    s.send("A", { ack: 1, sack: [[1001, 3001]] });
    expect(s.take().every((seen) => seen.seq > 10_000)).toBe(true);
    s.send("A", { ack: 1, sack: [[1001, 4001]] });
    s.expect("A", { seq: 1, data: 1000 });
    expect(connection.info(s.now)).toMatchObject({ recovering: true, sacked: 3000, ssthresh: 6000 });
    // The timer did not fire, and it does not while ACKs come.
    s.send("A", { ack: 4001 });
    expect(connection.info(s.now).timeouts).toBe(0);
  });

  scenario("before that a quarter of the least round trip must pass (RFC 8985 §6.2 step 4)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[1001, 2001]] });
    s.take();
    s.mark();
    s.pass(50 * MILLISECOND);
    // 100 / 4 ms, and 1 ms for the clock of an event loop.
    s.expect("A", { seq: 1, data: 1000, at: 26 * MILLISECOND });
    s.nothing();
    expect(connection.info(s.now).recovering).toBe(true);
  });

  scenario("a hole that fills itself meanwhile is reordering, not loss (RFC 8985 §6.2 step 3)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[1001, 2001]] });
    s.pass(20 * MILLISECOND);
    s.send("A", { ack: 2001 });
    expect(s.take().every((seen) => seen.seq > 10_000)).toBe(true);
    expect(connection.info(s.now)).toMatchObject({ recovering: false, reordering: 1, retransmits: 0 });
    // From now on three SACKed segments are no proof: time is.
    s.send("A", { ack: 2001, sack: [[3001, 7001]] });
    expect(s.take().every((seen) => seen.seq > 10_000)).toBe(true);
    s.pass(26 * MILLISECOND);
    s.expect("A", { seq: 2001, data: 1000 });
  });

  scenario("blocks that an earlier, lost ACK told of first are not taken for reordering", (s) => {
    const connection = tenSent(s, true);
    s.send("A", {
      ack: 1,
      sack: [
        [5001, 6001],
        [3001, 4001],
        [1001, 2001],
      ],
    });
    expect(connection.info(s.now).reordering).toBe(0);
  });

  scenario("only what is missing is resent, once (RFC 6675)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", {
      ack: 1,
      sack: [
        [8001, 10_001],
        [4001, 7001],
        [1001, 3001],
      ],
    });
    const resent = () =>
      s
        .take()
        .filter((seen) => seen.seq < 10_001)
        .map((seen) => seen.seq);
    expect(resent()).toEqual([1, 3001, 7001]);
    s.pass(30 * MILLISECOND);
    s.send("A", {
      ack: 3001,
      sack: [
        [4001, 7001],
        [8001, 10_001],
      ],
    });
    s.send("A", { ack: 7001, sack: [[8001, 10_001]] });
    s.send("A", { ack: 10_001 });
    expect(resent()).toEqual([]);
    expect(connection.info(s.now)).toMatchObject({ retransmits: 3, sacked: 0, lost: 0 });
  });

  scenario("one loss event halves the window once, however many holes (RFC 6582 §3.2)", (s) => {
    const connection = tenSent(s, true);
    for (let end = 2001; end <= 9001; end += 2000) s.send("A", { ack: 1, sack: [[end - 1000, end]] });
    s.take();
    // Ten and the two that SACKed segments let out were under way when the first was found lost.
    const { ssthresh } = connection.info(s.now);
    expect(ssthresh).toBe(6000);
    s.pass(50 * MILLISECOND);
    expect(connection.info(s.now)).toMatchObject({ ssthresh, cwnd: ssthresh });
  });

  scenario("a resent segment that is lost again is found by RACK too (RFC 8985 §3)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[1001, 10_001]] });
    // The hole goes again, and new segments after it.
    const again = s.take();
    expect(again[0].seq).toBe(1);
    const after = again[again.length - 1];
    expect(after.seq).toBeGreaterThan(10_000);
    s.pass(RTT);
    s.send("A", { ack: 1, sack: [[1001, after.seq + after.length]] });
    s.pass(30 * MILLISECOND);
    expect(s.take()[0]).toMatchObject({ seq: 1, length: 1000 });
    expect(connection.info(s.now)).toMatchObject({ timeouts: 0, retransmits: 2 });
  });

  scenario("an answer sooner than any round trip is of the first sending (RFC 8985 §6.2 step 2)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[1001, 4001]] });
    expect(s.take()[0].seq).toBe(1);
    s.pass(MILLISECOND);
    // The original arrived after all. What was sent after the first must not be judged by a round trip of 1 ms.
    s.send("A", { ack: 4001 });
    s.pass(10 * MILLISECOND);
    expect(s.take().every((seen) => seen.seq >= 10_001)).toBe(true);
    expect(connection.info(s.now).retransmits).toBe(1);
  });

  scenario("timestamps tell which sending is answered, however late (RFC 8985 §6.2 step 2)", (s) => {
    const connection = s.connect();
    const begin = s.expect("S").ts?.[0] as number;
    s.pass(RTT);
    s.send("SA", { mss: 1012, sackOk: true, ts: [1, begin] });
    s.take();
    s.write(connection, 5000);
    const stamp = s.take()[0].ts?.[0] as number;
    s.pass(RTT);
    s.send("A", { ack: 1, sack: [[1001, 4001]], ts: [2, stamp] });
    s.expect("A", { seq: 1, data: 1000 });
    // A round trip and more later the first sending arrives, not the second: nothing follows for what left before.
    s.pass(RTT + 5 * MILLISECOND);
    s.send("A", { ack: 4001, ts: [3, stamp] });
    s.pass(MILLISECOND);
    s.nothing();
    expect(connection.info(s.now)).toMatchObject({ retransmits: 1, lost: 0, inFlight: 1000 });
  });

  scenario("blocks that are nonsense are ignored (RFC 2018 §5, RFC 2883 §4)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", {
      ack: 1001,
      sack: [
        [1, 501],
        [5001, 4001],
        [9001, 500_001],
        [-5000, -4000],
      ],
    });
    s.pass(26 * MILLISECOND);
    expect(connection.info(s.now)).toMatchObject({ sacked: 0, lost: 0, retransmits: 0 });
  });

  scenario("a block that ends inside a segment does not count for it", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[1001, 2501]] });
    expect(connection.info(s.now).sacked).toBe(1000);
    s.send("A", { ack: 1, sack: [[1001, 3001]] });
    expect(connection.info(s.now).sacked).toBe(2000);
    s.send("A", { ack: 1, sack: [[501, 3001]] });
    expect(connection.info(s.now).sacked).toBe(2000);
  });

  scenario("an ACK in the middle of a segment leaves its rest (RFC 9293 §3.10.7.4)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 501 });
    expect(connection.unacknowledged).toBe(59_500);
    s.pass(SECOND);
    expect(s.take().some((seen) => seen.seq === 501 && seen.length === 500)).toBe(true);
  });
});

describe("without SACK", () => {
  scenario("the third duplicate resends the first segment (RFC 5681 §3.2)", (s) => {
    const connection = tenSent(s, false);
    s.send("A", { ack: 1 });
    s.send("A", { ack: 1 });
    expect(s.take().every((seen) => seen.seq > 10_000)).toBe(true);
    s.send("A", { ack: 1 });
    s.expect("A", { seq: 1, data: 1000 });
    expect(connection.info(s.now)).toMatchObject({ recovering: true, ssthresh: 6000 });
  });

  scenario("the first two duplicates each let a new segment out (RFC 3042)", (s) => {
    tenSent(s, false);
    s.send("A", { ack: 1 });
    s.expect("A", { seq: 10_001, data: 1000 });
    s.nothing();
    s.send("A", { ack: 1 });
    s.expect("A", { seq: 11_001, data: 1000 });
    s.nothing();
  });

  scenario("what is no duplicate: with data, with another window, nothing under way (RFC 5681 §2)", (s) => {
    const connection = tenSent(s, false);
    for (let count = 0; count < 3; count++) s.send("A", { ack: 1, data: 10 });
    for (let count = 0; count < 3; count++) s.send("A", { ack: 1, window: 60_000 - count });
    s.send("A", { ack: 10_001 });
    s.take();
    expect(connection.info(s.now).retransmits).toBe(0);
  });

  scenario("a partial ACK resends the next hole, at once (RFC 6582 §3.2 step 3)", (s) => {
    const connection = tenSent(s, false);
    for (let count = 0; count < 3; count++) s.send("A", { ack: 1 });
    s.take();
    s.pass(RTT);
    s.send("A", { ack: 3001 });
    expect(s.take()[0]).toMatchObject({ seq: 3001, length: 1000 });
    s.pass(RTT);
    s.send("A", { ack: 7001 });
    expect(s.take()[0]).toMatchObject({ seq: 7001, length: 1000 });
    s.pass(RTT);
    s.send("A", { ack: 12_001 });
    expect(connection.info(s.now)).toMatchObject({ recovering: false, retransmits: 3, timeouts: 0 });
  });

  scenario("duplicates during recovery let new segments out (RFC 5681 §3.2 step 4)", (s) => {
    tenSent(s, false);
    for (let count = 0; count < 3; count++) s.send("A", { ack: 1 });
    s.take();
    const out: number[] = [];
    for (let count = 0; count < 6; count++) {
      s.send("A", { ack: 1 });
      out.push(...s.take().map((seen) => seen.seq));
    }
    // Nine of twelve have left the path: six fit in the halved window.
    expect(out.length).toBeGreaterThan(0);
    expect(out.every((seq) => seq >= 12_001)).toBe(true);
  });

  scenario("duplicates of a finished recovery begin no other (RFC 6582 §3.2 step 1)", (s) => {
    const connection = tenSent(s, false);
    for (let count = 0; count < 3; count++) s.send("A", { ack: 1 });
    s.take();
    s.pass(RTT);
    s.send("A", { ack: 12_001 });
    s.take();
    for (let count = 0; count < 5; count++) s.send("A", { ack: 12_001 });
    expect(s.take().every((seen) => seen.seq > 12_001)).toBe(true);
    expect(connection.info(s.now).retransmits).toBe(1);
  });

  scenario("after a timeout an ACK does not resend what is under way again", (s) => {
    const connection = tenSent(s, false);
    s.pass(SECOND);
    s.take();
    const before = connection.info(s.now).retransmits;
    const seen: number[] = [];
    // The peer had lost the whole window; it acknowledges segment by segment.
    for (let ack = 1001; ack <= 10_001; ack += 1000) {
      s.send("A", { ack });
      seen.push(...s.take().map((segment) => segment.seq));
    }
    expect(seen.filter((seq, index) => seen.indexOf(seq) !== index)).toEqual([]);
    expect(connection.info(s.now).retransmits - before).toBeLessThanOrEqual(9);
  });
});

describe("the congestion window", () => {
  scenario("doubles in a round of slow start (RFC 5681 §3.1)", (s) => {
    const connection = tenSent(s, true);
    for (let ack = 1001; ack <= 10_001; ack += 1000) s.send("A", { ack });
    expect(s.take().length).toBe(20);
    expect(connection.info(s.now).cwnd).toBe(20_000);
  });

  scenario("grows by one segment a round in congestion avoidance (RFC 5681 §3.1)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[1001, 10_001]] });
    s.take();
    s.pass(RTT);
    s.send("A", { ack: s.heard });
    const before = connection.info(s.now).cwnd;
    expect(connection.info(s.now).recovering).toBe(false);
    s.take();
    for (let round = 1; round <= 3; round++) {
      s.pass(RTT);
      const end = s.heard;
      for (let ack = connection.sending.una + 1001; ack <= end; ack += 1000) s.send("A", { ack });
    }
    expect(connection.info(s.now).cwnd - before).toBe(3000);
  });

  scenario("does not grow while the user sends less than it allows (RFC 7661)", (s) => {
    const connection = s.connect();
    s.pass(RTT);
    s.send("SA", { mss: 1000 });
    for (let round = 0; round < 50; round++) {
      s.write(connection, 1000);
      s.pass(RTT);
      s.send("A", { ack: s.heard });
    }
    expect(connection.info(s.now).cwnd).toBe(10_000);
  });

  scenario("goes back to the initial window after an idle timeout (RFC 5681 §4.1)", (s) => {
    const connection = tenSent(s, true);
    for (let round = 0; round < 3; round++) {
      const end = s.heard;
      for (let ack = connection.sending.una + 1001; ack <= end; ack += 1000) s.send("A", { ack });
      s.pass(RTT);
    }
    s.send("A", { ack: s.heard });
    s.take();
    expect(connection.info(s.now)).toMatchObject({ inFlight: 0, notSent: 0 });
    expect(connection.info(s.now).cwnd).toBeGreaterThan(20_000);
    s.pass(5 * SECOND);
    s.write(connection, 40_000);
    expect(s.take().length).toBe(10);
  });

  scenario(
    "keeps its window over idle time when slow start after idle is off",
    (s) => {
      const connection = tenSent(s, true);
      for (let ack = 1001; ack <= 10_001; ack += 1000) s.send("A", { ack });
      for (let round = 0, acked = 10_001; round < 2; round++) {
        s.pass(RTT);
        // Without pacing one ACK opens the window by eight segments at most (RFC 9406 §4.3).
        for (; acked < s.heard; acked = Math.min(acked + 8000, s.heard)) s.send("A", { ack: acked });
        s.send("A", { ack: s.heard });
      }
      s.take();
      const { cwnd } = connection.info(s.now);
      expect(cwnd).toBeGreaterThan(40_000);
      s.pass(5 * SECOND);
      s.write(connection, 100_000);
      expect(s.take().length).toBe(Math.floor(cwnd / 1000));
    },
    { tcp: { slowStartAfterIdle: false } },
  );

  scenario("falls to the halved flight, SACKed bytes counted (RFC 6675 §5, RFC 5681 equation 4)", (s) => {
    const connection = tenSent(s, true);
    s.send("A", { ack: 1, sack: [[5001, 10_001]] });
    expect(connection.info(s.now).ssthresh).toBe(5000);
  });
});
