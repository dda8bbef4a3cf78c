// Listeners and the SYN queue: RFC 9293 §3.9.1.1 and §3.10.7.2, limits, what happens when queues are full, and
// segments for which there is nobody (§3.10.7.1, §3.5.2).

import { describe, expect, it } from "vitest";
import { type Connection, Stack, StackError } from "../../../src/core/stack/index.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { Prefix } from "../../../src/core/wire/prefix.ts";
import { Flag, TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { buildPacket, type Script, SECOND, scenario } from "../tcp/script.ts";
import { Pair } from "./pair.ts";

/** A SYN (or what the flags say) of another dialler. */
function knock(s: Script, port: number, flags: number = Flag.syn, fields: Partial<TcpSegment> = {}): void {
  const segment = new TcpSegment();
  Object.assign(segment, { sourcePort: port, destinationPort: s.localPort, seq: 100, window: 1000, flags });
  Object.assign(segment, fields);
  s.inject(buildPacket(s.remote, s.local, segment, new Uint8Array(0)));
}

describe("a listener", () => {
  scenario("takes connections in the order of their handshakes", (s) => {
    const listener = s.listen();
    for (const port of [1000, 1001, 1002]) knock(s, port);
    const answers = s.take();
    expect(answers.length).toBe(3);
    for (const index of [2, 0, 1]) {
      const ack = (answers[index].raw.seq + 1) >>> 0;
      knock(s, 1000 + index, Flag.ack, { seq: 101, ack });
    }
    expect(s.stack.takeAcceptable()).toBe(listener);
    expect(s.stack.takeAcceptable()).toBeNull();
    const accepted: number[] = [];
    for (let next = listener.accept(); next !== null; next = listener.accept())
      accepted.push(next.remotePort);
    expect(accepted).toEqual([1002, 1000, 1001]);
  });

  scenario(
    "drops SYNs when its backlog of handshakes is full, it does not refuse them",
    (s) => {
      s.listen(2);
      for (const port of [1000, 1001, 1002, 1003]) knock(s, port);
      expect(s.take().map((seen) => seen.flags)).toEqual(["SA", "SA"]);
      expect(s.stack.counters.synDropped).toBe(2);
    },
    { stack: { synCookies: "never" } },
  );

  scenario("drops SYNs while its accept queue is full, and takes them again after accept()", (s) => {
    const listener = s.listen(1);
    s.send("S");
    s.expect("SA");
    s.send("A");
    knock(s, 1001);
    s.nothing();
    expect(listener.accept()?.remotePort).toBe(s.remotePort);
    knock(s, 1001);
    expect(s.take().map((seen) => seen.flags)).toEqual(["SA"]);
  });

  scenario("counts what overflows its accept queue, and the dialler's data brings it in later", (s) => {
    const listener = s.listen(2);
    for (const port of [1000, 1001]) knock(s, port);
    const [one, two] = s.take();
    knock(s, 1000, Flag.ack, { seq: 101, ack: (one.raw.seq + 1) >>> 0 });
    // The queue holds one; a third handshake begins, so that two may arrive for one place.
    knock(s, 1002);
    const [three] = s.take();
    knock(s, 1001, Flag.ack, { seq: 101, ack: (two.raw.seq + 1) >>> 0 });
    const third = { seq: 101, ack: (three.raw.seq + 1) >>> 0 };
    knock(s, 1002, Flag.ack, third);
    expect(s.stack.counters.acceptOverflows).toBe(1);
    expect(s.stack.countByState()["SYN-RECEIVED"]).toBe(1);
    listener.accept();
    knock(s, 1002, Flag.ack, third);
    expect(s.stack.countByState()["SYN-RECEIVED"]).toBe(0);
    expect(listener.waiting).toBe(2);
  });

  scenario(
    "bounds half-open connections over all listeners",
    (s) => {
      s.listen(100);
      for (let port = 1000; port < 1010; port++) knock(s, port);
      expect(s.take().length).toBe(3);
      s.pass(70 * SECOND);
      s.take();
      // They have timed out: there is room again.
      knock(s, 2000);
      expect(s.take().length).toBe(1);
    },
    { stack: { limits: { halfOpen: 3 }, synCookies: "never" } },
  );

  scenario(
    "bounds all connections",
    (s) => {
      s.listen(100);
      for (let port = 1000; port < 1010; port++) knock(s, port);
      expect(s.take().length).toBe(4);
      expect(() => s.stack.connect(s.now, { remote: s.remote, remotePort: 9 })).toThrow(
        expect.objectContaining({ code: "ERR_LIMIT" }),
      );
    },
    { stack: { limits: { connections: 4 } } },
  );

  scenario("resets what nobody accepted when it closes", (s) => {
    const listener = s.listen();
    s.send("S");
    s.expect("SA");
    s.send("A", { data: 10 });
    s.expect("A");
    knock(s, 1000);
    s.take();
    listener.close(s.now);
    s.flush();
    expect(
      s
        .take()
        .map((seen) => seen.flags)
        .sort(),
    ).toEqual(["RA", "RA"]);
    expect([s.stack.connectionCount, s.stack.memoryUsed, s.stack.countByState().LISTEN]).toEqual([0, 0, 0]);
    s.send("S", { seq: 0 });
    s.expect("RA", { ack: 1 });
  });

  scenario("a connection that was reset before it was accepted frees what it holds when that closes", (s) => {
    const listener = s.listen();
    s.send("S");
    s.expect("SA");
    s.send("A", { data: 10 });
    s.expect("A");
    s.send("R");
    expect(s.stack.connectionCount).toBe(0);
    const dead = listener.accept() as Connection;
    expect(dead.error?.code).toBe("ECONNRESET");
    expect(dead.receive(s.now, 100)?.length).toBe(10);
    expect(s.stack.memoryUsed).toBe(0);
  });

  it("gives its own options to its connections", () => {
    const pair = new Pair();
    const listener = pair.b.listen(pair.now, { address: null, port: 80, backlog: 4, tcp: { sack: false } });
    pair.a.connect(pair.now, { remote: pair.addressB, remotePort: 80 });
    pair.runFor(100_000);
    expect(listener.accept()?.info(pair.now).options.sack).toBe(false);
  });

  it("binds one address or all, once each, the narrower first", () => {
    const one = IpAddress.parse("10.0.0.1") as IpAddress;
    const two = IpAddress.parse("10.0.0.2") as IpAddress;
    const stack = new Stack({ secret: new Uint8Array(32), addresses: [one, two] });
    stack.addRoute(Prefix.parse("0.0.0.0/0") as Prefix, { reliable: false, checksum: true, mtu: 1500 });
    const first = stack.listen(0, { address: one, port: 80, backlog: 1 });
    stack.listen(0, { address: two, port: 80, backlog: 1 });
    const inUse = expect.objectContaining({ code: "EADDRINUSE" });
    expect(() => stack.listen(0, { address: one, port: 80, backlog: 1 })).toThrow(inUse);
    expect(() => stack.listen(0, { address: null, port: 80, backlog: 1 })).toThrow(inUse);
    const elsewhere = IpAddress.parse("10.9.9.9") as IpAddress;
    expect(() => stack.listen(0, { address: elsewhere, port: 80, backlog: 1 })).toThrow(
      expect.objectContaining({ code: "EADDRNOTAVAIL" }),
    );
    first.close(0);
    first.close(0);
    stack.listen(0, { address: one, port: 80, backlog: 1 });
    expect(stack.countByState().LISTEN).toBe(2);
  });

  it("with port 0 gets an ephemeral one, a different one each time", () => {
    const pair = new Pair();
    const ports = new Set<number>();
    for (let count = 0; count < 50; count++)
      ports.add(pair.b.listen(pair.now, { address: null, port: 0, backlog: 1 }).port);
    expect(ports.size).toBe(50);
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(49_152);
  });
});

describe("a segment for which there is nobody (RFC 9293 §3.10.7.1)", () => {
  scenario("with ACK is answered by a reset of that number", (s) => {
    knock(s, 1000, Flag.ack, { ack: 77 });
    const [reset] = s.take();
    expect(reset.flags).toBe("R");
    expect(reset.raw.seq).toBe(77);
  });

  scenario("without ACK by a reset that acknowledges all of it", (s) => {
    knock(s, 1000, Flag.syn | Flag.fin);
    const [reset] = s.take();
    expect([reset.flags, reset.raw]).toEqual(["RA", { seq: 0, ack: 102 }]);
  });

  scenario("that is a reset by nothing", (s) => {
    knock(s, 1000, Flag.rst);
    knock(s, 1000, Flag.rst | Flag.ack);
    knock(s, 1000, Flag.rst | Flag.syn);
    s.nothing();
  });

  scenario(
    "in LISTEN: an ACK is answered by a reset, a SYN with a reset by nothing (RFC 9293 §3.10.7.2)",
    (s) => {
      s.listen();
      knock(s, 1000, Flag.ack, { ack: 5 });
      expect(s.take().map((seen) => seen.flags)).toEqual(["R"]);
      knock(s, 1000, Flag.syn | Flag.rst);
      knock(s, 1000, 0);
      // A segment without any flag is no SYN: it gets its reset.
      expect(s.take().map((seen) => seen.flags)).toEqual(["RA"]);
      expect(s.stack.connectionCount).toBe(0);
    },
  );

  scenario("for another host, from nowhere, or from port 0 is counted and dropped", (s) => {
    const other = IpAddress.parse("10.0.0.77") as IpAddress;
    const nowhere = IpAddress.parse("0.0.0.0") as IpAddress;
    const group = IpAddress.parse("224.0.0.1") as IpAddress;
    const segment = new TcpSegment();
    segment.sourcePort = 5;
    segment.destinationPort = 80;
    segment.flags = Flag.syn;
    s.listen();
    const none = new Uint8Array(0);
    for (const [from, to] of [
      [s.remote, other],
      [nowhere, s.local],
      [group, s.local],
      [IpAddress.parse("255.255.255.255") as IpAddress, s.local],
    ])
      s.inject(buildPacket(from, to, segment, none));
    segment.sourcePort = 0;
    s.inject(buildPacket(s.remote, s.local, segment, none));
    s.nothing();
    expect(s.stack.counters.notForUs).toBe(5);
  });

  scenario("with a wrong checksum is dropped before anything is made of it", (s) => {
    s.listen();
    const bytes = s.build("S", { seq: 0 });
    bytes[25] ^= 1;
    s.inject(bytes);
    s.nothing();
    expect(s.stack.counters.badChecksum).toBe(1);
    expect(s.stack.connectionCount).toBe(0);
  });

  scenario(
    "resets are bounded while no link takes them",
    (s) => {
      for (let port = 1; port <= 50; port++) {
        const segment = new TcpSegment();
        Object.assign(segment, { sourcePort: port, destinationPort: 9, flags: Flag.syn });
        const bytes = buildPacket(s.remote, s.local, segment, new Uint8Array(0));
        s.stack.input(s.now, bytes, 0, bytes.length, 1);
      }
      s.flush();
      expect(s.take().length).toBe(10);
      expect(s.stack.counters.strayDropped).toBe(40);
    },
    { stack: { limits: { strayPackets: 10 } } },
  );
});

describe("connect()", () => {
  it("chooses ports of its range, and says when there is none (RFC 6056 §3.2)", () => {
    const pair = new Pair({ a: { portRange: [50_000, 50_009] } });
    const target = { remote: pair.addressB, remotePort: 80 };
    const ports = new Set<number>();
    for (let count = 0; count < 10; count++) ports.add(pair.a.connect(pair.now, target).localPort);
    expect([...ports].sort()).toEqual(Array.from({ length: 10 }, (_, index) => 50_000 + index));
    expect(() => pair.a.connect(pair.now, target)).toThrow(
      expect.objectContaining({ code: "EADDRNOTAVAIL" }),
    );
    // Another destination has its own.
    expect(pair.a.connect(pair.now, { remote: pair.addressB, remotePort: 81 }).localPort).toBeGreaterThan(0);
  });

  it("does not choose a port that is listened on", () => {
    const pair = new Pair({ a: { portRange: [50_000, 50_001] } });
    pair.a.listen(pair.now, { address: null, port: 50_000, backlog: 1 });
    expect(pair.a.connect(pair.now, { remote: pair.addressB, remotePort: 80 }).localPort).toBe(50_001);
  });

  it("tells what is wrong by a code", () => {
    const pair = new Pair();
    const code = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        return error instanceof StackError ? error.code : `${error}`;
      }
      return "none";
    };
    const remote = pair.addressB;
    const six = IpAddress.parse("fd00::9") as IpAddress;
    expect(code(() => pair.a.connect(0, { remote: six, remotePort: 80 }))).toBe("ENETUNREACH");
    pair.a.addRoute(Prefix.parse("::/0") as Prefix, { reliable: false, checksum: true, mtu: 1500 });
    expect(code(() => pair.a.connect(0, { remote: six, remotePort: 80 }))).toBe("EADDRNOTAVAIL");
    const local = IpAddress.parse("10.7.7.7") as IpAddress;
    expect(code(() => pair.a.connect(0, { remote, remotePort: 80, local }))).toBe("EADDRNOTAVAIL");
    pair.a.connect(0, { remote, remotePort: 80, localPort: 7 });
    expect(code(() => pair.a.connect(0, { remote, remotePort: 80, localPort: 7 }))).toBe("EADDRINUSE");
    expect(code(() => pair.a.connect(0, { remote, remotePort: 81, localPort: 7 }))).toBe("none");
    expect(code(() => new Stack({ secret: new Uint8Array(31) }))).toBe("EINVAL");
  });

  it("takes the longest prefix's route", () => {
    const pair = new Pair();
    const narrow = pair.a.addRoute(Prefix.parse("10.0.0.0/24") as Prefix, {
      reliable: true,
      checksum: false,
      mtu: 9000,
    });
    pair.a.addRoute(Prefix.parse("10.0.0.0/8") as Prefix, { reliable: false, checksum: true, mtu: 1400 });
    expect(pair.a.connect(pair.now, { remote: pair.addressB, remotePort: 80 }).route).toBe(narrow);
    pair.a.removeRoute(narrow);
    expect(pair.a.routeTo(pair.addressB)?.mtu).toBe(1400);
  });
});

describe("a stack that ends", () => {
  it("abortAll() resets and closes everything, with the error given", () => {
    const pair = new Pair();
    const [client] = pair.connected();
    pair.a.listen(pair.now, { address: null, port: 99, backlog: 1 });
    pair.a.connect(pair.now, { remote: pair.addressB, remotePort: 5 });
    pair.a.abortAll(pair.now, "ECONNABORTED", "the network was closed");
    expect(client.error).toEqual({ code: "ECONNABORTED", text: "the network was closed" });
    pair.flush();
    expect([pair.a.connectionCount, pair.a.countByState().LISTEN, pair.a.nextDeadline()]).toEqual([
      0,
      0,
      Number.POSITIVE_INFINITY,
    ]);
    pair.drive();
    expect(pair.b.connectionCount).toBe(0);
  });
});
