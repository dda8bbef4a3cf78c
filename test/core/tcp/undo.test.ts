// A loss that was none: Eifel (RFC 3522), DSACK (RFC 3708) and F-RTO (RFC 5682) find it, and what the sender did about it
// is taken back (RFC 4015).

import { describe, expect, it } from "vitest";
import type { Connection } from "../../../src/core/stack/index.ts";
import { reduce } from "../../../src/core/tcp/recovery.ts";
import { Undo } from "../../../src/core/tcp/undo.ts";
import { MILLISECOND, type Script, SECOND, scenario } from "./script.ts";

const RTT = 100 * MILLISECOND;

interface Opened {
  readonly connection: Connection;
  /** Our timestamp on what is under way. */
  readonly stamp: number;
}

/** Ten segments of 1,000 bytes have been under way for a round trip of 100 ms; more are queued. */
function tenSent(s: Script, options: { ts?: boolean; sackOk?: boolean; queued?: number } = {}): Opened {
  const { ts = false, sackOk = true, queued = 60_000 } = options;
  const connection = s.connect({ tailLossProbe: false });
  const begin = s.expect("S").ts?.[0] as number;
  s.pass(RTT);
  s.send("SA", { mss: ts ? 1012 : 1000, sackOk, ...(ts ? { ts: [1, begin] as const } : {}) });
  s.take();
  s.write(connection, queued);
  const stamp = s.take()[0].ts?.[0] ?? 0;
  s.pass(RTT);
  return { connection, stamp };
}

const before = { cwnd: 10_000, ssthresh: Number.POSITIVE_INFINITY };
/** The ACK that takes back also counts as any other: slow start goes on. */
const grown = { ...before, cwnd: 11_000 };

describe("a spurious timeout", () => {
  scenario("is seen by a timestamp from before the second sending (Eifel, RFC 3522 §3)", (s) => {
    const { connection, stamp } = tenSent(s, { ts: true });
    s.pass(250 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000 });
    expect(connection.info(s.now)).toMatchObject({ cwnd: 1012, timeouts: 1, inFlight: 1000 });
    s.send("A", { ack: 1001, ts: [2, stamp] });
    expect(connection.info(s.now)).toMatchObject({
      ...before,
      cwnd: 11_120,
      recovering: false,
      lost: 0,
      spuriousRecoveries: 1,
      retransmits: 1,
    });
    // Nothing of the flight goes again; new data follows the window, which this ACK has let grow.
    expect(s.take().map((seen) => seen.seq)).toEqual([10_001, 11_001]);
  });

  for (const sackOk of [true, false]) {
    scenario(
      `is not seen again and again by answers that come sooner because the path became shorter, SACK ${sackOk}`,
      (s) => {
        // Nothing new to send, so nothing measures the path anew; all but the first of the flight is lost, twice.
        const { connection } = tenSent(s, { sackOk, queued: 10_000 });
        s.send("A", { ack: 1001 });
        const timeout = (): number[] => {
          const { timeouts } = connection.info(s.now);
          while (connection.info(s.now).timeouts === timeouts) s.pass(10 * MILLISECOND);
          const seen = s.take();
          s.pass(4 * MILLISECOND);
          return seen.map(({ seq }) => seq);
        };
        expect(timeout()).toEqual([1001]);
        s.send("A", { ack: 2001 });
        expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 1, recovering: false });
        expect(timeout()).toEqual([2001]);
        s.send("A", { ack: 3001 });
        expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 1, recovering: true });
        // Slow start goes on with what the timer has found lost.
        expect(s.take().map((seen) => seen.seq)).toEqual([3001, 4001]);
      },
    );
  }

  scenario("is answered by a timeout that would have waited for it (RFC 4015 §3.2)", (s) => {
    const { connection, stamp } = tenSent(s, { ts: true });
    s.pass(250 * MILLISECOND);
    s.send("A", { ack: 1001, ts: [2, stamp] });
    // The round trip was 350 ms: SRTT is at least that, and four times half of it on top.
    expect(connection.info(s.now)).toMatchObject({ rtt: 350, backoffs: 0 });
    expect(connection.info(s.now).rto).toBeGreaterThanOrEqual(350 + 4 * 175);
  });

  scenario(
    "is seen by data that arrives though it was not sent again (F-RTO, RFC 5682 §3.1 step 3b)",
    (s) => {
      const { connection } = tenSent(s);
      s.pass(250 * MILLISECOND);
      s.expect("A", { seq: 1, data: 1000 });
      s.pass(RTT);
      s.send("A", { ack: 1001 });
      // Step 2b: new data, nothing old.
      expect(s.take().map((seen) => seen.seq)).toEqual([10_001, 11_001]);
      expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 0, recovering: true });
      s.send("A", { ack: 2001 });
      expect(connection.info(s.now)).toMatchObject({
        ...grown,
        recovering: false,
        spuriousRecoveries: 1,
        lost: 0,
      });
      s.send("A", { ack: 10_001 });
      s.take();
      s.pass(MILLISECOND);
      expect(connection.info(s.now)).toMatchObject({ retransmits: 1, timeouts: 1 });
    },
  );

  scenario("is seen by F-RTO without SACK too (RFC 5682 §2.1)", (s) => {
    const { connection } = tenSent(s, { sackOk: false });
    s.pass(250 * MILLISECOND);
    s.take();
    s.pass(RTT);
    s.send("A", { ack: 1001 });
    s.send("A", { ack: 2001 });
    expect(connection.info(s.now)).toMatchObject({
      ...grown,
      spuriousRecoveries: 1,
      lost: 0,
      retransmits: 1,
    });
  });

  scenario("that fired several times in a row is taken back whole", (s) => {
    const { connection } = tenSent(s);
    s.pass(SECOND);
    expect(s.take().map((seen) => seen.seq)).toEqual([1, 1]);
    expect(connection.info(s.now)).toMatchObject({ timeouts: 2, ssthresh: 5000 });
    s.pass(RTT);
    s.send("A", { ack: 1001 });
    s.send("A", { ack: 2001 });
    expect(connection.info(s.now)).toMatchObject({ ...grown, spuriousRecoveries: 1, retransmits: 2 });
  });

  scenario("is seen by DSACK of all that was sent again, after the fact (RFC 3708)", (s) => {
    const { connection } = tenSent(s, { queued: 10_000 });
    s.pass(250 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000 });
    // No new data: F-RTO cannot tell (step 2b), and conventional recovery resends.
    s.pass(RTT);
    s.send("A", { ack: 1001 });
    expect(s.take().map((seen) => seen.seq)).toEqual([1001, 2001]);
    s.send("A", { ack: 10_001 });
    expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 0, ssthresh: 5000 });
    s.send("A", { ack: 10_001, sack: [[1, 1001]] });
    expect(connection.info(s.now).spuriousRecoveries).toBe(0);
    s.send("A", { ack: 10_001, sack: [[1001, 3001]] });
    expect(connection.info(s.now)).toMatchObject({
      ...before,
      spuriousRecoveries: 1,
      duplicatesReported: 3,
      retransmits: 3,
    });
  });
});

