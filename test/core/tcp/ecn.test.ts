// Explicit congestion notification, RFC 3168 §6.1: who agrees to it, what is marked, what is echoed, what follows.

import { describe, expect } from "vitest";
import type { Connection } from "../../../src/core/stack/index.ts";
import { MILLISECOND, type Script, SECOND, scenario } from "./script.ts";

const RTT = 100 * MILLISECOND;
const [ECT0, CE] = [2, 3];
const on = { tcp: { ecn: "on" } } as const;

const agreed = (s: Script, connection: Connection): boolean => connection.info(s.now).options.ecn;

/** An established connection that has ECN, with ten segments of 1,000 bytes under way. */
function tenSent(s: Script): Connection {
  const connection = s.connect();
  s.expect("SEW");
  s.pass(RTT);
  s.send("SAE", { mss: 1000, sackOk: true });
  s.expect("A");
  s.write(connection, 60_000);
  expect(s.take().map((seen) => seen.ecn)).toEqual(Array.from({ length: 10 }, () => ECT0));
  s.pass(RTT);
  return connection;
}

/** Takes what left, which is data without CWR, and gives its count. */
function plainData(s: Script): number {
  const left = s.take();
  for (const seen of left) expect([seen.flags.replace("P", ""), seen.ecn]).toEqual(["A", ECT0]);
  return left.length;
}

describe("the agreement on ECN", () => {
  scenario(
    "a SYN offers it by ECE and CWR, a SYN-ACK agrees by ECE (§6.1.1), and neither is marked as capable",
    (s) => {
      const connection = s.connect();
      s.expect("SEW", { ecn: 0 });
      s.send("SAE", { mss: 1000 });
      s.expect("A", { ecn: 0 });
      expect(agreed(s, connection)).toBe(true);
    },
    on,
  );

  for (const flags of ["SA", "SAW", "SAEW"]) {
    scenario(
      `a SYN-ACK with the flags ${flags} does not agree (§6.1.1)`,
      (s) => {
        const connection = s.connect();
        s.expect("SEW");
        s.send(flags, { mss: 1000 });
        s.expect("A");
        s.write(connection, 500);
        s.expect("A", { data: 500, ecn: 0 });
        expect(agreed(s, connection)).toBe(false);
      },
      on,
    );
  }

  scenario("passive: no SYN offers it", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.send("SAE", { mss: 1000 });
    s.expect("A");
    expect(agreed(s, connection)).toBe(false);
  });

  scenario("passive: a peer's offer is agreed to", (s) => {
    const listener = s.listen();
    s.send("SEW", { mss: 1000 });
    s.expect("SAE", { ecn: 0 });
    s.send("A");
    expect(agreed(s, listener.accept() as Connection)).toBe(true);
  });

  scenario(
    "off: a peer's offer is not taken",
    (s) => {
      s.listen();
      s.send("SEW", { mss: 1000 });
      s.expect("SA");
    },
    { tcp: { ecn: "off" } },
  );

  scenario("an offer in a packet that is itself marked as capable is not taken (§6.1.1)", (s) => {
    s.listen();
    s.send("SEW", { mss: 1000, ecn: ECT0 });
    s.expect("SA");
  });

  scenario(
    "a SYN that goes again offers nothing, and an agreement that comes late is not one (§6.1.1.1)",
    (s) => {
      const connection = s.connect();
      s.expect("SEW");
      s.pass(SECOND);
      s.expect("S");
      s.send("SAE", { mss: 1000 });
      s.expect("A");
      expect(agreed(s, connection)).toBe(false);
    },
    on,
  );

  scenario("a peer whose SYN comes again without the offer has given up on it (§6.1.1.1)", (s) => {
    const listener = s.listen();
    s.send("SEW", { mss: 1000 });
    s.expect("SAE");
    s.send("S", { seq: 0, mss: 1000 });
    s.expect("SA");
    s.send("A");
    expect(agreed(s, listener.accept() as Connection)).toBe(false);
  });

  scenario(
    "none on a reliable route",
    (s) => {
      s.connect();
      s.expect("S");
    },
    { route: { reliable: true }, ...on },
  );
});

