// Flow control: windows and when they change (RFC 9293 §3.8.6, §3.10.7.4), zero windows and probes (§3.8.6.1), silly
// windows on both sides (§3.8.6.2), Nagle and cork (§3.7.4), window scale (RFC 7323 §2).

import { describe, expect } from "vitest";
import { MILLISECOND, MINUTE, SECOND, scenario } from "./script.ts";

describe("the send buffer", () => {
  scenario("grows when nearly all of it has left, though nothing is acknowledged", (s) => {
    const connection = s.accepted({ mss: 1000 }, { initialSendBuffer: 12_000, sendBuffer: 100_000 });
    expect(s.write(connection, 60_000)).toBe(12_000);
    // The initial window: 2,000 are left.
    expect(s.take()).toHaveLength(10);
    expect(s.write(connection, 60_000)).toBe(12_000);
    // Nothing of that has left.
    expect([s.take().length, s.write(connection, 60_000)]).toEqual([0, 0]);
  });
});

describe("the peer's window", () => {
  scenario("changes by a newer segment, not by an older one (RFC 9293 §3.10.7.4, SND.WL1)", (s) => {
    const connection = s.accepted();
    s.send("A", { seq: 11, data: 10, window: 3000 });
    expect(connection.info(s.now).sendWindow).toBe(3000);
    s.send("A", { seq: 1, data: 10, window: 9000 });
    expect(connection.info(s.now).sendWindow).toBe(3000);
    s.send("A", { seq: 21, window: 100 });
    expect(connection.info(s.now).sendWindow).toBe(100);
  });

  scenario("of equal numbers the one that acknowledges more counts (RFC 9293 §3.10.7.4, SND.WL2)", (s) => {
    const connection = s.accepted({ mss: 1000 });
    s.write(connection, 2000);
    s.send("A", { ack: 2001, window: 5000 });
    s.send("A", { ack: 1001, window: 60_000 });
    expect(connection.info(s.now).sendWindow).toBe(5000);
    s.send("A", { ack: 2001, window: 6000 });
    expect(connection.info(s.now).sendWindow).toBe(6000);
  });

  scenario("limits what is under way (RFC 9293 §3.8.6)", (s) => {
    const connection = s.accepted({ mss: 1000, window: 2500 });
    s.write(connection, 10_000);
    s.expect("A", { seq: 1, data: 1000 });
    s.expect("A", { seq: 1001, data: 1000 });
    // Five hundred bytes are half of no window that was ever offered, and no full segment.
    s.nothing();
    s.send("A", { ack: 2001, window: 2500 });
    s.expect("A", { seq: 2001, data: 1000 });
    s.expect("A", { seq: 3001, data: 1000 });
    s.nothing();
  });

  scenario(
    "that shrinks stops new data; what is under way is still taken (RFC 9293 §3.8.6, SHLD-15)",
    (s) => {
      const connection = s.accepted({ mss: 1000, window: 4000 });
      s.write(connection, 8000);
      expect(s.take().length).toBe(4);
      s.send("A", { ack: 1001, window: 1000 });
      s.nothing();
      s.send("A", { ack: 4001, window: 4000 });
      expect(s.take().map((seen) => seen.seq)).toEqual([4001, 5001, 6001, 7001]);
      expect(connection.info(s.now)).toMatchObject({ inFlight: 4000, retransmits: 0 });
    },
  );

  scenario("that closed over what is under way makes probes of resends, unlimited while answered", (s) => {
    const connection = s.accepted({ mss: 1000, window: 2000 });
    s.write(connection, 2000);
    s.take();
    for (let count = 0; count < 60; count++) {
      s.send("A", { ack: 1, window: 0 });
      s.pass(2 * MINUTE);
      expect(s.take().every((seen) => seen.seq === 1)).toBe(true);
    }
    expect(connection.state).toBe("ESTABLISHED");
    s.send("A", { ack: 1, window: 2000 });
    s.pass(2 * MINUTE);
    s.send("A", { ack: 2001, window: 2000 });
    expect(connection.unacknowledged).toBe(0);
    s.write(connection, 10);
    s.pass(200 * MINUTE);
    expect(connection.error?.code).toBe("ETIMEDOUT");
  });
});