describe("a timeout that was right", () => {
  scenario("stays: the ACK covers the whole flight (F-RTO step 2a)", (s) => {
    const { connection } = tenSent(s);
    s.pass(250 * MILLISECOND);
    s.take();
    s.pass(RTT);
    s.send("A", { ack: 10_001 });
    expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 0, ssthresh: 5000 });
  });

  scenario("stays: only the new data arrives, the old is SACKed around (F-RTO step 3a)", (s) => {
    const { connection } = tenSent(s);
    s.pass(250 * MILLISECOND);
    s.take();
    s.pass(RTT);
    s.send("A", { ack: 1001 });
    expect(s.take().map((seen) => seen.seq)).toEqual([10_001, 11_001]);
    s.pass(RTT);
    s.send("A", { ack: 1001, sack: [[10_001, 11_001]] });
    expect(s.take()[0]).toMatchObject({ seq: 1001, length: 1000 });
    for (let ack = 2001; ack < 10_001; ack += 1000) {
      s.pass(10 * MILLISECOND);
      s.send("A", { ack, sack: [[10_001, 12_001]] });
    }
    s.send("A", { ack: 12_001 });
    expect(connection.info(s.now)).toMatchObject({
      spuriousRecoveries: 0,
      timeouts: 1,
      retransmits: 10,
      ssthresh: 5000,
    });
  });

  scenario("stays: the timestamp is that of the second sending", (s) => {
    const { connection } = tenSent(s, { ts: true });
    s.pass(250 * MILLISECOND);
    const stamp = s.take()[0].ts?.[0] as number;
    s.pass(RTT);
    s.send("A", { ack: 1001, ts: [2, stamp] });
    expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 0, ssthresh: 5000 });
  });

  scenario("stays when the peer has taken back its SACK (RFC 2018 §8)", (s) => {
    const { connection } = tenSent(s, { queued: 10_000 });
    s.send("A", { ack: 1, sack: [[1001, 10_001]] });
    s.pass(RTT);
    s.send("A", { ack: 1001 });
    s.pass(SECOND);
    const sent = s.take().length;
    s.send("A", { ack: 10_001, sack: [[1, 1001]] });
    expect(sent).toBeGreaterThan(1);
    expect(connection.info(s.now).spuriousRecoveries).toBe(0);
  });
});

