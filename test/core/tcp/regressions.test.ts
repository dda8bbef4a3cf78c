// Bugs that other stacks had, each with a test here (the list: facts of this project on TCP stacks, §4.2).
// Elsewhere: 20 in undo.test.ts, 22 in cubic.test.ts (no reduction by an ACK, fractions of growth, no jump after idle),
// 23 in hystart.test.ts (a round trip is measured by arrivals), 24 in bbr.test.ts (its window is its own to restore).

import { describe, expect, it } from "vitest";
import { type Connection, Stack } from "../../../src/core/stack/index.ts";
import { Event, Pair, pattern, readAll, sameBytes, seeded, transfer } from "../stack/pair.ts";
import { MILLISECOND, MINUTE, Script, SECOND, scenario } from "./script.ts";

describe("zero window and windows", () => {
  for (const chunk of [1, 100, 700, 5000, 1 << 20]) {
    scenario(
      `bug 1: a reader who drains in steps of ${chunk} is told to the peer on every ACK path (smoltcp #199)`,
      (s) => {
        const connection = s.accepted({}, { receiveBuffer: 8000, windowScaling: false, quickAcks: 0 });
        for (let count = 0; count < 8; count++) s.send("A", { data: 1000 });
        s.pass(SECOND);
        expect(s.take().pop()?.window).toBe(0);
        while (connection.available > 0) s.read(connection, chunk);
        const updates = s.take();
        // The peer knows of at least half the buffer.
        expect(updates[updates.length - 1].window).toBeGreaterThanOrEqual(4000);
      },
    );
  }

  it("bug 2: a lost window update is no deadlock: the closed window is probed (smoltcp PR 1026, loliOS #34)", () => {
    const pair = new Pair({ b: { tcp: { receiveBuffer: 4000, windowScaling: false } } });
    const [client, server] = pair.connected();
    client.send(pair.now, pattern(20_000));
    pair.runFor(SECOND);
    expect(server.available).toBe(4000);
    // Every window update is lost for a while.
    pair.filter = (flight) => flight.from !== "b";
    const received = [...readAll(pair, server)];
    pair.flush();
    pair.filter = () => true;
    pair.drive(() => {
      received.push(...readAll(pair, server));
      return received.length === 20_000;
    });
    expect(sameBytes(Uint8Array.from(received), pattern(20_000))).toBe(true);
  });

  scenario("bug 3: a zero-window probe carries one octet of new data (gvisor #10243)", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 100);
    s.pass(10 * SECOND);
    const probes = s.take();
    expect(probes.length).toBeGreaterThan(3);
    for (const probe of probes) expect([probe.seq, probe.length]).toEqual([1, 1]);
  });

  scenario(
    "bug 4: a small window is used although the next segment is larger: it is split (libvma PR 459)",
    (s) => {
      const connection = s.accepted({ mss: 1460, window: 5000 });
      s.write(connection, 5000);
      s.take();
      // Not zero, so no probe; smaller than a segment; and the update after it was lost.
      s.send("A", { ack: 5001, window: 700 });
      s.write(connection, 1460);
      s.nothing();
      s.pass(SECOND);
      s.expect("A", { seq: 5001, data: 700 });
    },
  );

  scenario(
    "bug 5: a window that shrinks does not leave the sender paced by its timer (gvisor #10312)",
    (s) => {
      const connection = s.accepted({ mss: 1000, window: 10_000 });
      s.write(connection, 40_000);
      expect(s.take().length).toBe(10);
      s.send("A", { ack: 1001, window: 3000 });
      s.send("A", { ack: 10_001, window: 0 });
      s.nothing();
      for (let round = 0; round < 3; round++) {
        const ack = s.heard;
        s.mark();
        s.send("A", { ack, window: 5000 });
        // At once, a window of them, new data all.
        expect(s.take().map((seen) => [seen.seq - ack, seen.length])).toEqual([
          [0, 1000],
          [1000, 1000],
          [2000, 1000],
          [3000, 1000],
          [4000, 1000],
        ]);
        s.send("A", { ack: s.heard, window: 0 });
      }
      expect(connection.info(s.now)).toMatchObject({ retransmits: 0, timeouts: 0 });
    },
  );

  it("bug 6: two peers with closed windows do not acknowledge each other for ever (esp-idf #2425)", () => {
    const small = { tcp: { receiveBuffer: 2000, windowScaling: false } };
    const pair = new Pair({ a: small, b: small });
    const [client, server] = pair.connected();
    client.send(pair.now, pattern(10_000));
    server.send(pair.now, pattern(10_000));
    pair.runFor(SECOND);
    expect([client.available, server.available]).toEqual([2000, 2000]);
    const before = pair.log.length;
    pair.runFor(10 * MINUTE);
    // Probes back off to one in two minutes, each is answered by one ACK.
    expect(pair.log.length - before).toBeLessThan(80);
    expect([client.state, server.state]).toEqual(["ESTABLISHED", "ESTABLISHED"]);
  });

  for (const receiveBuffer of [800, 1460, 2000, 2919, 3000, 6000]) {
    it(`bug 7: silly-window avoidance is no cliff with a receive buffer of ${receiveBuffer} (gvisor #1398)`, () => {
      const pair = new Pair({ b: { tcp: { receiveBuffer, windowScaling: false } } });
      const [client, server] = pair.connected();
      const start = pair.now;
      const total = 100_000;
      expect(sameBytes(transfer(pair, client, server, total), pattern(total))).toBe(true);
      const rounds = (pair.now - start) / (2 * pair.latency);
      // A window a round trip, and never the override timer of the sender (which takes five).
      expect(rounds).toBeLessThan((total / receiveBuffer) * 2.2 + 5);
    });
  }

  it("bug 7: a reader of crumbs does not make the sender send crumbs (smoltcp #518)", () => {
    const pair = new Pair({ b: { tcp: { receiveBuffer: 16_000, windowScaling: false } } });
    const [client, server] = pair.connected();
    let got = 0;
    let sent = 0;
    const sizes: number[] = [];
    pair.filter = (flight, packet) => {
      const length = packet.tcp.dataEnd - packet.tcp.dataStart;
      if (flight.from === "a" && length > 0) sizes.push(length);
      return true;
    };
    pair.drive(() => {
      if (sent < 200_000) sent += client.send(pair.now, pattern(200_000 - sent));
      for (let count = 0; count < 40; count++) got += server.receive(pair.now, 63)?.length ?? 0;
      return got >= 200_000;
    });
    const small = sizes.filter((size) => size < 1400).length;
    expect(small / sizes.length).toBeLessThan(0.1);
  });

  scenario(
    "bug 8: a window of 128 KiB without scaling is 65,535, not 0 (mtcp #43)",
    (s) => {
      s.accepted();
      s.send("A", { data: 10 });
      expect(s.expect("A", { ack: 11 }).window).toBeGreaterThan(65_000);
    },
    { tcp: { receiveBuffer: 128 << 10 } },
  );

  scenario(
    "bug 9: a probe that finds no room is not forgotten, nor is its timer (libudx PR 295, zephyr PR 102118)",
    (s) => {
      const connection = s.accepted({ window: 0 });
      s.write(connection, 100);
      s.room = 40;
      s.pass(SECOND);
      s.nothing();
      expect(s.stack.nextDeadline()).toBeLessThan(Number.POSITIVE_INFINITY);
      s.room = 70_000;
      s.pass(MINUTE);
      expect(s.take().every((seen) => seen.length === 1)).toBe(true);
      expect(connection.state).toBe("ESTABLISHED");
    },
  );

  for (const kind of ["data", "FIN", "probe", "SYN-ACK"] as const) {
    scenario(`bug 10: a ${kind} that nobody answers ends the connection (netxduo PR 410)`, (s) => {
      let connection: Connection;
      if (kind === "SYN-ACK") {
        s.listen();
        s.send("S");
        [connection] = s.stack.connections();
      } else {
        connection = s.accepted(kind === "probe" ? { window: 0 } : {});
        if (kind === "FIN") s.finish(connection);
        else s.write(connection, 100);
      }
      s.pass(120 * MINUTE);
      expect([connection.state, connection.error?.code]).toEqual(["CLOSED", "ETIMEDOUT"]);
      expect([s.stack.connectionCount, s.stack.memoryUsed]).toEqual([0, 0]);
      s.take();
      s.pass(120 * MINUTE);
      s.nothing();
    });
  }
});