describe("a zero window", () => {
  scenario("is probed after one RTO by one octet of new data, with backoff (RFC 9293 §3.8.6.1)", (s) => {
    const connection = s.accepted({ window: 100 });
    s.write(connection, 100);
    s.expect("A", { data: 100 });
    s.send("A", { ack: 101, window: 0 });
    s.write(connection, 50);
    s.nothing();
    s.mark();
    const rto = connection.info(s.now).rto * MILLISECOND;
    s.pass(8 * rto);
    s.expect("A", { seq: 101, data: 1, at: rto });
    s.expect("A", { seq: 101, data: 1, at: 3 * rto });
    s.expect("A", { seq: 101, data: 1, at: 7 * rto });
    s.nothing();
  });

  scenario("may stay closed for ever while probes are answered, and they never come faster", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 50);
    s.mark();
    let last = s.now;
    let longest = 0;
    for (let count = 0; count < 100; count++) {
      s.pass(2 * MINUTE);
      for (const probe of s.take()) {
        expect([probe.seq, probe.length]).toEqual([1, 1]);
        longest = Math.max(longest, probe.at - last);
        last = probe.at;
        s.send("A", { ack: 1, window: 0 });
      }
    }
    expect(longest).toBe(2 * MINUTE);
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("whose peer takes the probe's octet and stays closed is probed no faster for it", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 50);
    s.mark();
    const gaps: number[] = [];
    let last = s.now;
    for (let octet = 1; octet <= 4; octet++) {
      let seen = s.take();
      while (seen.length === 0) {
        s.pass(100 * MILLISECOND);
        seen = s.take();
      }
      gaps.push(s.now - last);
      last = s.now;
      s.send("A", { ack: octet + 1, window: 0 });
    }
    for (let index = 1; index < gaps.length; index++) expect(gaps[index]).toBeGreaterThan(gaps[index - 1]);
  });

  scenario("ends the connection when probes are not answered (RFC 9293 §3.8.6.1)", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 50);
    s.pass(60 * MINUTE);
    expect(s.take().length).toBe(15);
    expect(connection.error?.code).toBe("ETIMEDOUT");
    expect(s.stack.memoryUsed).toBe(0);
  });

  scenario("an answer that takes the octet moves on, and the rest follows when the window opens", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 50);
    s.pass(SECOND);
    expect(s.take().length).toBeGreaterThan(0);
    s.send("A", { ack: 2, window: 0 });
    expect(connection.unacknowledged).toBe(49);
    s.pass(SECOND);
    expect(s.take()[0]).toMatchObject({ seq: 2, length: 1 });
    s.send("A", { ack: 2, window: 1000 });
    s.expect("A", { seq: 2, data: 49 });
    s.send("A", { ack: 51 });
    s.pass(MINUTE);
    s.nothing();
  });

  scenario("an opening window sends at once, without waiting for the probe's timer", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 50);
    s.pass(10 * MINUTE);
    s.take();
    s.send("A", { ack: 1, window: 1000 });
    s.expect("A", { seq: 1, data: 50 });
  });

  scenario("a lost window update is made good by the next probe", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 50);
    s.pass(300 * MILLISECOND);
    // The update was lost; the answer to the probe brings the window.
    expect(s.take()[0]).toMatchObject({ seq: 1, length: 1 });
    s.send("A", { ack: 2, window: 500 });
    s.expect("A", { seq: 2, data: 49 });
  });

  scenario("in SYN-ACK and first ACK does not lose the first data", (s) => {
    const connection = s.connect();
    s.write(connection, 10);
    s.expect("S");
    s.send("SA", { window: 0 });
    s.expect("A", { seq: 1 });
    s.nothing();
    s.pass(SECOND);
    s.expect("A", { seq: 1, data: 1 });
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("of ours: data is refused but acknowledged, its ACK is taken (RFC 9293 §3.10.7.4 first)", (s) => {
    const connection = s.accepted({}, { receiveBuffer: 1000, windowScaling: false });
    s.send("A", { data: 1000 });
    s.expect("A", { ack: 1001, window: 0 });
    s.write(connection, 20);
    s.expect("A", { seq: 1, data: 20 });
    s.send("A", { seq: 1001, ack: 21, data: 1 });
    s.expect("A", { seq: 21, ack: 1001, window: 0 });
    expect(connection.unacknowledged).toBe(0);
    expect(connection.available).toBe(1000);
    // And its window: the segment is as new as any.
    s.send("A", { seq: 1001, ack: 21, window: 77 });
    expect(connection.info(s.now).sendWindow).toBe(77);
  });

  scenario("of both sides that opened unheard: probes that cross do not leave both ends deaf", (s) => {
    const connection = s.accepted({ window: 0 });
    s.write(connection, 100);
    s.pass(SECOND);
    const probe = s.take().pop();
    expect([probe?.seq, probe?.length]).toEqual([1, 1]);
    // The peer probes too, and takes our octet; we take its. Its ACK counts from before its own octet, as ours does.
    s.send("A", { seq: 1, ack: 1, data: 1, window: 0 });
    s.expect("A", { seq: 1, ack: 2 });
    s.send("A", { seq: 1, ack: 2, window: 1000 });
    expect(connection.unacknowledged).toBe(99);
    expect(s.take().some((seen) => seen.seq === 2 && seen.length === 99)).toBe(true);
  });

  scenario("of both sides is no endless dialogue", (s) => {
    const connection = s.accepted({ window: 0 }, { receiveBuffer: 100, windowScaling: false });
    s.send("A", { data: 100, window: 0 });
    s.expect("A", { window: 0 });
    s.write(connection, 10);
    // Each probe of the peer is answered by one bare ACK, which asks for nothing.
    for (let count = 0; count < 10; count++) {
      s.send("A", { seq: 101, ack: 1, data: 1, window: 0 });
      s.expect("A", { seq: 1, ack: 101, window: 0 });
      s.send("A", { seq: 101, ack: 1, window: 0 });
      s.nothing();
    }
  });
});

