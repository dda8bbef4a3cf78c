// How connections open: RFC 9293 §3.5 and §3.10.7.1 to §3.10.7.4, RFC 6691 (segment size), RFC 7323 §2 (window
// scale), RFC 6298 and RFC 6928 (a SYN that was lost).

import { describe, expect } from "vitest";
import { Event, MILLISECOND, SECOND, scenario } from "./script.ts";

describe("a passive open", () => {
  scenario("answers a SYN, and is established by its ACK (RFC 9293 §3.5)", (s) => {
    const listener = s.listen();
    s.send("S", { mss: 1460, window: 5000 });
    s.expect("SA", { seq: 0, ack: 1, window: 65_535, mss: 1460, scale: -1, sackOk: false, ts: null });
    expect(listener.accept()).toBeNull();
    s.send("A", { window: 5000 });
    s.nothing();
    const connection = listener.accept();
    expect(connection?.state).toBe("ESTABLISHED");
    expect(connection?.takeEvents()).toBe(Event.connected);
    expect(connection?.info(s.now)).toMatchObject({ mss: 1460, sendWindow: 5000 });
  });

  scenario("takes data and FIN that come with the ACK (RFC 9293 §3.10.7.4)", (s) => {
    const listener = s.listen();
    s.send("S");
    s.expect("SA");
    s.send("PFA", { data: 10 });
    s.expect("A", { seq: 1, ack: 12 });
    const connection = listener.accept();
    expect(connection?.state).toBe("CLOSE-WAIT");
    expect(connection?.receive(s.now, 100)?.length).toBe(10);
    expect(connection?.receive(s.now, 100)).toBeNull();
  });

  scenario("repeats its SYN-ACK for a SYN that comes again (RFC 9293 §3.8.1)", (s) => {
    s.listen();
    s.send("S", { seq: 0 });
    s.expect("SA", { seq: 0, ack: 1 });
    s.send("S", { seq: 0 });
    s.expect("SA", { seq: 0, ack: 1 });
    s.nothing();
  });

  scenario("is not kept half open by SYNs that come again", (s) => {
    s.listen();
    s.send("S", { seq: 0 });
    s.mark();
    // A SYN every 900 ms: the SYN-ACK's own timer of 1, 2, 4, 8, 16 and 32 s runs on.
    for (let count = 0; count < 80; count++) {
      s.pass(900 * MILLISECOND);
      if (s.stack.connectionCount === 0) break;
      s.send("S", { seq: 0 });
    }
    expect(s.stack.connectionCount).toBe(0);
    expect(s.sinceMark).toBeLessThan(64 * SECOND);
  });

  scenario(
    "resends its SYN-ACK after 1, 2, 4, 8 and 16 s and gives up after 32 more (R2, RFC 9293 §3.8.3)",
    (s) => {
      const listener = s.listen();
      s.send("S");
      s.mark();
      s.expect("SA", { at: 0 });
      s.pass(100 * SECOND);
      for (const at of [1, 3, 7, 15, 31]) s.expect("SA", { seq: 0, ack: 1, at: at * SECOND });
      s.nothing();
      expect(s.stack.connectionCount).toBe(0);
      expect(listener.handshakes.size).toBe(0);
    },
  );

  scenario("answers a wrong ACK in SYN-RECEIVED by a reset and stays (RFC 9293 §3.10.7.4 fifth)", (s) => {
    s.listen();
    s.send("S");
    s.expect("SA");
    s.send("A", { ack: 77 });
    s.expect("R", { seq: 77 });
    expect(s.stack.countByState()["SYN-RECEIVED"]).toBe(1);
    s.send("A", { ack: 1 });
    s.nothing();
    expect(s.stack.countByState().ESTABLISHED).toBe(1);
  });

  scenario("goes back to LISTEN at a reset, without a word (RFC 9293 §3.10.7.4 second)", (s) => {
    const listener = s.listen();
    s.send("S");
    s.expect("SA");
    s.send("R", { seq: 1 });
    s.nothing();
    expect(s.stack.connectionCount).toBe(0);
    expect(listener.handshakes.size).toBe(0);
    expect(listener.accept()).toBeNull();
  });

  scenario("answers an old segment in SYN-RECEIVED by an ACK (RFC 9293 §3.10.7.4 first)", (s) => {
    s.listen();
    s.send("S");
    s.expect("SA");
    s.send("A", { seq: -5000, data: 10 });
    s.expect("A", { seq: 1, ack: 1 });
    expect(s.stack.countByState()["SYN-RECEIVED"]).toBe(1);
  });

  scenario(
    "challenges another SYN in the window of SYN-RECEIVED; the peer's reset clears it (RFC 5961 §4)",
    (s) => {
      s.listen();
      s.send("S");
      s.expect("SA");
      s.send("S", { seq: 500 });
      s.expect("A", { seq: 1, ack: 1 });
      s.send("R", { seq: 1 });
      expect(s.stack.connectionCount).toBe(0);
    },
  );

  scenario("sends nothing but the SYN-ACK before it is established (RFC 9293 §3.10.2)", (s) => {
    s.listen();
    s.send("S");
    s.expect("SA");
    const [connection] = s.stack.connections();
    s.write(connection, 100);
    s.nothing();
    s.send("A");
    s.expect("A", { seq: 1, data: 100 });
  });

  scenario("is a FIN-WAIT-1 at once when it was closed in SYN-RECEIVED (RFC 9293 §3.10.4)", (s) => {
    s.listen();
    s.send("S");
    s.expect("SA");
    const [connection] = s.stack.connections();
    s.finish(connection);
    s.nothing();
    s.send("A");
    s.expect("FA", { seq: 1, ack: 1 });
    expect(connection.state).toBe("FIN-WAIT-1");
  });
});

