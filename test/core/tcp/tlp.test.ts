// Tail loss probes, RFC 8985 §7: when they leave, what they carry, and what their answers mean.

import { describe, expect } from "vitest";
import { MILLISECOND, type Script, SECOND, scenario } from "./script.ts";

const RTT = 100 * MILLISECOND;
/** Two round trips and two ticks of the clock. */
const PTO = 202 * MILLISECOND;
const RTO = 300 * MILLISECOND;

/** An established connection with a round trip of 100 ms and segments of 1,000 bytes. */
function opened(s: Script, tcp = {}, sackOk = true) {
  const connection = s.connect(tcp);
  s.expect("S");
  s.pass(RTT);
  s.send("SA", { mss: 1000, sackOk });
  s.expect("A");
  s.mark();
  return connection;
}

/** Segments sent, all delivered but for the last, which goes again as a probe. */
function probed(s: Script) {
  const connection = opened(s);
  s.write(connection, 5000);
  s.pass(RTT);
  s.send("A", { ack: 4001 });
  s.take();
  s.pass(2 * RTT + 200 * MILLISECOND);
  s.expect("A", { seq: 4001, data: 1000 });
  s.nothing();
  expect(connection.info(s.now)).toMatchObject({ tailLossProbes: 1, timeouts: 0 });
  s.pass(RTT);
  return connection;
}

describe("a probe", () => {
  scenario(
    "leaves two round trips after the last sending, and the timer starts anew (RFC 8985 §7.2)",
    (s) => {
      const connection = opened(s);
      s.write(connection, 5000);
      s.take();
      s.pass(SECOND);
      s.expect("A", { seq: 4001, data: 1000, at: PTO });
      // One probe, not two: then it is the timer's turn.
      s.expect("A", { seq: 1, data: 1000, at: PTO + RTO });
      expect(connection.info(s.now)).toMatchObject({ tailLossProbes: 1, timeouts: 1 });
    },
  );

  scenario("of a lone segment allows for the peer's delayed ACK, but never more than the RTO (§7.2)", (s) => {
    const connection = opened(s);
    s.write(connection, 1000);
    s.take();
    s.pass(2 * RTT + 200 * MILLISECOND + 50 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000, at: RTO });
    s.nothing();
    expect(connection.info(s.now)).toMatchObject({ tailLossProbes: 1, timeouts: 0 });
  });

  scenario("of a lone segment comes 200 ms after two round trips when the RTO is longer (§7.2)", (s) => {
    const connection = opened(s, { minRto: SECOND });
    s.write(connection, 1000);
    s.take();
    s.pass(SECOND);
    s.expect("A", { seq: 1, data: 1000, at: 400 * MILLISECOND });
    s.nothing();
    expect(connection.info(s.now).tailLossProbes).toBe(1);
  });

  scenario("counts from the last sending, and from each ACK that advances (§7.2)", (s) => {
    const connection = opened(s, { minRto: SECOND });
    s.write(connection, 2000);
    s.pass(150 * MILLISECOND);
    s.write(connection, 1000);
    s.pass(150 * MILLISECOND);
    s.take();
    s.send("A", { ack: 1001 });
    s.pass(SECOND);
    const { srtt } = connection.roundTrip;
    s.expect("A", { seq: 2001, data: 1000, at: 300 * MILLISECOND + 2 * srtt + 2 * MILLISECOND });
  });

  scenario("waits 1 s while no round trip is known (§7.2)", (s) => {
    s.listen(16, { initialRto: 5 * SECOND });
    s.send("S", { seq: 0, sackOk: true });
    s.send("S", { seq: 0, sackOk: true });
    s.take();
    const [connection] = s.stack.connections();
    s.send("A", { seq: 1 });
    s.mark();
    s.write(connection, 500);
    s.take();
    s.pass(2 * SECOND);
    s.expect("A", { seq: 1, data: 500, at: SECOND });
  });

  scenario("carries new data when there is any, beyond the congestion window (§7.3)", (s) => {
    const connection = opened(s);
    s.write(connection, 60_000);
    expect(s.take().length).toBe(10);
    s.pass(PTO);
    s.expect("A", { seq: 10_001, data: 1000, at: PTO });
    s.nothing();
    expect(connection.info(s.now)).toMatchObject({ tailLossProbes: 1, retransmits: 0 });
  });

  scenario("carries the last segment again when the peer's window takes nothing new (§7.3)", (s) => {
    const connection = opened(s);
    s.send("A", { window: 3000 });
    s.write(connection, 60_000);
    expect(s.take().length).toBe(3);
    s.pass(PTO);
    s.expect("A", { seq: 2001, data: 1000, at: PTO });
  });

  scenario("may carry a FIN, new or old (§7.3)", (s) => {
    const connection = opened(s);
    s.write(connection, 2000);
    s.finish(connection);
    s.take();
    s.pass(PTO);
    s.expect("FA", { seq: 2001, data: 0 });
  });

  scenario("is answered by SACK, and RACK finds the whole tail lost, without a timeout (§7.4)", (s) => {
    const connection = opened(s);
    s.write(connection, 6000);
    s.pass(RTT);
    s.send("A", { ack: 3001 });
    s.take();
    s.pass(PTO);
    s.expect("A", { seq: 5001, data: 1000 });
    s.pass(RTT);
    s.send("A", { ack: 3001, sack: [[5001, 6001]] });
    s.pass(30 * MILLISECOND);
    s.expect("A", { seq: 3001, data: 1000 });
    s.pass(RTT);
    s.send("A", { ack: 4001, sack: [[5001, 6001]] });
    s.expect("A", { seq: 4001, data: 1000 });
    s.nothing();
    s.pass(RTT);
    s.send("A", { ack: 6001 });
    expect(connection.info(s.now)).toMatchObject({ timeouts: 0, retransmits: 3, recovering: false });
  });

  scenario("does not follow another one before a round trip was measured (§7.3)", (s) => {
    const connection = opened(s);
    s.write(connection, 100);
    s.take();
    s.pass(RTO);
    s.expect("A", { seq: 1, data: 100 });
    // Which of the two is answered nobody knows, so it measures nothing.
    s.send("A", { ack: 101, sack: [[1, 101]] });
    s.mark();
    s.write(connection, 3000);
    s.take();
    s.pass(RTO);
    s.expect("A", { seq: 101, data: 1000, at: RTO });
    expect(connection.info(s.now)).toMatchObject({ tailLossProbes: 1, timeouts: 1 });
  });

  for (const [why, tcp, sackOk] of [
    ["its option is off", { tailLossProbe: false }, true],
    ["the peer has no SACK (§7.2)", {}, false],
  ] as const) {
    scenario(`does not leave when ${why}`, (s) => {
      const connection = opened(s, tcp, sackOk);
      s.write(connection, 5000);
      s.take();
      s.pass(RTO);
      s.expect("A", { seq: 1, data: 1000, at: RTO });
      expect(connection.info(s.now).tailLossProbes).toBe(0);
    });
  }

  scenario("does not leave while something is SACKed: RACK has its own timer then (§7.2)", (s) => {
    const connection = opened(s);
    s.write(connection, 5000);
    s.pass(RTT);
    s.send("A", { ack: 1, sack: [[1001, 2001]] });
    s.take();
    s.pass(150 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000, at: RTT + 26 * MILLISECOND });
    expect(connection.info(s.now).tailLossProbes).toBe(0);
  });

  scenario("that cannot leave is dropped when an ACK comes", (s) => {
    const connection = opened(s);
    s.write(connection, 5000);
    s.take();
    s.room = 50;
    s.pass(PTO);
    s.send("A", { ack: 3001 });
    s.room = 70_000;
    s.pass(MILLISECOND);
    s.nothing();
    expect(connection.info(s.now)).toMatchObject({ tailLossProbes: 0, retransmits: 0 });
  });
});