describe("our window", () => {
  scenario("tells a reader's progress by half the buffer or two segments (RFC 9293 §3.8.6.2.2)", (s) => {
    const connection = s.accepted({}, { receiveBuffer: 8000, windowScaling: false });
    for (let count = 0; count < 8; count++) s.send("A", { data: 1000 });
    expect(s.take().pop()?.window).toBe(0);
    // One segment read: not worth a word, though the window is closed? It is: nothing else would open it.
    s.read(connection, 1000);
    s.nothing();
    s.read(connection, 1000);
    s.expect("A", { ack: 8001, window: 2000 });
    s.read(connection, 100);
    s.nothing();
  });

  scenario("never grows by crumbs (RFC 9293 §3.8.6.2.2)", (s) => {
    const connection = s.accepted({}, { receiveBuffer: 8000, windowScaling: false });
    for (let count = 0; count < 8; count++) s.send("A", { data: 1000 });
    s.take();
    s.read(connection, 500);
    s.send("A", { seq: 8001, data: 1 });
    s.expect("A", { ack: 8001, window: 0 });
  });

  scenario("its right edge never moves left, whatever happens to the buffer (RFC 9293 §3.8.6)", (s) => {
    const connection = s.accepted({}, { receiveBuffer: 10_000, windowScaling: false });
    let edge = 10_001;
    const check = (): void => {
      for (const seen of s.take()) {
        expect(seen.ack + seen.window).toBeGreaterThanOrEqual(edge);
        edge = seen.ack + seen.window;
      }
    };
    for (let count = 0; count < 50; count++) {
      s.send("A", { data: 137 });
      if (count % 3 === 0) s.read(connection, 200);
      if (count === 20) connection.setOptions(s.now, { receiveBuffer: 2000 });
      if (count === 40) connection.setOptions(s.now, { receiveBuffer: 20_000 });
      check();
    }
    // What was granted is taken although the buffer has become smaller.
    expect(connection.info(s.now).bytesReceived).toBe(50 * 137);
  });

  scenario(
    "rounding by the scale retreats by less than a unit, and takes all that was granted (RFC 7323 §2.4)",
    (s) => {
      const connection = s.accepted({ scale: 0 });
      let edge = 0;
      for (let count = 0; count < 60; count++) {
        s.send("A", { data: 101 });
        for (const seen of s.take()) {
          const now = seen.ack + seen.window * 32;
          expect(now).toBeGreaterThan(edge - 32);
          edge = Math.max(edge, now);
        }
      }
      const left = edge - s.peerNext;
      s.send("A", { seq: s.peerNext, data: Math.min(left, 1460) });
      expect(connection.available).toBe(60 * 101 + Math.min(left, 1460));
    },
  );

  scenario("data beyond it is cut off and acknowledged at once (RFC 9293 §3.10.7.4 first)", (s) => {
    const connection = s.accepted({}, { receiveBuffer: 1000, windowScaling: false });
    s.send("A", { seq: 1, data: 1400 });
    s.expect("A", { ack: 1001, window: 0 });
    expect(connection.available).toBe(1000);
    s.send("A", { seq: 1001, data: 400 });
    s.expect("A", { ack: 1001 });
    s.read(connection);
    s.expect("A", { ack: 1001, window: 1000 });
    s.send("A", { seq: 1001, data: 400 });
    expect(connection.available).toBe(400);
  });

  scenario("a segment that begins before it and ends in it is trimmed (RFC 9293 §3.10.7.4 first)", (s) => {
    const connection = s.accepted();
    s.send("A", { seq: 1, data: 10 });
    s.send("A", { seq: 5, data: 20 });
    s.take();
    expect(connection.available).toBe(24);
    expect([...(s.read(connection) as Uint8Array), ...(s.read(connection) ?? [])].length).toBe(24);
  });
});