describe("an active open", () => {
  scenario("sends a SYN with its options, and an ACK when it is answered (RFC 9293 §3.5)", (s) => {
    const connection = s.connect();
    const syn = s.expect("S", { seq: 0, window: 65_535, mss: 1460, scale: 5, sackOk: true });
    expect(syn.ts).not.toBeNull();
    expect(connection.state).toBe("SYN-SENT");
    s.pass(30 * MILLISECOND);
    s.send("SA", { mss: 1000, window: 700, scale: 3, sackOk: true, ts: [55] });
    s.expect("A", { seq: 1, ack: 1, ts: [undefined, 55] });
    expect(connection.takeEvents()).toBe(Event.connected);
    expect(connection.info(s.now)).toMatchObject({
      state: "ESTABLISHED",
      rtt: 30,
      mss: 1000,
      sendWindow: 700,
      options: { timestamps: true, sack: true, windowScale: { send: 3, receive: 5 } },
    });
  });

  scenario("resends its SYN after 1, 2, 4 ... s, six times, then fails with ETIMEDOUT", (s) => {
    const connection = s.connect();
    s.mark();
    s.pass(126 * SECOND);
    for (const at of [0, 1, 3, 7, 15, 31, 63]) s.expect("S", { seq: 0, at: at * SECOND });
    s.nothing();
    expect(connection.state).toBe("SYN-SENT");
    s.pass(2 * SECOND);
    s.nothing();
    expect(connection.error?.code).toBe("ETIMEDOUT");
    expect(connection.takeEvents()).toBe(Event.closed);
    expect(s.stack.connectionCount).toBe(0);
  });

  scenario("ends with ECONNREFUSED at a reset that acknowledges its SYN (RFC 9293 §3.10.7.3 second)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.send("RA", { seq: 0, ack: 1 });
    s.nothing();
    expect(connection.error?.code).toBe("ECONNREFUSED");
  });

  scenario("ignores resets that do not acknowledge its SYN (RFC 9293 §3.10.7.3 first and second)", (s) => {
    const connection = s.connect();
    s.expect("S");
    for (const ack of [0, 2, 1000, -1]) s.send("RA", { seq: 0, ack });
    s.send("R", { seq: 0 });
    s.nothing();
    expect(connection.state).toBe("SYN-SENT");
  });

  scenario("answers a wrong ACK by a reset and keeps waiting (RFC 9293 §3.5.1, figure 9)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.send("SA", { seq: 0, ack: 50 });
    s.expect("R", { seq: 50 });
    s.send("A", { seq: 0, ack: 0 });
    s.expect("R", { seq: 0 });
    expect(connection.state).toBe("SYN-SENT");
    s.send("SA", { seq: 0, ack: 1 });
    s.expect("A", { seq: 1, ack: 1 });
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("takes no answer to a SYN that has not left yet (RFC 9293 §3.10.7.3: SEG.ACK > SND.NXT)", (s) => {
    s.room = 20;
    const connection = s.connect();
    s.nothing();
    s.send("SA", { seq: 0, ack: 1 });
    s.expect("R", { seq: 1 });
    s.send("RA", { seq: 0, ack: 1 });
    expect(connection.state).toBe("SYN-SENT");
  });

  scenario("drops a segment with neither SYN nor RST (RFC 9293 §3.10.7.3 fifth)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.send("A", { seq: 0, ack: 1, data: 4 });
    s.nothing();
    expect(connection.state).toBe("SYN-SENT");
  });

  scenario("takes the data and the FIN of a SYN-ACK (RFC 9293 §3.10.7.3 fourth)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.send("SFA", { seq: 0, ack: 1, data: new Uint8Array([1, 2, 3]) });
    s.expect("A", { seq: 1, ack: 5 });
    expect(connection.state).toBe("CLOSE-WAIT");
    expect(s.read(connection)).toEqual(new Uint8Array([1, 2, 3]));
    expect(s.read(connection)).toBeNull();
  });

  scenario("sends what was queued in SYN-SENT, with the FIN behind it (RFC 9293 §3.10.2)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.write(connection, 50);
    s.finish(connection);
    s.nothing();
    s.send("SA");
    s.expect("FA", { seq: 1, ack: 1, data: 50 });
    expect(connection.state).toBe("FIN-WAIT-1");
  });

  scenario("is over when it is closed in SYN-SENT (RFC 9293 §3.10.4)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.release(connection);
    s.nothing();
    expect(connection.state).toBe("CLOSED");
    expect(s.stack.connectionCount).toBe(0);
    s.send("SA", { seq: 0, ack: 1 });
    s.expect("R", { seq: 1 });
  });

  scenario("answers a SYN-ACK that comes again by an ACK: its own was lost", (s) => {
    s.dialled();
    s.send("SA", { seq: 0, ack: 1 });
    s.expect("A", { seq: 1, ack: 1 });
    s.nothing();
  });
});

