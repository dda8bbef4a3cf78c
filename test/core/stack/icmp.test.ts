// ICMP at the stack: errors reach the connection they quote (RFC 1122 §4.2.3.9, RFC 5461, RFC 5927), too-big makes
// segments smaller (RFC 1191, RFC 8201), echo is answered (RFC 1122 §3.2.2.6).

import { describe, expect } from "vitest";
import { buildIcmpError, type IcmpError } from "../../../src/core/wire/icmp-build.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { Packet, parsePacket } from "../../../src/core/wire/packet.ts";
import { MINUTE, type Script, SECOND, type Seen, scenario } from "../tcp/script.ts";

/** A router on the way complains about a packet that left. */
function complain(s: Script, about: Seen, error: IcmpError, change: (bytes: Uint8Array) => void = () => {}) {
  const quoted = about.bytes.slice();
  change(quoted);
  const packet = new Packet();
  parsePacket(packet, quoted, 0, quoted.length, false);
  const router = IpAddress.parse(s.local.family === 4 ? "10.99.0.1" : "fd99::1") as IpAddress;
  s.inject(buildIcmpError(packet, router, error, 64) as Uint8Array);
}

const hostUnreachable: IcmpError = { kind: "unreachable", reason: "host" };

describe("an ICMP error about a handshake", () => {
  for (const [error, code] of [
    [hostUnreachable, "EHOSTUNREACH"],
    [{ kind: "unreachable", reason: "net" }, "ENETUNREACH"],
    [{ kind: "unreachable", reason: "port" }, "ECONNREFUSED"],
    [{ kind: "unreachable", reason: "prohibited" }, "EACCES"],
    [{ kind: "time-exceeded", code: 0 }, "EHOSTUNREACH"],
  ] as const) {
    const name = "reason" in error ? error.reason : error.kind;
    scenario(`${name} ends connect() with ${code} (RFC 5461 §4.1)`, (s) => {
      const connection = s.connect();
      complain(s, s.expect("S"), error);
      expect([connection.state, connection.error?.code]).toEqual(["CLOSED", code]);
      expect(s.stack.connectionCount).toBe(0);
    });
  }

  scenario("with a number that is not the SYN's is ignored (RFC 5927 §4.1)", (s) => {
    const connection = s.connect();
    complain(s, s.expect("S"), hostUnreachable, (bytes) => {
      bytes[24] ^= 1;
    });
    expect(connection.state).toBe("SYN-SENT");
  });

  scenario(
    "works in IPv6 too (RFC 4443)",
    (s) => {
      const connection = s.connect();
      complain(s, s.expect("S"), { kind: "unreachable", reason: "port" });
      expect(connection.error?.code).toBe("ECONNREFUSED");
    },
    { family: 6 },
  );

  scenario("of a passive open waits for its timer", (s) => {
    s.listen();
    s.send("S");
    complain(s, s.expect("SA"), hostUnreachable);
    expect(s.stack.countByState()["SYN-RECEIVED"]).toBe(1);
  });
});

describe("an ICMP error about data", () => {
  scenario(
    "is a hint: the connection goes on, and the hint is its error when it times out (RFC 1122 §4.2.3.9)",
    (s) => {
      const connection = s.accepted();
      s.write(connection, 10);
      const sent = s.expect("A", { data: 10 });
      complain(s, sent, { kind: "unreachable", reason: "port" });
      complain(s, sent, hostUnreachable);
      expect(connection.state).toBe("ESTABLISHED");
      s.send("A", { ack: 11 });
      s.write(connection, 10);
      complain(s, s.expect("A", { data: 10 }), hostUnreachable);
      s.pass(60 * MINUTE);
      expect(connection.error?.code).toBe("EHOSTUNREACH");
    },
  );

  scenario("of old data is ignored (RFC 5927 §4.1)", (s) => {
    const connection = s.accepted();
    s.write(connection, 10);
    const old = s.expect("A", { data: 10 });
    s.send("A", { ack: 11 });
    s.write(connection, 10);
    complain(s, old, hostUnreachable);
    s.pass(60 * MINUTE);
    expect(connection.error?.code).toBe("ETIMEDOUT");
  });
});