describe("the retransmission timer", () => {
  scenario(
    "bug 11: backoff outlives the resend, ends with a good ACK, and no sample is negative (smoltcp PR 1023, picoTCP #69, nuttx PR 15118)",
    (s) => {
      const connection = s.connect();
      s.pass(50 * MILLISECOND);
      s.send("SA", { mss: 1000 });
      s.take();
      for (let round = 0; round < 3; round++) {
        s.write(connection, 100);
        s.pass(3 * SECOND);
        expect(connection.info(s.now).backoffs).toBeGreaterThan(1);
        const { rtt } = connection.info(s.now);
        // An ACK at once after a resend: not a round trip of nothing, nor less.
        s.send("A", { ack: s.heard });
        expect(connection.info(s.now)).toMatchObject({ rtt });
        expect(connection.info(s.now).backoffs).toBeGreaterThan(1);
        s.write(connection, 100);
        s.pass(50 * MILLISECOND);
        s.send("A", { ack: s.heard });
        expect(connection.info(s.now).backoffs).toBe(0);
        expect(connection.info(s.now).rtt).toBeGreaterThan(0);
      }
    },
  );

  scenario(
    "bug 12: the timer fires though ACKs of nothing new keep coming, and new ones restart it (smoltcp #62, PR 1018)",
    (s) => {
      const connection = s.accepted({ mss: 1000 });
      s.write(connection, 2000);
      s.take();
      s.mark();
      for (let count = 0; count < 50; count++) {
        s.pass(10 * MILLISECOND);
        s.send("A", { ack: 1, data: 1 });
      }
      expect(s.take().some((seen) => seen.seq === 1 && seen.length === 1000)).toBe(true);
      expect(connection.info(s.now).timeouts).toBeGreaterThan(0);
    },
  );

  scenario(
    "bug 13: nobody answers, and what leaves grows with the logarithm of time (freenet PR 2349)",
    (s) => {
      const connection = s.accepted({ mss: 1000 });
      s.write(connection, 20_000);
      expect(s.take().length).toBe(10);
      s.pass(100 * SECOND);
      expect(s.take().length).toBeLessThan(10);
      expect(connection.state).toBe("ESTABLISHED");
    },
  );

  it("bug 14: a path of 180 ms with delayed ACKs has no spurious timeout (clawpatrol PR 147)", () => {
    const pair = new Pair({ latency: 90_000, b: { tcp: { quickAcks: 0 } } });
    const [client, server] = pair.connected();
    for (let count = 0; count < 200; count++) {
      client.send(pair.now, pattern(100));
      pair.runFor(500_000);
      readAll(pair, server);
    }
    expect(client.info(pair.now)).toMatchObject({ timeouts: 0, retransmits: 0 });
  });

  scenario(
    "bug 15: an ACK counts from its arrival, not from when a late loop looks at it (gvisor PR 13394)",
    (s) => {
      const connection = s.connect();
      s.pass(100 * MILLISECOND);
      s.send("SA", { mss: 1000, sackOk: true });
      s.take();
      s.write(connection, 5000);
      s.take();
      // The loop stands still for 2 s; the ACK arrived after 100 ms, and is read before timers are looked at.
      const arrival = s.now + 100 * MILLISECOND;
      const bytes = s.build("A", { ack: 5001 });
      s.now += 2 * SECOND;
      s.stack.input(arrival, bytes, 0, bytes.length, 1);
      s.stack.timeout(s.now);
      s.flush();
      s.nothing();
      expect(connection.info(s.now)).toMatchObject({ rtt: 100, timeouts: 0, retransmits: 0 });
    },
  );

  scenario(
    "bug 15: a coarse clock gives samples of a tick, not of nothing, and no loss (gvisor PR 14492)",
    (s) => {
      const connection = s.accepted({ mss: 1000, sackOk: true });
      for (let round = 0; round < 20; round++) {
        s.write(connection, 2000);
        s.send("A", { ack: s.heard - 2000, sack: [[s.heard - 1000, s.heard]] });
        s.send("A", { ack: s.heard });
      }
      s.take();
      const info = connection.info(s.now);
      expect(info).toMatchObject({ retransmits: 0 });
      expect(info.rtt).toBeGreaterThan(0);
      expect(info.rto).toBeGreaterThanOrEqual(200);
    },
  );

  scenario(
    "bug 15: timers of a loop that stood still ask once, and conclude nothing (gvisor rack.go)",
    (s) => {
      const connection = s.connect();
      s.expect("S");
      s.pass(100 * MILLISECOND);
      s.send("SA", { mss: 1000, sackOk: true });
      s.expect("A");
      s.write(connection, 5000);
      s.take();
      // The probe, the timeout and ten more of them were due.
      s.stall(10 * MINUTE);
      s.expect("A", { seq: 4001, data: 1000 });
      s.nothing();
      expect(connection.info(s.now)).toMatchObject({ tailLossProbes: 1, timeouts: 0, lost: 0, cwnd: 10_000 });
      s.send("A", { ack: 5001, sack: [[4001, 5001]] });
      expect(connection.info(s.now)).toMatchObject({ ssthresh: Number.POSITIVE_INFINITY, inFlight: 0 });
    },
  );

  scenario("bug 16: after a timeout one segment leaves, not the window (libudx PR 310)", (s) => {
    const connection = s.accepted({ mss: 1000, scale: 4 });
    s.write(connection, 400_000);
    for (let round = 0; round < 3; round++) {
      const end = s.heard;
      for (let ack = connection.sending.una + 1001; ack <= end; ack += 1000) s.send("A", { ack });
    }
    expect(connection.info(s.now).inFlight).toBeGreaterThan(20_000);
    s.take();
    s.mark();
    s.pass(250 * MILLISECOND);
    expect(s.take().length).toBe(1);
  });
});