describe("what a probe tells of congestion (RFC 8985 §7.4.2)", () => {
  scenario("the loss that it repaired shrinks the window once", (s) => {
    const connection = probed(s);
    s.send("A", { ack: 5001 });
    const before = connection.info(s.now);
    expect(before.ssthresh).toBe(Number.POSITIVE_INFINITY);
    s.write(connection, 4000);
    s.pass(RTT);
    s.send("A", { ack: 7001 });
    const after = connection.info(s.now);
    expect(after.cwnd).toBeLessThan(before.cwnd);
    expect(after).toMatchObject({ recovering: false, ssthresh: 2000, retransmits: 1 });
    s.send("A", { ack: 9001 });
    expect(connection.info(s.now).ssthresh).toBe(2000);
  });

  scenario("a DSACK says that nothing was lost (§7.4.2 case 1)", (s) => {
    const connection = probed(s);
    s.send("A", { ack: 5001, sack: [[4001, 5001]] });
    s.write(connection, 4000);
    s.pass(RTT);
    s.send("A", { ack: 9001 });
    expect(connection.info(s.now)).toMatchObject({
      ssthresh: Number.POSITIVE_INFINITY,
      duplicatesReported: 1,
      spuriousRecoveries: 0,
    });
  });

  scenario("so does a second ACK of the same, from a peer without DSACK (§7.4.2 case 2)", (s) => {
    const connection = probed(s);
    s.send("A", { ack: 5001 });
    s.send("A", { ack: 5001 });
    s.write(connection, 4000);
    s.pass(RTT);
    s.send("A", { ack: 9001 });
    expect(connection.info(s.now).ssthresh).toBe(Number.POSITIVE_INFINITY);
  });

  scenario("a probe with new data repairs nothing", (s) => {
    const connection = opened(s);
    s.write(connection, 60_000);
    s.pass(PTO);
    s.take();
    s.send("A", { ack: 11_001 });
    s.take();
    s.pass(RTT);
    s.send("A", { ack: s.heard });
    expect(connection.info(s.now)).toMatchObject({ ssthresh: Number.POSITIVE_INFINITY, tailLossProbes: 1 });
  });
});
