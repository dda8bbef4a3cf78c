// Reliable routes, and links and routes that come and go (DESIGN §3): no spurious retransmission, ever; a segment is
// lost only when its link died or all links answered and word of it did not come; outages cost no backoff, no window and no round-trip sample.

import { describe, expect, it } from "vitest";
import { MILLISECOND, MINUTE, type Script, SECOND, scenario } from "../tcp/script.ts";
import { Event, Pair, pattern, readAll, sameBytes, seeded, transfer } from "./pair.ts";

const reliable = { route: { reliable: true, checksum: false, mtu: 65_535 } };
const wire = { route: { reliable: true, mtu: 9000 } };

describe("on a reliable route", () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`stalls of 0 to 5 s make nobody resend, seed ${seed}`, () => {
      const random = seeded(seed);
      const pair = new Pair({ ...reliable, family: 6 });
      const [client, server] = pair.connected();
      let free = 0;
      // An ordered link that stands still now and then: what is behind waits.
      pair.filter = (flight) => {
        if (random() < 0.05) free = Math.max(free, pair.now + random() * 5 * SECOND);
        flight.at = Math.max(flight.at, free + pair.latency);
        return true;
      };
      pair.answerPings(() => Math.max(0, free - pair.now));
      expect(sameBytes(transfer(pair, client, server, 2 << 20), pattern(2 << 20))).toBe(true);
      for (const stack of [pair.a, pair.b])
        expect(stack.counters).toMatchObject({ retransmissions: 0, timeouts: 0 });
    });
  }

  it("stalls of 0 to 5 s in both directions at once make nobody resend, probe or reduce", () => {
    const random = seeded(77);
    const pair = new Pair({ ...reliable, family: 6 });
    const [client, server] = pair.connected();
    const free = { a: 0, b: 0 };
    pair.filter = (flight) => {
      if (random() < 0.05) free[flight.from] = Math.max(free[flight.from], pair.now + random() * 5 * SECOND);
      flight.at = Math.max(flight.at, free[flight.from] + pair.latency);
      return true;
    };
    pair.answerPings(() => Math.max(0, Math.max(free.a, free.b) - pair.now));
    let sent = 0;
    let [toServer, toClient] = [0, 0];
    const total = 1 << 20;
    pair.drive(() => {
      if (sent < total) {
        const data = pattern(Math.min(20_000, total - sent), sent);
        const room = Math.min(client.room(), server.room(), data.length);
        client.send(pair.now, data.subarray(0, room));
        server.send(pair.now, data.subarray(0, room));
        sent += room;
      }
      toServer += readAll(pair, server).length;
      toClient += readAll(pair, client).length;
      return toServer >= total && toClient >= total;
    });
    expect([toServer, toClient]).toEqual([total, total]);
    for (const end of [client, server])
      expect(end.info(pair.now)).toMatchObject({
        retransmits: 0,
        timeouts: 0,
        tailLossProbes: 0,
        duplicatesReported: 0,
        spuriousRecoveries: 0,
      });
  });

  it("neither window nor loss detection limits what is under way", () => {
    const pair = new Pair({ ...reliable, family: 6, latency: 100_000 });
    const [client] = pair.connected();
    client.send(pair.now, pattern(400_000));
    pair.flush();
    expect(client.info(pair.now)).toMatchObject({
      cwnd: Number.POSITIVE_INFINITY,
      congestionControl: "none",
    });
    // The SYN's window is never scaled: so much and no more is granted before the first ACK.
    expect(client.info(pair.now).inFlight).toBeGreaterThan(60_000);
  });

  scenario(
    "wants its links asked after one RTO without progress, with backoff, and sends nothing",
    (s) => {
      const connection = s.accepted();
      s.write(connection, 100);
      s.expect("A", { data: 100 });
      expect(s.stack.takePingWanted()).toBeNull();
      const rto = connection.info(s.now).rto * MILLISECOND;
      s.pass(rto - 1);
      expect(s.stack.takePingWanted()).toBeNull();
      s.pass(1);
      expect(s.stack.takePingWanted()).toBe(s.route);
      expect(s.stack.takePingWanted()).toBeNull();
      s.pass(2 * rto - 1);
      expect(s.stack.takePingWanted()).toBeNull();
      s.pass(1);
      expect(s.stack.takePingWanted()).toBe(s.route);
      s.pass(600 * MINUTE);
      s.nothing();
      expect(connection.state).toBe("ESTABLISHED");
    },
    wire,
  );

  scenario(
    "a delayed ACK after the links' answers what was sent before they were asked counts as lost, without a congestion response",
    (s) => {
      const connection = s.accepted();
      s.write(connection, 100);
      s.write(connection, 100);
      s.take();
      s.pass(SECOND);
      const pingAt = s.now;
      s.write(connection, 50);
      s.expect("A", { seq: 201, data: 50 });
      s.pass(10 * MILLISECOND);
      s.stack.linksAnswered(s.now, s.route, pingAt - 1);
      s.pass(39 * MILLISECOND);
      s.nothing();
      s.pass(MILLISECOND);
      s.expect("A", { seq: 1, data: 100 });
      s.expect("A", { seq: 101, data: 100 });
      // Sent after the ping: nothing is known of it.
      s.nothing();
      expect(connection.info(s.now).timeouts).toBe(0);
    },
    wire,
  );

  scenario(
    "an ACK between the answers and their judgement is heard",
    (s) => {
      const connection = s.accepted();
      s.write(connection, 100);
      s.take();
      s.pass(SECOND);
      s.stack.linksAnswered(s.now, s.route, s.now);
      s.pass(30 * MILLISECOND);
      s.send("A", { ack: 101 });
      s.pass(MINUTE);
      s.nothing();
    },
    wire,
  );

  scenario(
    "answers to pings from before the segment decide nothing, and the links are to be asked again",
    (s) => {
      const connection = s.accepted();
      const before = s.now;
      s.pass(10 * MILLISECOND);
      s.write(connection, 100);
      s.take();
      s.pass(SECOND);
      while (s.stack.takePingWanted() !== null);
      s.stack.linksAnswered(s.now, s.route, before);
      expect(s.stack.takePingWanted()).toBe(s.route);
      s.pass(100 * MILLISECOND);
      s.nothing();
      // The answer to the ping that was asked for decides.
      s.stack.linksAnswered(s.now, s.route, s.now - 50 * MILLISECOND);
      s.pass(40 * MILLISECOND);
      s.expect("A", { seq: 1, data: 100 });
    },
    wire,
  );

  scenario(
    "answers that this connection did not want change nothing",
    (s) => {
      const connection = s.accepted();
      s.write(connection, 100);
      s.take();
      s.stack.linksAnswered(s.now + 1, s.route, s.now);
      s.pass(100 * MILLISECOND);
      s.nothing();
      expect(connection.info(s.now).retransmits).toBe(0);
    },
    wire,
  );

  scenario(
    "losses by pongs end the connection at last (R2, RFC 9293 §3.8.3)",
    (s) => {
      const connection = s.accepted();
      s.write(connection, 100);
      for (let count = 0; count < 40 && connection.state !== "CLOSED"; count++) {
        s.pass(3 * MINUTE);
        s.stack.linksAnswered(s.now, s.route, s.now);
        s.pass(SECOND);
      }
      expect(connection.error?.code).toBe("ETIMEDOUT");
      expect(s.take().length).toBe(1 + 15);
    },
    wire,
  );

  scenario(
    "a SYN is not resent: the gateway may still be dialling; its time runs all the same",
    (s) => {
      const connection = s.connect();
      s.expect("S");
      s.pass(2 * MINUTE);
      s.nothing();
      expect(connection.state).toBe("SYN-SENT");
      s.pass(MINUTE);
      expect(connection.error?.code).toBe("ETIMEDOUT");
      s.nothing();
    },
    wire,
  );

  scenario(
    "a SYN is resent when its link died, not when another did",
    (s) => {
      const connection = s.connect();
      s.expect("S");
      s.stack.linkDied(s.now, 99);
      s.flush();
      s.nothing();
      s.stack.linkDied(s.now, s.linkId);
      s.linkId = 2;
      s.flush();
      s.expect("S", { seq: 0 });
      s.send("SA");
      s.expect("A", { seq: 1, ack: 1 });
      expect(connection.info(s.now).rtt).toBe(0);
    },
    wire,
  );

  scenario(
    "a SYN that is given up is taken back by a reset, by close and by abort",
    (s) => {
      for (const end of ["release", "abort"] as const) {
        s.heard = 0;
        const connection = s.connect();
        s.expect("S");
        s[end](connection);
        s.expect("R", { seq: 1 });
        expect(s.stack.connectionCount).toBe(0);
      }
    },
    wire,
  );

  scenario(
    "keepalive and user timeout work there too",
    (s) => {
      const connection = s.accepted({}, { userTimeout: 5 * SECOND });
      s.write(connection, 10);
      s.take();
      s.pass(5 * SECOND);
      expect(connection.error?.code).toBe("ETIMEDOUT");
    },
    wire,
  );

  it("large segments are cut to the room of a message, small room waits", () => {
    const pair = new Pair({ ...reliable, family: 6 });
    const [client] = pair.connected();
    client.send(pair.now, pattern(60_000));
    const out = new Uint8Array(70_000);
    const connection = pair.a.takeReady();
    expect(connection).toBe(client);
    expect(pair.a.transmit(client, pair.now, out, 0, 2000, 1, 65_535)).toBe(-1);
    expect(client.info(pair.now).inFlight).toBe(0);
    const length = pair.a.transmit(client, pair.now, out, 100, 10_000, 1, 65_535);
    expect(length).toBe(10_000);
    expect(pair.a.transmit(client, pair.now, out, 0, 70_000, 1, 20_000)).toBe(20_000 + 40 + 32);
  });
});