describe("recovery", () => {
  scenario(
    "bug 17: what found no room was not sent: commit after emit (coder #13108, clawpatrol PR 147)",
    (s) => {
      const connection = s.accepted({ mss: 1000, sackOk: true, ts: [1] });
      s.room = 50;
      s.write(connection, 3000);
      s.finish(connection);
      s.nothing();
      expect(connection.info(s.now)).toMatchObject({ inFlight: 0, bytesSent: 0, unacknowledged: 0 });
      s.pass(MINUTE);
      expect(connection.info(s.now)).toMatchObject({ timeouts: 0, cwnd: 10_000 });
      s.room = 70_000;
      s.stack.linkDied(s.now, 9);
      s.flush();
      expect(s.take().reduce((sum, seen) => sum + seen.length, 0)).toBe(3000);
      // And a resend that finds no room is still to be sent.
      s.room = 50;
      s.pass(SECOND);
      s.nothing();
      s.room = 70_000;
      s.send("A", { ack: 1, ts: [1] });
      expect(s.take()[0]).toMatchObject({ seq: 1, length: 988 });
    },
  );

  scenario("bug 18: duplicates without end neither overflow nor resend without end (smoltcp #224)", (s) => {
    const connection = s.accepted({ mss: 1000 });
    s.write(connection, 5000);
    s.take();
    for (let count = 0; count < 1000; count++) s.send("A", { ack: 1 });
    expect(s.take().filter((seen) => seen.seq === 1).length).toBe(1);
    s.send("A", { ack: 5001 });
    s.write(connection, 5000);
    s.take();
    // The next hole is found again.
    s.send("A", { ack: 6001 });
    for (let count = 0; count < 3; count++) s.send("A", { ack: 6001 });
    expect(s.take().filter((seen) => seen.seq === 6001).length).toBe(1);
  });

  scenario(
    "bug 18: a segment resent by the timer is not resent again for the duplicates it brings (inet #78)",
    (s) => {
      const connection = s.accepted({ mss: 1000, sackOk: true }, { tailLossProbe: false });
      s.write(connection, 5000);
      s.take();
      s.pass(250 * MILLISECOND);
      s.expect("A", { seq: 1, data: 1000 });
      // All had arrived: the first ACKs were lost. The resent one is reported as a duplicate (RFC 2883).
      s.send("A", { ack: 5001, sack: [[1, 1001]] });
      for (let count = 0; count < 4; count++) s.send("A", { ack: 5001, sack: [[1, 1001]] });
      s.pass(10 * SECOND);
      s.nothing();
      expect(connection.info(s.now).retransmits).toBe(1);
    },
  );

  it("bug 18: what came twice is told by DSACK, and neither resent nor held against the path (inet #78)", () => {
    const pair = new Pair({
      latency: 20 * MILLISECOND,
      a: { tcp: { tailLossProbe: false, timestamps: false } },
      b: { tcp: { timestamps: false } },
    });
    const [client, server] = pair.connected();
    expect(transfer(pair, client, server, 100_000).length).toBe(100_000);
    pair.runFor(SECOND);
    // All arrives, but its ACKs do not for a while: the timer resends.
    const before = client.info(pair.now);
    pair.filter = (flight) => flight.from !== "b";
    client.send(pair.now, pattern(14_000));
    pair.runFor(250 * MILLISECOND);
    pair.filter = () => true;
    pair.drive(() => client.unacknowledged === 0);
    pair.runFor(SECOND);
    const after = client.info(pair.now);
    expect(after.timeouts - before.timeouts).toBe(1);
    expect(after.duplicatesReported).toBe(after.retransmits - before.retransmits);
    expect(after).toMatchObject({ ssthresh: before.ssthresh, inFlight: 0, lost: 0, spuriousRecoveries: 1 });
    expect(after.cwnd).toBeGreaterThanOrEqual(Math.min(before.cwnd, 14_600));
  });

  for (const timestamps of [true, false]) {
    it(`bug 20: a delay that looked like loss costs no window, ${timestamps ? "with" : "without"} timestamps (gvisor #14102, quinn PR 2289)`, () => {
      const pair = new Pair({
        latency: 20 * MILLISECOND,
        a: { tcp: { timestamps, receiveBuffer: 200_000 } },
        b: { tcp: { receiveBuffer: 200_000 } },
      });
      const [client, server] = pair.connected();
      let held = 0;
      pair.filter = (flight) => {
        flight.at = Math.max(flight.at, held);
        return true;
      };
      transfer(pair, client, server, 400_000);
      const before = client.info(pair.now);
      // The path stands still for a second, in the midst of a transfer.
      pair.later(pair.now + 100 * MILLISECOND, () => {
        held = pair.now + SECOND;
      });
      expect(sameBytes(transfer(pair, client, server, 1 << 20), pattern(1 << 20))).toBe(true);
      const after = client.info(pair.now);
      expect(after.timeouts).toBeGreaterThan(0);
      expect(after.spuriousRecoveries).toBeGreaterThan(0);
      expect(after.cwnd).toBeGreaterThanOrEqual(before.cwnd);
      expect(after.ssthresh).toBe(before.ssthresh);
      // The probe, the first segment at each timeout, and a few until the DSACKs came; not the flight.
      expect(after.retransmits).toBeLessThanOrEqual(12);
    });
  }

  scenario(
    "bug 19: a FIN that is SACKed, or queued during recovery, keeps the scoreboard right (inet PR 415)",
    (s) => {
      const connection = s.accepted({ mss: 1000, sackOk: true });
      s.write(connection, 6000);
      s.take();
      s.send("A", { ack: 1, sack: [[1001, 5001]] });
      expect(connection.info(s.now).recovering).toBe(true);
      s.finish(connection);
      s.take();
      s.send("A", { ack: 1, sack: [[1001, 6002]] });
      expect(connection.info(s.now)).toMatchObject({ sacked: 5001 });
      expect(connection.state).toBe("FIN-WAIT-1");
      s.send("A", { ack: 6001 });
      expect(connection.state).toBe("FIN-WAIT-1");
      s.send("A", { ack: 6002 });
      expect(connection.state).toBe("FIN-WAIT-2");
      expect(connection.info(s.now)).toMatchObject({ sacked: 0, lost: 0, inFlight: 0 });
    },
  );

  it("bug 21: months of loss-free sending do not let the window run away (gvisor #11632, coder #20885, quinn PR 2749)", () => {
    const pair = new Pair({ latency: 1000, b: { tcp: { receiveBuffer: 100_000 } } });
    const [client, server] = pair.connected();
    expect(transfer(pair, client, server, 4 << 20).length).toBe(4 << 20);
    // About twice what the peer's window ever let be under way, and it stays there.
    expect(client.info(pair.now).cwnd).toBeLessThan(300_000);
    expect(Number.isSafeInteger(Math.floor(client.info(pair.now).cwnd))).toBe(true);
  });

  scenario(
    "bug 25: SACKed data is kept until it is acknowledged, and resent when the SACK is taken back",
    (s) => {
      const connection = s.accepted({ mss: 1000, sackOk: true });
      s.write(connection, 4000);
      s.take();
      s.send("A", { ack: 1, sack: [[1001, 4001]] });
      expect(connection.unacknowledged).toBe(4000);
      s.take();
      s.send("A", { ack: 1001 });
      // The peer has thrown its three segments away.
      const resent = new Set<number>();
      for (let ack = 1001; ack < 4001; ack += 1000) {
        s.pass(5 * SECOND);
        for (const seen of s.take()) if (seen.length > 0) resent.add(seen.seq);
        s.send("A", { ack: ack + 1000 });
      }
      for (const seq of [1001, 2001, 3001]) expect([seq, resent.has(seq)]).toEqual([seq, true]);
      expect(connection.unacknowledged).toBe(0);
    },
  );
});