describe("the receiver", () => {
  function receiver(s: Script): Connection {
    const listener = s.listen();
    s.send("SEW", { mss: 1000 });
    s.expect("SAE");
    s.send("A");
    return listener.accept() as Connection;
  }

  scenario("echoes a mark in every segment until CWR comes (§6.1.3)", (s) => {
    const connection = receiver(s);
    s.send("A", { data: 100, ecn: CE });
    s.expect("AE", { ack: 101, ecn: 0 });
    s.send("A", { data: 100, ecn: ECT0 });
    s.expect("AE", { ack: 201 });
    s.write(connection, 300);
    s.expect("AE", { data: 300, ecn: ECT0 });
    s.send("AW", { data: 100, ecn: ECT0 });
    s.expect("A", { ack: 301 });
  });

  scenario("a mark on the very segment that says CWR begins anew (§6.1.3)", (s) => {
    receiver(s);
    s.send("A", { data: 100, ecn: CE });
    s.expect("AE");
    s.send("AW", { data: 100, ecn: CE });
    s.expect("AE", { ack: 201 });
  });

  scenario("a mark on bytes outside the window says nothing (§6.1.5)", (s) => {
    receiver(s);
    s.send("A", { data: 100 });
    s.expect("A");
    s.send("A", { seq: 1, data: 100, ecn: CE });
    s.expect("A", { ack: 101 });
  });

  scenario("a mark without an agreement says nothing", (s) => {
    s.accepted();
    s.send("A", { data: 100, ecn: CE });
    s.expect("A", { ack: 101 });
  });
});

describe("the sender", () => {
  scenario(
    "an echo reduces the window once per round trip, and the next new data says CWR (§6.1.2)",
    (s) => {
      const connection = tenSent(s);
      s.send("AE", { ack: 1001 });
      expect(connection.info(s.now)).toMatchObject({ ssthresh: 4500, retransmits: 0 });
      for (let ack = 2001; ack <= 9001; ack += 1000) s.send("AE", { ack });
      expect(connection.info(s.now).ssthresh).toBe(4500);
      const left = s.take();
      expect(left.map((seen) => seen.flags.replace("P", ""))).toEqual([
        "AW",
        ...Array.from({ length: left.length - 1 }, () => "A"),
      ]);
      expect(left.every((seen) => seen.ecn === ECT0)).toBe(true);
      // The echo goes on up to the segment with CWR: that much is answered.
      s.pass(RTT);
      s.send("AE", { ack: left[0].seq });
      expect(connection.info(s.now)).toMatchObject({ ssthresh: 4500, recovering: false });
      s.send("A", { ack: left[0].seq + 1000 });
      expect(connection.info(s.now).cwnd).toBeGreaterThanOrEqual(4500);
      plainData(s);
      // And later it may speak of something new.
      s.send("AE", { ack: left[1].seq + 1000 });
      expect(connection.info(s.now)).toMatchObject({ recovering: true });
      expect(connection.info(s.now).ssthresh).toBeLessThan(4500);
    },
    on,
  );

  scenario(
    "what goes again is not marked as capable (§6.1.5), nor is a zero-window probe (§6.1.6)",
    (s) => {
      const connection = tenSent(s);
      s.send("A", { ack: 1, sack: [[1001, 6001]] });
      const again = s.take().find((seen) => seen.seq === 1);
      expect(again).toMatchObject({ ecn: 0, length: 1000 });
      s.send("A", { ack: s.heard, window: 0 });
      s.take();
      expect(connection.info(s.now).notSent).toBeGreaterThan(0);
      s.pass(SECOND);
      const probe = s.take()[0];
      expect([probe.length, probe.ecn]).toEqual([1, 0]);
    },
    on,
  );

  scenario(
    "a loss in the round trip that an echo told of reduces nothing more (§6.1.2)",
    (s) => {
      const connection = tenSent(s);
      s.send("AE", { ack: 1001 });
      const { ssthresh } = connection.info(s.now);
      s.send("AE", { ack: 1001, sack: [[2001, 6001]] });
      expect(connection.info(s.now)).toMatchObject({ recovering: true, retransmits: 1, ssthresh });
    },
    on,
  );

  scenario(
    "after a loss it says CWR too: a peer that echoes may stop (§6.1.2)",
    (s) => {
      tenSent(s);
      s.send("A", { ack: 1, sack: [[1001, 6001]] });
      s.take();
      s.send("A", { ack: 10_001 });
      const fresh = s.take().filter((seen) => seen.seq >= 10_001);
      expect(fresh[0].flags).toContain("W");
      for (const seen of fresh.slice(1)) expect(seen.flags).not.toContain("W");
    },
    on,
  );

  scenario(
    "an echo that was not agreed on reduces nothing",
    (s) => {
      const connection = s.connect();
      s.expect("S");
      s.send("SA", { mss: 1000 });
      s.write(connection, 10_000);
      s.pass(RTT);
      s.send("AE", { ack: 1001 });
      expect(connection.info(s.now).ssthresh).toBe(Number.POSITIVE_INFINITY);
    },
    { tcp: { ecn: "passive" } },
  );

  scenario(
    "BBR, which an echo would not slow down, marks nothing as capable",
    (s) => {
      const connection = s.connect();
      s.expect("SEW");
      s.send("SAE", { mss: 1000 });
      s.expect("A");
      s.write(connection, 500);
      s.expect("A", { data: 500, ecn: 0 });
    },
    { tcp: { ecn: "on", congestionControl: "bbr" } },
  );
});