describe("a link that dies", () => {
  scenario("only its segments are resent, at once, without a congestion response", (s) => {
    const connection = s.accepted({ mss: 1000 });
    s.write(connection, 2000);
    s.linkId = 2;
    s.write(connection, 2000);
    expect(s.take().map((seen) => seen.seq)).toEqual([1, 1001, 2001, 3001]);
    const { cwnd, ssthresh } = connection.info(s.now);
    s.stack.linkDied(s.now, 1);
    s.flush();
    expect(s.take().map((seen) => seen.seq)).toEqual([1, 1001]);
    expect(connection.info(s.now)).toMatchObject({ cwnd, ssthresh, timeouts: 0, backoffs: 0 });
    s.send("A", { ack: 4001 });
    s.pass(MINUTE);
    s.nothing();
  });

  scenario("every connection says its window, idle ones too", (s) => {
    s.accepted();
    s.stack.linkDied(s.now, 1);
    s.flush();
    s.expect("A", { seq: 1, ack: 1 });
    s.nothing();
  });

  scenario("segments on another link keep their loss detection", (s) => {
    const connection = s.connect();
    s.expect("S");
    s.pass(100 * MILLISECOND);
    s.send("SA", { mss: 1000, sackOk: true });
    s.take();
    s.write(connection, 3000);
    s.pass(100 * MILLISECOND);
    s.send("A", { ack: 1, sack: [[1001, 2001]] });
    s.take();
    // RACK's timer runs; the death of a link that carried nothing of this does not stop it.
    s.stack.linkDied(s.now, 77);
    s.flush();
    s.expect("A", { seq: 3001, ack: 1 });
    s.pass(50 * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000 });
  });

  scenario("no round-trip sample reaches back across it", (s) => {
    const connection = s.connect();
    s.pass(10 * MILLISECOND);
    s.send("SA", { mss: 1000 });
    s.take();
    s.write(connection, 1000);
    s.linkId = 2;
    s.write(connection, 1000);
    s.pass(150 * MILLISECOND);
    s.stack.linkDied(s.now, 1);
    s.flush();
    s.pass(50 * MILLISECOND);
    s.send("A", { ack: 2001 });
    expect(connection.info(s.now).rtt).toBe(10);
  });

  scenario("a recovery that was under way goes on: its window is halved once", (s) => {
    const connection = s.accepted({ mss: 1000, sackOk: true });
    s.write(connection, 20_000);
    s.send("A", { ack: 1, sack: [[1001, 4001]] });
    const { ssthresh } = connection.info(s.now);
    expect(ssthresh).toBe(5000);
    s.stack.linkDied(s.now, 1);
    s.flush();
    s.linkId = 2;
    s.pass(MILLISECOND);
    s.send("A", {
      ack: 1,
      sack: [
        [1001, 4001],
        [5001, 9001],
      ],
    });
    s.pass(10 * MILLISECOND);
    expect(connection.info(s.now).ssthresh).toBe(ssthresh);
  });
});