describe("close and states", () => {
  scenario("bug 26: a FIN is resent, with its own number (zephyr #8188, tricep #27, warp17 #15)", (s) => {
    const connection = s.accepted();
    s.write(connection, 10);
    s.send("A", { ack: 11 });
    s.finish(connection);
    s.take();
    for (let count = 0; count < 4; count++) {
      s.pass(20 * SECOND);
      for (const seen of s.take()) expect([seen.flags.includes("F"), seen.seq]).toEqual([true, 11]);
    }
    s.send("A", { ack: 12 });
    expect(connection.state).toBe("FIN-WAIT-2");
  });

  scenario(
    "bug 27: a FIN behind blocked data has left ESTABLISHED; an ACK of the data is no ACK of the FIN (gvisor #13393, smoltcp #470)",
    (s) => {
      const connection = s.accepted({ window: 10 });
      s.write(connection, 100);
      s.finish(connection);
      expect(connection.state).toBe("FIN-WAIT-1");
      s.take();
      s.send("A", { ack: 11, window: 0 });
      expect(connection.state).toBe("FIN-WAIT-1");
      s.send("FA", { ack: 11, window: 0 });
      expect(connection.state).toBe("CLOSING");
      s.take();
      // LAST-ACK and CLOSING end by the ACK of the FIN, by no other.
      s.send("A", { ack: 11, window: 1000 });
      s.expect("FA", { seq: 11, data: 90 });
      s.send("A", { ack: 101 });
      expect(connection.state).toBe("CLOSING");
      s.send("A", { ack: 102 });
      expect(connection.state).toBe("TIME-WAIT");
    },
  );

  it("bug 28: both close at once with data on the way: all arrives, both end (smoltcp PR 398, PR 1026)", () => {
    for (const loss of [0, 0.3]) {
      const random = seeded(28);
      const pair = new Pair();
      const [client, server] = pair.connected();
      pair.filter = () => random() >= loss;
      for (const end of [client, server]) {
        end.send(pair.now, pattern(5000));
        end.finish(pair.now);
      }
      pair.drive(undefined, 20 * MINUTE);
      for (const end of [client, server]) {
        expect(sameBytes(readAll(pair, end), pattern(5000))).toBe(true);
        expect(end.receive(pair.now, 1)).toBeNull();
        expect(end.error).toBeNull();
      }
      expect(pair.a.connectionCount + pair.b.connectionCount).toBe(0);
    }
  });

  scenario("bug 29: a FIN that came before its bytes is no end of the stream (smoltcp PR 112)", (s) => {
    const connection = s.accepted();
    s.send("FA", { seq: 11 });
    expect(s.read(connection)).toBeUndefined();
    expect(connection.state).toBe("ESTABLISHED");
    s.send("A", { seq: 1, data: 10 });
    expect(s.read(connection)?.length).toBe(10);
    expect(s.read(connection)).toBeNull();
  });

  scenario(
    "bug 30: TIME-WAIT acknowledges the FIN again and starts over (zephyr PR 46407, StelluxOS PR 188)",
    (s) => {
      const connection = s.accepted();
      s.finish(connection);
      s.send("FA", { ack: 2 });
      s.take();
      for (let count = 0; count < 5; count++) {
        s.pass(40 * SECOND);
        s.send("FA", { seq: 1, ack: 2 });
        s.expect("A", { seq: 2, ack: 2 });
      }
      s.pass(60 * SECOND);
      expect(s.stack.countByState()["TIME-WAIT"]).toBe(0);
    },
  );

  it("bug 31: a port in TIME-WAIT can be dialled from again, one with a live connection is refused (unikraft/lib-lwip PR 76, osv #889)", () => {
    // The dialler keeps no TIME-WAIT, so it dials from the same port at once; the listener's side is in TIME-WAIT.
    const pair = new Pair({ a: { portRange: [50_000, 50_000], timeWait: 0 } });
    const listener = pair.b.listen(pair.now, { address: null, port: 80, backlog: 4 });
    const target = { remote: pair.addressB, remotePort: 80 };
    for (let round = 0; round < 5; round++) {
      const client = pair.a.connect(pair.now, target);
      expect(() => pair.a.connect(pair.now, { ...target, localPort: 50_000 })).toThrow(/connected/);
      pair.runFor(100_000);
      const server = listener.accept() as Connection;
      server.finish(pair.now);
      pair.runFor(50_000);
      client.finish(pair.now);
      pair.runFor(100_000);
      expect(pair.b.countByState()["TIME-WAIT"]).toBe(1);
      expect([client.state, client.error]).toEqual(["CLOSED", null]);
    }
  });

  scenario(
    "bug 32: a SYN again is no reason for a reset; data in the third ACK and before accept() is kept (picoTCP #148, smoltcp PR 1133, tcpip.js PR 40)",
    (s) => {
      const listener = s.listen();
      s.send("S", { seq: 0 });
      s.send("S", { seq: 0 });
      expect(s.take().map((seen) => seen.flags)).toEqual(["SA", "SA"]);
      s.send("PA", { seq: 1, ack: 1, data: 10 });
      s.send("PA", { seq: 11, ack: 1, data: 10 });
      const connection = listener.accept() as Connection;
      expect(connection.takeEvents() & Event.readable).toBe(Event.readable);
      expect(connection.available).toBe(20);
    },
  );

  scenario("bug 33: an ACK without timestamps is heard although they were agreed (gvisor #11536)", (s) => {
    const connection = s.accepted({ ts: [100] });
    s.write(connection, 10);
    s.take();
    s.send("A", { ack: 11 });
    expect(connection.unacknowledged).toBe(0);
  });
});

