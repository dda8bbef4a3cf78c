// TIME-WAIT as a record of the stack: RFC 9293 §3.4.2 and §3.10.7.4, RFC 1337, RFC 6191, RFC 6528.

import { describe, expect } from "vitest";
import { MINUTE, type Script, SECOND, scenario } from "../tcp/script.ts";
import { inState } from "../tcp/states.ts";

/** A connection that has closed by both FINs, its timestamps as given. */
function timeWait(s: Script, ts: number | null = null) {
  const connection = s.accepted(ts === null ? {} : { ts: [ts] });
  s.finish(connection);
  s.expect("FA", { seq: 1 });
  s.send("FA", { ack: 2, ...(ts === null ? {} : { ts: [ts] }) });
  s.expect("A", { seq: 2, ack: 2 });
  expect(s.stack.countByState()["TIME-WAIT"]).toBe(1);
  return connection;
}

function isWaiting(s: Script): boolean {
  return s.stack.countByState()["TIME-WAIT"] === 1;
}

describe("TIME-WAIT", () => {
  scenario("lasts a minute and costs no connection (RFC 9293 §3.4.2)", (s) => {
    timeWait(s);
    expect(s.stack.connectionCount).toBe(0);
    s.pass(MINUTE - 1);
    expect(isWaiting(s)).toBe(true);
    s.pass(1);
    expect(isWaiting(s)).toBe(false);
    expect(s.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    s.nothing();
  });

  scenario(
    "lasts as long as the stack says",
    (s) => {
      timeWait(s);
      s.pass(5 * SECOND);
      expect(isWaiting(s)).toBe(false);
    },
    { stack: { timeWait: 5 * SECOND } },
  );

  scenario("acknowledges the FIN that comes again, and starts over (RFC 9293 §3.10.7.4 eighth)", (s) => {
    timeWait(s);
    s.pass(50 * SECOND);
    s.send("FA", { seq: 1, ack: 2 });
    s.expect("A", { seq: 2, ack: 2 });
    s.pass(59 * SECOND);
    expect(isWaiting(s)).toBe(true);
    s.pass(SECOND);
    expect(isWaiting(s)).toBe(false);
  });

  scenario("another FIN is no reason to start over", (s) => {
    timeWait(s);
    s.pass(50 * SECOND);
    s.send("FA", { seq: 900, ack: 2 });
    s.take();
    s.pass(10 * SECOND);
    expect(isWaiting(s)).toBe(false);
  });

  scenario("ignores resets (RFC 1337 fix 1)", (s) => {
    timeWait(s);
    s.send("R", { seq: 2 });
    s.send("RA", { seq: 2, ack: 2 });
    s.nothing();
    expect(isWaiting(s)).toBe(true);
  });

  scenario("acknowledges data, and says nothing to the last ACK", (s) => {
    timeWait(s);
    s.send("A", { seq: 2, ack: 2 });
    s.nothing();
    s.send("A", { seq: 2, ack: 2, data: 10 });
    s.expect("A", { seq: 2, ack: 2 });
  });

  scenario("does not argue with another that is as sure (one answer in half a second)", (s) => {
    timeWait(s);
    for (let count = 0; count < 100; count++) s.send("A", { seq: 700, ack: 2 });
    s.expect("A", { seq: 2, ack: 2 });
    s.nothing();
  });

  scenario("gives way to a SYN with a higher number (RFC 9293 §3.10.7.4, MAY-2)", (s) => {
    s.listen();
    timeWait2(s);
    const before = s.ours;
    s.send("S", { seq: 5000 });
    const answer = s.take();
    expect(answer.map((seen) => seen.flags)).toEqual(["SA"]);
    expect(isWaiting(s)).toBe(false);
    // Above all that the old incarnation used, though the clock of our numbers has hardly moved.
    expect((s.ours - before) | 0).toBeGreaterThan(2);
  });

  scenario("does not give way to an older SYN, which is acknowledged (RFC 9293 §3.10.7.4)", (s) => {
    s.listen();
    timeWait2(s);
    s.send("S", { seq: -5000 });
    s.expect("A", { seq: 2, ack: 2 });
    expect(isWaiting(s)).toBe(true);
    // The dialler answers that by a reset, and tries again later.
    s.send("R", { seq: 2 });
    expect(isWaiting(s)).toBe(true);
  });

  scenario("gives way to a SYN with a newer timestamp, whatever its number (RFC 6191)", (s) => {
    s.listen();
    timeWait2(s, 1000);
    s.send("S", { seq: -5000, ts: [1001] });
    expect(s.take().map((seen) => seen.flags)).toEqual(["SA"]);
  });

  scenario("of equal timestamps the higher number counts (RFC 6191)", (s) => {
    s.listen();
    timeWait2(s, 1000);
    s.send("S", { seq: -5000, ts: [1000] });
    expect(s.take().map((seen) => seen.flags)).toEqual(["A"]);
    s.send("S", { seq: 5000, ts: [1000] });
    expect(s.take().map((seen) => seen.flags)).toEqual(["SA"]);
  });

  scenario("does not give way to an older timestamp, whatever its number (RFC 6191)", (s) => {
    s.listen();
    timeWait2(s, 1000);
    s.send("S", { seq: 5000, ts: [999] });
    expect(s.take().map((seen) => seen.flags)).toEqual(["A"]);
    expect(isWaiting(s)).toBe(true);
  });

  scenario("without a listener the newer SYN is refused", (s) => {
    timeWait(s);
    s.send("S", { seq: 5000 });
    s.expect("RA", { ack: 5001 });
  });

  scenario("answers with timestamps where they were agreed", (s) => {
    timeWait(s, 1000);
    s.pass(SECOND);
    s.send("FA", { seq: 1, ack: 2, ts: [1000] });
    s.expect("A", { seq: 2, ack: 2, ts: [undefined, 1000] });
  });

  scenario("keeps its port from new connections to the same place (RFC 6056 §3.2)", (s) => {
    timeWait(s);
    expect(() => s.connect()).toThrow(/EADDRINUSE|is connected/);
    s.pass(MINUTE);
    s.connect();
    s.expect("S");
  });

  scenario(
    "has a limit; above it the FIN is acknowledged all the same",
    (s) => {
      const connection = inState(s, "FIN-WAIT-2");
      s.send("FA", { ack: 2 });
      s.expect("A", { seq: 2, ack: 2 });
      expect(connection.state).toBe("TIME-WAIT");
      expect(isWaiting(s)).toBe(false);
      expect(s.stack.counters.timeWaitOverflows).toBe(1);
    },
    { stack: { limits: { timeWait: 0 } } },
  );
});

/** As timeWait(), beside a listener that is there already. */
function timeWait2(s: Script, ts: number | null = null): void {
  const stamp = ts === null ? {} : { ts: [ts] as const };
  s.send("S", { mss: 1460, ...stamp });
  s.expect("SA");
  s.send("A", stamp);
  const [connection] = s.stack.connections();
  s.finish(connection);
  s.expect("FA", { seq: 1 });
  s.send("FA", { ack: 2, ...stamp });
  s.expect("A", { seq: 2, ack: 2 });
}