describe("a spurious fast retransmit", () => {
  scenario("is seen by a timestamp from before it (Eifel, RFC 3522 §3)", (s) => {
    const { connection, stamp } = tenSent(s, { ts: true });
    s.send("A", { ack: 1, sack: [[1001, 4001]], ts: [2, stamp] });
    s.expect("A", { seq: 1, data: 1000 });
    expect(connection.info(s.now)).toMatchObject({ recovering: true, ssthresh: 5000 });
    s.pass(5 * MILLISECOND);
    // The first sending arrives. The second one is acknowledged by that too: nothing is unanswered.
    s.send("A", { ack: 4001, ts: [3, stamp] });
    expect(connection.info(s.now)).toMatchObject({
      ...before,
      cwnd: 14_120,
      recovering: false,
      spuriousRecoveries: 1,
    });
    // And it was reordering: three SACKed segments are no proof from now on.
    expect(connection.info(s.now).reordering).toBe(1);
    s.take();
    s.send("A", { ack: 4001, sack: [[5001, 9001]], ts: [4, stamp] });
    expect(s.take().every((seen) => seen.seq > 10_000)).toBe(true);
  });

  scenario("is seen by a DSACK, without timestamps (RFC 3708)", (s) => {
    const { connection } = tenSent(s);
    s.send("A", { ack: 1, sack: [[1001, 4001]] });
    expect(s.take()[0].seq).toBe(1);
    s.pass(RTT);
    s.send("A", { ack: 10_001 });
    expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 0, ssthresh: 5000 });
    s.send("A", { ack: 10_001, sack: [[1, 1001]] });
    expect(connection.info(s.now)).toMatchObject({ ...before, spuriousRecoveries: 1, recovering: false });
  });

  scenario(
    "is seen by an answer sooner than any round trip, without timestamps (RFC 8985 §6.2 step 2)",
    (s) => {
      const { connection } = tenSent(s);
      s.send("A", { ack: 1, sack: [[1001, 4001]] });
      expect(s.take()[0].seq).toBe(1);
      s.pass(5 * MILLISECOND);
      s.send("A", { ack: 4001 });
      expect(connection.info(s.now)).toMatchObject({
        ...before,
        cwnd: 14_000,
        spuriousRecoveries: 1,
        reordering: 1,
        recovering: false,
      });
    },
  );

  scenario("is not taken back as long as another hole may be real", (s) => {
    const { connection, stamp } = tenSent(s, { ts: true });
    s.send("A", {
      ack: 1,
      sack: [
        [5001, 8001],
        [1001, 4001],
      ],
      ts: [2, stamp],
    });
    s.pass(RTT / 2);
    s.send("A", {
      ack: 1,
      sack: [
        [8001, 10_001],
        [5001, 8001],
        [1001, 4001],
      ],
      ts: [2, stamp],
    });
    expect(
      s
        .take()
        .filter((seen) => seen.seq < 10_000)
        .map((seen) => seen.seq),
    ).toEqual([1, 4001]);
    s.send("A", { ack: 4001, sack: [[5001, 10_001]], ts: [3, stamp] });
    expect(connection.info(s.now)).toMatchObject({ recovering: true, spuriousRecoveries: 0, ssthresh: 5000 });
  });

  scenario("is not taken back by a duplicate of something else, nor when only part came twice", (s) => {
    const { connection } = tenSent(s);
    s.send("A", {
      ack: 1,
      sack: [
        [5001, 8001],
        [1001, 4001],
      ],
    });
    s.pass(RTT / 2);
    s.send("A", {
      ack: 1,
      sack: [
        [8001, 10_001],
        [5001, 8001],
        [1001, 4001],
      ],
    });
    s.take();
    s.pass(RTT);
    s.send("A", { ack: 10_001 });
    s.send("A", { ack: 10_001, sack: [[1, 1001]] });
    expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 0, ssthresh: 5000 });
    // The path made copies: more came twice than was sent twice.
    for (let copy = 0; copy < 3; copy++) s.send("A", { ack: 10_001, sack: [[2001, 3001]] });
    expect(connection.info(s.now).duplicatesReported).toBe(4);
  });
});

describe("Undo", () => {
  it("counts a byte once that was known to be a duplicate before its DSACK came", () => {
    const undo = new Undo(0, 0);
    expect(undo.allDuplicates).toBe(false);
    undo.resent(1000, -1);
    undo.arrivedEarly(1000, 1000);
    expect(undo.allDuplicates).toBe(true);
    undo.resent(1000, -1);
    undo.duplicate(1000, 1000);
    expect(undo.allDuplicates).toBe(false);
    undo.duplicate(2000, 1000);
    expect(undo.allDuplicates).toBe(true);
  });

  it("counts what was under way again when it began, and nothing from before", () => {
    const undo = new Undo(5000, 2000);
    undo.duplicate(5000, 1000);
    undo.duplicate(6000, 1000);
    expect(undo.allDuplicates).toBe(false);
    undo.duplicate(7000, 1000);
    expect(undo.allDuplicates).toBe(true);
  });
});

describe("what ECN told of", () => {
  scenario("is true whatever becomes of what is resent in that round trip (RFC 3168 §6.1.2)", (s) => {
    const { connection } = tenSent(s);
    reduce(connection, s.now, "congestion");
    s.send("A", { ack: 1, sack: [[1001, 4001]] });
    expect(s.take()[0].seq).toBe(1);
    s.pass(RTT);
    s.send("A", { ack: 4001 });
    s.send("A", { ack: 4001, sack: [[1, 1001]] });
    expect(connection.info(s.now)).toMatchObject({ spuriousRecoveries: 0, ssthresh: 5000 });
  });
});