describe("ACK policy", () => {
  it("bug 34: two ends that disagree fall silent (smoltcp #29, #338)", () => {
    const pair = new Pair();
    const [client, server] = pair.connected();
    // Somebody has moved both ends' numbers: each segment is unacceptable to the other.
    client.receiving.irs = (client.receiving.irs + 500_000) >>> 0;
    server.receiving.irs = (server.receiving.irs + 500_000) >>> 0;
    client.setOptions(pair.now, { keepAlive: { idle: SECOND, interval: SECOND, count: 1e9 } });
    const before = pair.log.length;
    pair.runFor(100 * SECOND);
    expect(pair.log.length - before).toBeLessThan(100 * 2 * 3);
  });

  scenario(
    "bug 34: the limit does not eat the ACK of data that comes again (smoltcp PR 1162), nor challenges corrections (tricep #124)",
    (s) => {
      s.accepted();
      s.send("A", { data: 100 });
      s.take();
      s.send("S", { seq: 101 });
      s.send("R", { seq: 150 });
      s.expect("A");
      s.nothing();
      for (let count = 0; count < 10; count++) {
        s.send("A", { seq: 1, data: 100 });
        s.expect("A", { ack: 101 });
      }
      s.send("A", { seq: 50 });
      s.expect("A", { ack: 101 });
    },
  );

  scenario("bug 35: reordered data with an old ACK is kept (smoltcp #12)", (s) => {
    const connection = s.accepted({ mss: 1000 });
    s.write(connection, 3000);
    s.take();
    s.send("A", { seq: 11, ack: 3001, data: 10 });
    s.send("A", { seq: 1, ack: 1, data: 10 });
    expect(connection.available).toBe(20);
  });
});