describe("a simultaneous open", () => {
  scenario("goes through SYN-RECEIVED on both sides (RFC 9293 §3.5, figure 8)", (s) => {
    const connection = s.connect();
    s.expect("S", { seq: 0 });
    s.send("S", { mss: 1000 });
    s.expect("SA", { seq: 0, ack: 1 });
    expect(connection.state).toBe("SYN-RECEIVED");
    s.send("SA", { seq: 0, ack: 1, mss: 1000 });
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
    s.write(connection, 20);
    s.expect("A", { seq: 1, ack: 1, data: 20 });
  });

  scenario("is completed by a bare ACK too, and by data", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.send("S");
    s.expect("SA");
    s.send("A", { ack: 1, data: 3 });
    s.expect("A", { seq: 1, ack: 4 });
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("repeats options in its SYN-ACK, as Linux does", (s) => {
    s.connect();
    s.expect("S");
    s.send("S", { mss: 1460, scale: 7, sackOk: true, ts: [9] });
    s.expect("SA", { mss: 1460, scale: 5, sackOk: true, ts: [undefined, 9] });
  });

  scenario("fails with ECONNREFUSED at a reset (RFC 9293 §3.10.7.4 second)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.send("S");
    s.expect("SA");
    s.send("R", { seq: 1 });
    expect(connection.error?.code).toBe("ECONNREFUSED");
  });

  scenario("takes no round trip of an ACK that may be of the SYN or of the SYN-ACK (RFC 6298 §3)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.pass(300 * MILLISECOND);
    s.send("S");
    s.expect("SA");
    s.send("SA", { seq: 0, ack: 1 });
    expect(connection.info(s.now).rtt).toBe(0);
  });
});