describe("too big (RFC 1191, RFC 8201)", () => {
  scenario("cuts segments, resends what was too big at once, and nothing else", (s) => {
    const connection = s.accepted({ mss: 1460 });
    s.write(connection, 500);
    s.write(connection, 1460);
    s.expect("A", { seq: 1, data: 500 });
    const big = s.expect("A", { seq: 501, data: 1460 });
    complain(s, big, { kind: "too-big", mtu: 1000 });
    s.expect("A", { seq: 501, data: 960 });
    s.expect("A", { seq: 1461, data: 500 });
    s.nothing();
    s.send("A", { ack: 1961 });
    s.write(connection, 2000);
    expect(s.take().map((seen) => seen.length)).toEqual([960, 960, 80]);
    expect(connection.info(s.now)).toMatchObject({ mss: 960, timeouts: 0 });
  });

  scenario("is no congestion: the window stays (RFC 1191 §6.3)", (s) => {
    const connection = s.accepted({ mss: 1460 });
    s.write(connection, 14_600);
    const sent = s.take();
    s.send("A", { ack: 1461 });
    const { cwnd } = connection.info(s.now);
    complain(s, sent[1], { kind: "too-big", mtu: 1400 });
    s.take();
    expect(connection.info(s.now)).toMatchObject({ cwnd, ssthresh: Number.POSITIVE_INFINITY, timeouts: 0 });
  });

  scenario("never makes them larger", (s) => {
    const connection = s.accepted({ mss: 1000 });
    s.write(connection, 1000);
    complain(s, s.expect("A", { data: 1000 }), { kind: "too-big", mtu: 1500 });
    s.nothing();
    expect(connection.info(s.now).mss).toBe(1000);
  });

  scenario("below the least that IPv4 hosts take is taken as that (RFC 5927 §7)", (s) => {
    const connection = s.accepted({ mss: 1460 });
    s.write(connection, 1460);
    const sent = s.expect("A", { data: 1460 });
    complain(s, sent, { kind: "too-big", mtu: 68 });
    expect(connection.info(s.now).mss).toBe(536);
    s.take();
  });

  scenario("of an old router says nothing of the size; the least is taken (RFC 1191 §5)", (s) => {
    const connection = s.accepted({ mss: 1460 });
    s.write(connection, 1460);
    complain(s, s.expect("A", { data: 1460 }), { kind: "too-big", mtu: 0 });
    expect(connection.info(s.now).mss).toBe(536);
  });

  scenario(
    "about a segment that would have passed is ignored: its sender has not seen it (RFC 5927 §7)",
    (s) => {
      const connection = s.accepted({ mss: 1460 });
      s.write(connection, 800);
      complain(s, s.expect("A", { data: 800 }), { kind: "too-big", mtu: 1000 });
      s.nothing();
      expect(connection.info(s.now).mss).toBe(1460);
    },
  );

  scenario("about what is not under way is ignored (RFC 5927 §7)", (s) => {
    const connection = s.accepted({ mss: 1460 });
    s.write(connection, 1460);
    const sent = s.expect("A", { data: 1460 });
    s.send("A", { ack: 1461 });
    complain(s, sent, { kind: "too-big", mtu: 600 });
    expect(connection.info(s.now).mss).toBe(1460);
  });

  scenario(
    "in IPv6 goes down to 1280 (RFC 8201 §4)",
    (s) => {
      const connection = s.accepted({ mss: 1440 });
      s.write(connection, 1440);
      complain(s, s.expect("A", { data: 1440 }), { kind: "too-big", mtu: 600 });
      s.expect("A", { seq: 1, data: 1220 });
      s.expect("A", { seq: 1221, data: 220 });
      expect(connection.info(s.now).mss).toBe(1220);
    },
    { family: 6 },
  );
});

describe("ICMP that is none of ours", () => {
  scenario("about a tuple that nobody has is ignored", (s) => {
    const connection = s.accepted();
    s.write(connection, 10);
    complain(s, s.expect("A", { data: 10 }), hostUnreachable, (bytes) => {
      bytes[21] ^= 1;
    });
    s.pass(60 * MINUTE);
    expect(connection.error?.code).toBe("ETIMEDOUT");
  });

  scenario("with a wrong checksum is counted", (s) => {
    const connection = s.connect();
    const syn = s.expect("S");
    const packet = new Packet();
    parsePacket(packet, syn.bytes, 0, syn.bytes.length, false);
    const error = buildIcmpError(packet, s.remote, hostUnreachable, 64) as Uint8Array;
    error[error.length - 1] ^= 1;
    s.inject(error);
    expect(connection.state).toBe("SYN-SENT");
    expect(s.stack.counters.icmpReceived).toBe(0);
    expect(s.stack.counters.malformed.reduce((sum, count) => sum + (count ?? 0), 0)).toBe(1);
  });

  scenario("a ping is answered with its own bytes", (s) => {
    const echo = new Uint8Array(20 + 8 + 4);
    echo.set([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1]);
    echo.set([8, 0, 0, 0, 0x12, 0x34, 0, 7, 1, 2, 3, 4], 20);
    setSum(echo, 0, 20, 10);
    setSum(echo, 20, 32, 22);
    s.inject(echo);
    const [reply] = s.take();
    expect(reply.protocol).toBe(1);
    expect([...reply.bytes.slice(20, 22), ...reply.bytes.slice(24)]).toEqual([
      0, 0, 0x12, 0x34, 0, 7, 1, 2, 3, 4,
    ]);
    s.pass(SECOND);
    s.nothing();
  });
});

function setSum(bytes: Uint8Array, from: number, to: number, at: number): void {
  let sum = 0;
  for (let index = from; index < to; index += 2) sum += (bytes[index] << 8) | bytes[index + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes[at] = (~sum >>> 8) & 255;
  bytes[at + 1] = ~sum & 255;
}
