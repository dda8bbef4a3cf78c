// Timestamps and PAWS, RFC 7323 §3 to §5.

import { describe, expect } from "vitest";
import { MILLISECOND, SECOND, scenario } from "./script.ts";

const DAY = 24 * 3600 * SECOND;

describe("timestamps", () => {
  scenario("tick in milliseconds and echo the peer's (RFC 7323 §3.2)", (s) => {
    const connection = s.accepted({ ts: [100] });
    s.send("A", { data: 10, ts: [150] });
    const first = s.expect("A", { ack: 11, ts: [undefined, 150] });
    s.pass(250 * MILLISECOND);
    s.write(connection, 10);
    const second = s.expect("A", { data: 10, ts: [undefined, 150] });
    expect(((second.ts?.[0] ?? 0) - (first.ts?.[0] ?? 0)) >>> 0).toBe(250);
  });

  scenario("a peer that leaves them out after its SYN is heard all the same (RFC 7323 §3.2)", (s) => {
    const connection = s.accepted({ ts: [100] });
    s.send("A", { data: 10 });
    s.expect("A", { ack: 11, ts: [undefined, 100] });
    expect(connection.available).toBe(10);
  });

  scenario("are not used when the SYN did not have them (RFC 7323 §3.2)", (s) => {
    const connection = s.accepted();
    s.send("A", { data: 10, ts: [5] });
    s.expect("A", { ack: 11, ts: null });
    expect(connection.available).toBe(10);
  });

  scenario("the echo is of the segment that the last ACK was about (RFC 7323 §4.3)", (s) => {
    s.accepted({ ts: [100] }, { quickAcks: 0 });
    // Delayed ACK: the earliest of the segments it covers.
    s.send("A", { data: 100, ts: [200] });
    s.send("A", { data: 100, ts: [300] });
    s.pass(50 * MILLISECOND);
    s.expect("A", { ack: 201, ts: [undefined, 200] });
    // A hole: the last segment that advanced the left edge.
    s.send("A", { seq: 301, data: 100, ts: [400] });
    s.expect("A", { ack: 201, ts: [undefined, 200] });
    s.send("A", { seq: 201, data: 100, ts: [500] });
    s.expect("A", { ack: 401, ts: [undefined, 500] });
  });

  scenario("go on over 2^32 (RFC 7323 §5.2)", (s) => {
    const connection = s.accepted({ ts: [0xffff_fff0] });
    s.send("A", { data: 10, ts: [0xffff_ffff] });
    s.send("A", { data: 10, ts: [4] });
    expect(connection.available).toBe(20);
    expect(s.take().pop()?.ts?.[1]).toBe(4);
    s.send("A", { data: 10, ts: [0xffff_fff5] });
    expect(connection.available).toBe(20);
  });
});

describe("PAWS", () => {
  scenario("an old duplicate is acknowledged and dropped (RFC 7323 §5.3 R1)", (s) => {
    const connection = s.accepted({ ts: [1000] });
    s.send("A", { seq: 1, data: 10, ts: [999] });
    s.expect("A", { ack: 1, ts: [undefined, 1000] });
    expect(connection.available).toBe(0);
    s.send("A", { seq: 1, data: 10, ts: [1000] });
    s.expect("A", { ack: 11 });
  });

  scenario("an old duplicate's ACK and FIN are not taken either", (s) => {
    const connection = s.accepted({ ts: [1000] });
    s.write(connection, 10);
    s.take();
    s.send("FA", { seq: 1, ack: 11, ts: [500] });
    s.expect("A", { ack: 1 });
    expect([connection.state, connection.unacknowledged]).toEqual(["ESTABLISHED", 10]);
  });

  scenario("after 24 idle days a timestamp proves nothing (RFC 7323 §5.5)", (s) => {
    const connection = s.accepted({ ts: [0x4000_0000] });
    s.pass(24 * DAY - SECOND);
    s.send("A", { seq: 1, data: 10, ts: [5] });
    expect(connection.available).toBe(0);
    s.take();
    s.pass(2 * SECOND);
    s.send("A", { seq: 1, data: 10, ts: [5] });
    s.expect("A", { ack: 11, ts: [undefined, 5] });
  });

  scenario("a segment outside of the window does not plant its timestamp (RFC 7323 §4.3)", (s) => {
    const connection = s.accepted({ ts: [1000] });
    s.send("A", { seq: 1 + (1 << 25), data: 10, ts: [900_000] });
    s.take();
    s.send("A", { seq: 1, data: 10, ts: [1001] });
    expect(connection.available).toBe(10);
  });

  scenario("what is late fills its hole after a second sending filled another (RFC 7323 §5.3)", (s) => {
    const connection = s.accepted({ ts: [1000] });
    s.send("A", { seq: 101, data: 100, ts: [1010] });
    s.send("A", { seq: 301, data: 100, ts: [1030] });
    // Lost and sent again: TS.Recent is later than what is still on the way.
    s.send("A", { seq: 1, data: 100, ts: [1100] });
    s.take();
    s.send("A", { seq: 201, data: 100, ts: [1020] });
    s.expect("A", { ack: 401, ts: [undefined, 1100] });
    expect(connection.available).toBe(400);
    // Without a hole nothing is waited for.
    s.send("A", { seq: 401, data: 100, ts: [1040] });
    s.expect("A", { ack: 401 });
    expect(connection.available).toBe(400);
  });

  scenario("what is older than all that came before a hole does not fill it (RFC 7323 §5.3 R1)", (s) => {
    const connection = s.accepted({ ts: [1000] });
    s.send("A", { seq: 101, data: 100, ts: [1010] });
    s.send("A", { seq: 1, data: 100, ts: [999] });
    expect(connection.available).toBe(0);
  });

  scenario("an early segment does not plant its timestamp (RFC 7323 §4.3)", (s) => {
    const connection = s.accepted({ ts: [1000] });
    s.send("A", { seq: 101, data: 100, ts: [1500] });
    s.send("A", { seq: 1, data: 100, ts: [1200] });
    expect(connection.available).toBe(200);
  });
});