describe("numbers and memory", () => {
  for (const beyond of [2 ** 31 - 5000, 2 ** 32 - 5000, 7 * 2 ** 32 - 5000]) {
    it(`bug 36: the stream goes on past ${beyond} bytes (gondolin #138, v86, jsip)`, () => {
      const pair = new Pair({ b: { tcp: { receiveBuffer: 200_000 } } });
      const [client, server] = pair.connected();
      grow(client, server, beyond);
      expect(sameBytes(transfer(pair, client, server, 300_000), pattern(300_000))).toBe(true);
      grow(server, client, beyond);
      expect(sameBytes(transfer(pair, server, client, 300_000), pattern(300_000))).toBe(true);
      expect(client.sending.una).toBe(beyond + 300_000);
      client.finish(pair.now);
      server.finish(pair.now);
      pair.runFor(SECOND);
      expect(pair.a.connectionCount + pair.b.connectionCount).toBe(0);
    });
  }

  scenario(
    "bug 37: nothing kept is a view of a packet that somebody writes over (v86 PR 1544, windows95 PR 363)",
    (s) => {
      const listener = s.listen();
      const ring = new Uint8Array(4096);
      const arrive = (bytes: Uint8Array): void => {
        ring.set(bytes, 100);
        s.stack.input(s.now, ring, 100, 100 + bytes.length, 1);
        ring.fill(0xee);
        s.flush();
      };
      arrive(s.build("S", { seq: 0 }));
      s.expect("SA", { ack: 1 });
      arrive(s.build("A", { seq: 1, ack: 1 }));
      const connection = listener.accept() as Connection;
      expect(`${connection.remote}:${connection.remotePort}`).toBe(`${s.remote}:${s.remotePort}`);
      arrive(s.build("A", { seq: 101, ack: 1, data: 100 }));
      arrive(s.build("A", { seq: 1, ack: 1, data: 100 }));
      const parts = [s.read(connection), s.read(connection)].flatMap((part) => [...(part ?? [])]);
      expect(parts).toEqual([...pattern(200)]);
      s.write(connection, 10);
      expect(s.take().pop()).toMatchObject({ length: 10 });
    },
  );

  it("bug 38: what arrives before anybody asks is there when somebody does (tcpip.js PR 40)", () => {
    const pair = new Pair();
    const listener = pair.b.listen(pair.now, { address: null, port: 80, backlog: 1 });
    const client = pair.a.connect(pair.now, { remote: pair.addressB, remotePort: 80 });
    client.send(pair.now, pattern(1000));
    client.finish(pair.now);
    pair.runFor(10 * SECOND);
    const server = listener.accept() as Connection;
    expect(server.takeEvents()).toBe(Event.connected | Event.readable);
    expect(sameBytes(readAll(pair, server), pattern(1000))).toBe(true);
    expect(server.receive(pair.now, 1)).toBeNull();
  });

  it("bug 39: numbers compare on a circle: a loss-ridden transfer from any start (zz9000 #29, nuttx PR 3865, ipstack #56)", () => {
    for (const isns of [
      [0xffff_ffff, 0xffff_ffff],
      [0x7fff_ffff, 0x8000_0000],
      [0xffff_0000, 0x7fff_0000],
      [0, 0],
    ] as const) {
      const random = seeded(39);
      const pair = new Pair({ latency: 5000 });
      const [client, server] = pair.connected();
      pair.runFor(SECOND);
      client.sending.isn = server.receiving.irs = isns[0];
      server.sending.isn = client.receiving.irs = isns[1];
      pair.filter = () => random() >= 0.1;
      expect(sameBytes(transfer(pair, client, server, 150_000), pattern(150_000))).toBe(true);
      expect(sameBytes(transfer(pair, server, client, 150_000), pattern(150_000))).toBe(true);
    }
  });

  it("a stack's secret decides its numbers: with the same one a run repeats, with another it does not", () => {
    const isnOf = (fill: number): number => {
      const script = new Script({ stack: { secret: new Uint8Array(32).fill(fill) } });
      script.connect();
      return script.expect("S").raw.seq;
    };
    expect(isnOf(1)).toBe(isnOf(1));
    expect(isnOf(1)).not.toBe(isnOf(2));
    expect(new Stack({ secret: new Uint8Array(32) }).memoryUsed).toBe(0);
  });
});

/** As if the stream from one to the other had `bytes` behind it already: offsets move, numbers on the wire do not. */
function grow(from: Connection, to: Connection, bytes: number): void {
  const { sending } = from;
  const { receiving } = to;
  for (const name of ["una", "next", "edge", "wl2"] as const) sending[name] += bytes;
  sending.buffer.start += bytes;
  sending.buffer.end += bytes;
  sending.isn = (sending.isn - bytes) >>> 0;
  for (const name of ["next", "edge", "acknowledged"] as const) receiving[name] += bytes;
  receiving.irs = (receiving.irs - bytes) >>> 0;
  // What the other direction remembers of these numbers.
  to.sending.wl1 += bytes;
}