describe("options of the handshake", () => {
  scenario("without an MSS option segments are 536 bytes (RFC 9293 §3.7.1)", (s) => {
    const connection = s.dialled({ mss: 0 });
    s.write(connection, 1000);
    s.expect("A", { seq: 1, data: 536 });
    s.expect("A", { seq: 537, data: 464 });
  });

  scenario(
    "over IPv6 without an MSS option segments are 1220 bytes (RFC 9293 §3.7.1)",
    (s) => {
      const connection = s.dialled({ mss: 0 });
      s.write(connection, 2000);
      s.expect("A", { seq: 1, data: 1220 });
      s.expect("A", { seq: 1221, data: 780 });
    },
    { family: 6 },
  );

  scenario("the peer's MSS bounds segments, options come off it (RFC 6691 §2)", (s) => {
    const connection = s.dialled({ mss: 600, ts: [1] });
    s.write(connection, 1000);
    s.expect("A", { seq: 1, data: 588 });
    s.expect("A", { seq: 589, data: 412 });
  });

  scenario("an absurdly small MSS is taken as 48, so that there is progress", (s) => {
    const connection = s.dialled({ mss: 1 });
    s.write(connection, 100);
    s.expect("A", { seq: 1, data: 48 });
  });

  scenario(
    "a maximum segment size of one byte still lets data pass",
    (s) => {
      const connection = s.dialled({ ts: [1] });
      s.write(connection, 100);
      expect(s.take().reduce((sum, seen) => sum + seen.length, 0)).toBe(100);
    },
    { tcp: { maxSegmentSize: 1 } },
  );

  scenario(
    "our MSS option says what a packet of the route holds (RFC 6691 §2)",
    (s) => {
      s.connect();
      s.expect("S", { mss: 8960 });
    },
    { route: { mtu: 9000 } },
  );

  scenario("a SYN-ACK offers only what the SYN offered (RFC 7323 §1.3, RFC 2018 §2)", (s) => {
    s.listen();
    s.send("S", { mss: 1460, scale: 2 });
    s.expect("SA", { mss: 1460, scale: 5, sackOk: false, ts: null });
  });

  scenario("a window scale counts from the first segment after the SYNs (RFC 7323 §2.2)", (s) => {
    const connection = s.dialled({ scale: 4, window: 100 });
    expect(connection.info(s.now).sendWindow).toBe(100);
    s.send("A", { window: 100 });
    expect(connection.info(s.now).sendWindow).toBe(1600);
  });

  scenario("a scale above 14 is taken as 14 (RFC 7323 §2.3)", (s) => {
    const connection = s.dialled({ scale: 200 });
    expect(connection.info(s.now).options.windowScale).toEqual({ send: 14, receive: 5 });
  });

  scenario("without the peer's scale our window is never scaled", (s) => {
    const connection = s.dialled({});
    s.send("A", { data: 1460 });
    s.expect("A", { window: 65_535 });
    expect(connection.info(s.now).options.windowScale).toBeNull();
  });

  scenario(
    "a fixed window of exactly 65,535 is possible",
    (s) => {
      s.accepted();
      s.send("A", { data: 100 });
      s.expect("A", { window: 65_435 });
    },
    { tcp: { receiveBuffer: 65_535, windowScaling: false } },
  );
});

describe("a handshake that was lost", () => {
  scenario("gives no round trip when the SYN went twice, and 3 s to the first data (RFC 6298 §5.7)", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.pass(SECOND);
    s.expect("S");
    s.pass(10 * MILLISECOND);
    s.send("SA");
    s.expect("A");
    expect(connection.info(s.now)).toMatchObject({ rtt: 0, rto: 3000 });
    s.mark();
    s.write(connection, 100);
    s.expect("A", { data: 100 });
    s.pass(4 * SECOND);
    s.expect("A", { seq: 1, data: 100, at: 3 * SECOND });
  });

  scenario("gives no round trip when a SYN that came again had a second SYN-ACK (Karn)", (s) => {
    const listener = s.listen();
    s.send("S", { seq: 0 });
    s.expect("SA");
    s.pass(990 * MILLISECOND);
    s.send("S", { seq: 0 });
    s.expect("SA");
    s.pass(5 * MILLISECOND);
    s.send("A", { seq: 1 });
    // The ACK may be of the first: 5 ms would be far from true.
    expect(listener.accept()?.info(s.now).rtt).toBe(0);
  });

  scenario("begins with a window of one segment when the SYN went more than twice (RFC 6928 §2)", (s) => {
    const connection = s.connect();
    s.pass(3 * SECOND);
    s.take();
    s.send("SA", { mss: 1000 });
    s.expect("A");
    s.write(connection, 5000);
    s.expect("A", { seq: 1, data: 1000 });
    s.nothing();
  });

  scenario("begins with ten segments when all went well (RFC 6928 §2)", (s) => {
    const connection = s.dialled({ mss: 1000 });
    s.write(connection, 20_000);
    expect(s.take().map((seen) => seen.length)).toEqual(new Array(10).fill(1000));
  });
});
