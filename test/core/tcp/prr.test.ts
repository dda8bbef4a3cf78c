// Proportional rate reduction, RFC 9937: alone, and in a connection.

import { describe, expect, it } from "vitest";
import { Prr } from "../../../src/core/tcp/prr.ts";
import { reduce } from "../../../src/core/tcp/recovery.ts";
import { MILLISECOND, type Script, scenario } from "./script.ts";

const RTT = 100 * MILLISECOND;

describe("Prr", () => {
  it("lets out the share of the threshold of what is delivered (§6.2, proportional)", () => {
    const prr = new Prr(7000, 10_000, 9000);
    let inFlight = 9000;
    let out = 0;
    for (let ack = 0; ack < 9 && inFlight > 7000; ack++) {
      inFlight -= 1000;
      prr.acknowledged(1000, inFlight, false, 1000);
      while (inFlight > 7000 && inFlight + 1000 <= prr.window) {
        inFlight += 1000;
        out += 1000;
        prr.sent(1000);
      }
    }
    // Seven of ten, whatever the rounding of single ACKs.
    expect(out).toBeLessThanOrEqual(7000);
    expect(inFlight).toBe(7000);
  });

  it("keeps credit of what was delivered and could not leave yet", () => {
    const prr = new Prr(5000, 10_000, 10_000);
    prr.acknowledged(1000, 9000, false, 1000);
    expect(prr.window).toBe(9500);
    prr.acknowledged(1000, 8000, false, 1000);
    expect(prr.window).toBe(9000);
    prr.sent(1000);
    prr.acknowledged(1000, 8000, false, 1000);
    expect(prr.window).toBe(8500);
  });

  it("below the threshold, sends what was delivered, no more (§6.2, conservation of packets)", () => {
    const prr = new Prr(5000, 10_000, 2000);
    prr.acknowledged(1000, 2000, false, 1000);
    expect(prr.window).toBe(3000);
  });

  it("below the threshold, a safe ACK lets one segment more out (§6.2, slow start reduction bound)", () => {
    const prr = new Prr(5000, 10_000, 2000);
    prr.acknowledged(1000, 2000, true, 1000);
    expect(prr.window).toBe(4000);
    prr.acknowledged(1000, 4500, true, 1000);
    // Up to the threshold and not beyond.
    expect(prr.window).toBe(5000);
  });

  it("an ACK that delivered nothing changes nothing", () => {
    const prr = new Prr(5000, 10_000, 9000);
    prr.acknowledged(0, 9000, true, 1000);
    expect(prr.window).toBe(9000);
  });
});

/** Twenty segments of 1,000 bytes under way, more queued. */
function twentySent(s: Script) {
  const connection = s.connect();
  s.expect("S");
  s.pass(RTT);
  s.send("SA", { mss: 1000, sackOk: true });
  s.take();
  s.write(connection, 100_000);
  s.pass(RTT);
  for (let ack = 1001; ack <= 10_001; ack += 1000) s.send("A", { ack });
  s.take();
  s.pass(RTT);
  expect(connection.info(s.now)).toMatchObject({ inFlight: 20_000, cwnd: 20_000 });
  return connection;
}

describe("a recovery", () => {
  scenario(
    "spreads what leaves over its round trip instead of falling silent for half of it (RFC 9937)",
    (s) => {
      const connection = twentySent(s);
      const first = connection.sending.una + 1;
      const left: number[] = [];
      for (let end = first + 2000; end <= first + 20_000 - 1000; end += 1000) {
        s.send("A", { ack: first, sack: [[first + 1000, end]] });
        left.push(s.take().length);
      }
      expect(connection.info(s.now)).toMatchObject({ recovering: true, ssthresh: expect.any(Number) });
      // The fast retransmit and then about every second ACK one; never three ACKs in a row without.
      const third = left.slice(3);
      expect(Math.max(...third)).toBe(1);
      for (let at = 0; at + 3 <= third.length; at++)
        expect(third[at] + third[at + 1] + third[at + 2]).toBeGreaterThan(0);
      const { ssthresh, inFlight } = connection.info(s.now);
      expect(Math.abs(inFlight - ssthresh)).toBeLessThanOrEqual(2000);
      // Its end is no burst.
      s.pass(RTT);
      s.send("A", { ack: first + 19_000 + 1000 });
      expect(s.take().length).toBeLessThanOrEqual(3);
    },
  );

  scenario("grows again as in slow start when more was lost than the threshold asks (RFC 9937 §6.2)", (s) => {
    const connection = twentySent(s);
    const first = connection.sending.una + 1;
    // Of twenty only the last four arrive.
    for (const end of [17_000, 18_000, 19_000, 20_000])
      s.send("A", { ack: first, sack: [[first + 16_000, first + end]] });
    const early = s.take().length;
    // What four ACKs allow.
    expect(early).toBeLessThanOrEqual(5);
    s.pass(RTT);
    s.send("A", { ack: first + 1000, sack: [[first + 16_000, first + 20_000]] });
    // Delivered one, safe: two leave.
    expect(s.take().length).toBe(2);
    expect(connection.info(s.now).timeouts).toBe(0);
  });

  scenario(
    "from congestion that ECN told of resends nothing and ends after a round trip (RFC 3168 §6.1.2)",
    (s) => {
      const connection = twentySent(s);
      const first = connection.sending.una + 1;
      reduce(connection, s.now, "congestion");
      expect(connection.info(s.now)).toMatchObject({ recovering: true, ssthresh: 10_000 });
      let left = 0;
      for (let ack = first + 1000; ack <= first + 20_000; ack += 1000) {
        s.send("A", { ack });
        const seen = s.take();
        expect(seen.every((segment) => segment.seq >= first + 20_000)).toBe(true);
        if (ack < first + 20_000) left += seen.length;
      }
      // Half of what was delivered.
      expect(left).toBeGreaterThanOrEqual(9);
      expect(left).toBeLessThanOrEqual(11);
      expect(connection.info(s.now)).toMatchObject({ recovering: false, retransmits: 0 });
    },
  );

  scenario("from loss in a round trip that ECN told of shrinks the window no more (RFC 3168 §6.1.2)", (s) => {
    const connection = twentySent(s);
    const first = connection.sending.una + 1;
    reduce(connection, s.now, "congestion");
    const { ssthresh } = connection.info(s.now);
    s.send("A", { ack: first, sack: [[first + 1000, first + 5000]] });
    expect(s.take()[0]).toMatchObject({ seq: first, length: 1000 });
    expect(connection.info(s.now).ssthresh).toBe(ssthresh);
    expect(connection.recovery).toBe("loss");
  });
});