describe("the sender's silly windows", () => {
  scenario("a small window waits for the override timer, then is used (RFC 9293 §3.8.6.2.1)", (s) => {
    const connection = s.accepted({ mss: 1000, window: 4000 });
    s.write(connection, 4000);
    s.take();
    s.send("A", { ack: 4001, window: 300 });
    s.write(connection, 2000);
    s.nothing();
    s.mark();
    s.pass(150 * MILLISECOND);
    s.expect("A", { seq: 4001, data: 300, at: 100 * MILLISECOND });
    s.nothing();
  });

  scenario("half of the largest window is worth sending (RFC 9293 §3.8.6.2.1)", (s) => {
    const connection = s.accepted({ mss: 1460, window: 1000 });
    s.write(connection, 3000);
    s.expect("A", { data: 1000 });
    s.send("A", { ack: 1001, window: 500 });
    s.expect("A", { seq: 1001, data: 500 });
    s.send("A", { ack: 1501, window: 499 });
    s.nothing();
    s.pass(100 * MILLISECOND);
    s.expect("A", { seq: 1501, data: 499 });
  });
});

describe("Nagle", () => {
  scenario(
    "holds a small segment while anything is unacknowledged (RFC 9293 §3.7.4)",
    (s) => {
      const connection = s.accepted({ mss: 1000 });
      s.write(connection, 10);
      s.expect("A", { seq: 1, data: 10 });
      s.write(connection, 20);
      s.write(connection, 30);
      s.nothing();
      s.send("A", { ack: 11 });
      s.expect("A", { seq: 11, data: 50 });
    },
    { tcp: { noDelay: false } },
  );

  scenario(
    "lets full segments go",
    (s) => {
      const connection = s.accepted({ mss: 1000 });
      s.write(connection, 10);
      s.expect("A", { data: 10 });
      s.write(connection, 1500);
      s.expect("A", { seq: 11, data: 1000 });
      s.nothing();
    },
    { tcp: { noDelay: false } },
  );

  scenario(
    "does not hold the last segment back when a FIN follows",
    (s) => {
      const connection = s.accepted({ mss: 1000 });
      s.write(connection, 10);
      s.expect("A", { data: 10 });
      s.write(connection, 20);
      s.nothing();
      s.finish(connection);
      s.expect("FA", { seq: 11, data: 20 });
    },
    { tcp: { noDelay: false } },
  );

  scenario(
    "ends at once when no-delay is set",
    (s) => {
      const connection = s.accepted({ mss: 1000 });
      s.write(connection, 10);
      s.write(connection, 20);
      s.expect("A", { data: 10 });
      s.nothing();
      connection.setOptions(s.now, { noDelay: true });
      s.flush();
      s.expect("A", { seq: 11, data: 20 });
    },
    { tcp: { noDelay: false } },
  );

  scenario("is off by default", (s) => {
    const connection = s.accepted();
    s.write(connection, 10);
    s.write(connection, 20);
    s.expect("A", { data: 10 });
    s.expect("A", { seq: 11, data: 20 });
  });
});

describe("cork", () => {
  scenario("holds all that is not full, until it is taken off", (s) => {
    const connection = s.accepted({ mss: 1000 });
    connection.setOptions(s.now, { cork: true });
    s.write(connection, 600);
    s.nothing();
    s.write(connection, 600);
    s.expect("A", { seq: 1, data: 1000 });
    s.nothing();
    connection.setOptions(s.now, { cork: false });
    s.flush();
    s.expect("A", { seq: 1001, data: 200 });
  });

  scenario("holds nothing back for longer than Linux does (200 ms)", (s) => {
    const connection = s.accepted({ mss: 1000 });
    connection.setOptions(s.now, { cork: true });
    s.write(connection, 600);
    s.pass(200 * MILLISECOND);
    s.expect("A", { seq: 1, data: 600 });
  });

  scenario("does not hold the end of the stream", (s) => {
    const connection = s.accepted({ mss: 1000 });
    connection.setOptions(s.now, { cork: true });
    s.write(connection, 600);
    s.finish(connection);
    s.expect("FA", { seq: 1, data: 600 });
  });
});

describe("PSH", () => {
  scenario("stands on the segment that empties the queue (RFC 9293 §3.9.1.2)", (s) => {
    const connection = s.accepted({ mss: 1000 });
    s.write(connection, 2500);
    expect(s.take().map((seen) => seen.flags)).toEqual(["A", "A", "PA"]);
  });
});