describe("a frozen route", () => {
  /** Everything that has a timer: data under way, a delayed ACK, keepalive. */
  function busy(s: Script) {
    const connection = s.accepted(
      { mss: 1000 },
      { quickAcks: 0, keepAlive: { idle: 10 * SECOND, interval: SECOND, count: 3 } },
    );
    s.write(connection, 3000);
    s.take();
    s.send("A", { ack: 1, data: 10 });
    s.pass(20 * MILLISECOND);
    s.nothing();
    return connection;
  }

  scenario("sends nothing and lets no timer pass, for a week", (s) => {
    const connection = busy(s);
    s.stack.freeze(s.now, s.route);
    expect(s.stack.nextDeadline() === Number.POSITIVE_INFINITY || connection.timers.frozen).toBe(true);
    s.write(connection, 1000);
    s.pass(7 * 24 * 60 * MINUTE);
    s.nothing();
    expect(connection.state).toBe("ESTABLISHED");
    expect(connection.info(s.now)).toMatchObject({ frozen: true, timeouts: 0, backoffs: 0 });
  });

  scenario("thawed, resends from SND.UNA at once, without backoff or congestion response", (s) => {
    const connection = busy(s);
    const { cwnd, ssthresh, rto } = connection.info(s.now);
    s.stack.freeze(s.now, s.route);
    s.pass(60 * MINUTE);
    s.stack.thaw(s.now, s.route);
    s.mark();
    s.flush();
    expect(s.take().map((seen) => [seen.seq, seen.ack, seen.at - s.now])).toEqual([
      [1, 11, 0],
      [1001, 11, 0],
      [2001, 11, 0],
    ]);
    expect(connection.info(s.now)).toMatchObject({ cwnd, ssthresh, rto, backoffs: 0, timeouts: 0 });
    s.pass(rto * MILLISECOND);
    s.expect("A", { seq: 1, data: 1000, at: rto * MILLISECOND });
    // An answer after the outage measures nothing.
    s.send("A", { ack: 3001 });
    expect(connection.info(s.now).rtt).toBeLessThan(1);
  });

  scenario("thawed, idle connections say their window", (s) => {
    s.accepted();
    s.stack.freeze(s.now, s.route);
    s.pass(MINUTE);
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.expect("A", { seq: 1, ack: 1 });
    s.nothing();
  });

  scenario("what was left of a timer is left after it", (s) => {
    const connection = s.accepted({}, { keepAlive: { idle: 10 * SECOND, interval: SECOND, count: 3 } });
    s.pass(7 * SECOND);
    s.stack.freeze(s.now, s.route);
    s.pass(60 * MINUTE);
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.expect("A", { seq: 1 });
    s.mark();
    s.pass(5 * SECOND);
    s.expect("A", { seq: 0, at: 3 * SECOND });
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("the user timeout does not count the outage", (s) => {
    const connection = s.accepted({}, { userTimeout: 10 * SECOND });
    s.write(connection, 100);
    s.pass(5 * SECOND);
    s.stack.freeze(s.now, s.route);
    s.pass(60 * MINUTE);
    s.stack.thaw(s.now, s.route);
    s.pass(5 * SECOND);
    expect(connection.state).toBe("ESTABLISHED");
    s.pass(5 * SECOND);
    expect(connection.state).toBe("CLOSED");
  });

  scenario("connects later: a SYN waits for the thaw", (s) => {
    s.stack.freeze(s.now, s.route);
    const connection = s.connect();
    s.pass(60 * MINUTE);
    s.nothing();
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.expect("S", { seq: 0 });
    s.send("SA");
    s.expect("A", { seq: 1 });
    expect(connection.state).toBe("ESTABLISHED");
  });

  scenario("a SYN that had left goes again after the thaw", (s) => {
    s.connect();
    s.expect("S");
    s.stack.freeze(s.now, s.route);
    s.pass(MINUTE);
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.expect("S", { seq: 0 });
    s.nothing();
  });

  scenario("an abort meanwhile is silent; the peer learns by a reset when it speaks", (s) => {
    const connection = s.accepted();
    s.stack.freeze(s.now, s.route);
    s.abort(connection);
    expect(s.stack.connectionCount).toBe(0);
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.nothing();
    s.send("A", { data: 10 });
    s.expect("R", { seq: 1 });
  });

  scenario("a reset that had not left yet leaves after the thaw", (s) => {
    const connection = s.accepted();
    connection.abort(s.now);
    s.stack.freeze(s.now, s.route);
    s.flush();
    s.nothing();
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.expect("RA", { seq: 1, ack: 1 });
    expect(s.stack.connectionCount).toBe(0);
  });

  scenario("freezing twice and thawing twice change nothing more", (s) => {
    s.accepted();
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.take();
    s.stack.freeze(s.now, s.route);
    s.pass(SECOND);
    s.stack.freeze(s.now, s.route);
    s.stack.thaw(s.now, s.route);
    s.flush();
    s.expect("A");
    s.nothing();
  });

  for (const mode of [true, false]) {
    for (const seed of [11, 12, 13]) {
      it(`links die and routes freeze at random; bytes are exact (reliable: ${mode}, seed ${seed})`, () => {
        const random = seeded(seed);
        const pair = new Pair({ route: { reliable: mode, mtu: mode ? 20_000 : 1500 } });
        const [client, server] = pair.connected();
        pair.answerPings();
        const total = 1 << 20;
        const data = pattern(total);
        const received = new Uint8Array(total);
        let sent = 0;
        let got = 0;
        let left = 60;
        pair.drive(() => {
          sent += client.send(pair.now, data.subarray(sent));
          const part = readAll(pair, server);
          received.set(part, got);
          got += part.length;
          if (left > 0 && random() < 0.05) {
            left--;
            // Both ends lose the link with all that is on it, and find another one.
            const dead = pair.linkId++;
            pair.dropUnderWay();
            if (random() < 0.5) {
              pair.a.freeze(pair.now, pair.routeA);
              pair.b.freeze(pair.now, pair.routeB);
              pair.now += random() * MINUTE;
            }
            pair.a.linkDied(pair.now, dead);
            pair.b.linkDied(pair.now, dead);
            if (pair.routeA.frozen) {
              pair.a.thaw(pair.now, pair.routeA);
              pair.b.thaw(pair.now, pair.routeB);
            }
          }
          return got === total;
        });
        expect(sameBytes(received, data)).toBe(true);
        expect(client.info(pair.now).timeouts).toBe(0);
        expect(client.takeEvents() & Event.closed).toBe(0);
      });
    }
  }
});
