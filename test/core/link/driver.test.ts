import { describe, expect, it } from "vitest";
import {
  ControlType,
  type Link,
  type LinkHandler,
  type LinkPort,
  memoryLinkPair,
  readFrames,
  type TransmitSource,
} from "../../../src/core/link/index.ts";
import { NetError, TcpStream } from "../../../src/core/net/index.ts";
import { Random, SimClock, SimPath, SimStream, tapLink } from "../../../src/core/sim/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { address, Host, Notes, pattern, readAll, transfer } from "./hosts.ts";

function pair(options: Partial<ConstructorParameters<typeof Host>[1]> = {}) {
  const clock = new SimClock();
  const a = new Host("fd00::1", { clock, ...options });
  const b = new Host("fd00::2", { clock, ...options });
  return { clock, a, b };
}

function joined(options: Partial<ConstructorParameters<typeof Host>[1]> = {}) {
  const hosts = pair(options);
  const [linkA, linkB] = memoryLinkPair(hosts.clock);
  const portA = hosts.a.attach(linkA);
  const portB = hosts.b.attach(linkB);
  return { ...hosts, linkA, linkB, portA, portB };
}

/** A connection from a to b, both ends with their notes. */
function connection(hosts: ReturnType<typeof pair>, port = 7) {
  const listener = hosts.b.driver.listen({ address: null, port });
  const dialled = hosts.a.driver.dial({ remote: hosts.b.ip, remotePort: port });
  hosts.clock.run(hosts.clock.now() + 2_000_000);
  const accepted = listener.accept();
  if (accepted === undefined) throw new Error("nothing was accepted");
  const notes = [new Notes(), new Notes()] as const;
  dialled.attach(notes[0]);
  accepted.attach(notes[1]);
  return { listener, dialled, accepted, notes };
}

/** A link that keeps what is sent and delivers what the test gives it. */
class Bench implements Link {
  readonly framed = true;
  readonly description = "bench";
  buffered = 0;
  readonly sent: Bytes[] = [];
  handler: LinkHandler | null = null;
  closedWith: { code: number | undefined; reason: string | undefined } | null = null;

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  send(message: Bytes): void {
    this.sent.push(message);
  }

  close(code?: number, reason?: string): void {
    this.closedWith = { code, reason };
  }
}

/** Control types and packets of a message, in order. */
function frames(message: Bytes): string[] {
  const found: string[] = [];
  const error = readFrames(message, {
    packet: () => void found.push("packet"),
    control: (type) => {
      found.push(`control ${type}`);
      return null;
    },
  });
  expect(error).toBeNull();
  return found;
}

describe("Driver", () => {
  it("carries a stream both ways over a memory link, with half close", () => {
    const hosts = joined();
    const { dialled, accepted, notes } = connection(hosts);
    expect(dialled.send(pattern(0, 100_000))).toBe(100_000);
    dialled.finish();
    hosts.clock.runUntilIdle();
    expect(readAll(accepted)).toEqual(pattern(0, 100_000));
    expect(accepted.receive(1)).toBeNull();
    accepted.send(pattern(5, 10));
    accepted.finish();
    hosts.clock.runUntilIdle();
    expect(readAll(dialled)).toEqual(pattern(5, 10));
    expect(dialled.receive(1)).toBeNull();
    expect(notes[0].ended).toBeNull();
    expect(notes[1].ended).toBeNull();
    expect(hosts.a.stack.connectionCount).toBe(0);
    expect(hosts.b.stack.connectionCount).toBe(0);
  });

  it("sends everything that one turn produced in one message", () => {
    const hosts = joined();
    const streams = Array.from({ length: 20 }, (_, i) => connection(hosts, 100 + i).dialled);
    const before = hosts.portA.messagesSent;
    for (const stream of streams) stream.send(pattern(0, 200));
    hosts.clock.step();
    hosts.clock.step();
    expect(hosts.portA.messagesSent).toBe(before + 1);
  });

  it("ends messages at one largest segment or a few smaller ones, far below 128 KiB", () => {
    const hosts = pair();
    const stream = new SimStream({ clock: hosts.clock, stream: { delay: 1_000, rate: 1e9 } });
    const sizes: number[] = [];
    hosts.a.attach({
      framed: true,
      description: "sized",
      get buffered() {
        return stream.a.buffered;
      },
      start: (handler) => stream.a.start(handler),
      close: () => stream.a.close(),
      send: (message) => {
        sizes.push(message.length);
        stream.a.send(message);
      },
    });
    hosts.b.attach(stream.b);
    const { dialled, accepted } = connection(hosts);
    transfer(hosts.clock, dialled, accepted, 3_000_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(131_072);
    expect(Math.max(...sizes)).toBeGreaterThan(60_000);
  });

  it("tells the bytes it took in `received`, with the ACKs of the same turn, and counts no control frames", () => {
    const hosts = joined();
    const { dialled, accepted } = connection(hosts);
    dialled.send(pattern(0, 5_000));
    hosts.portA.sendControl(40, { text: "x".repeat(1_000) });
    hosts.clock.runUntilIdle();
    readAll(accepted);
    hosts.clock.runUntilIdle();
    expect(hosts.portA.inFlight).toBe(0);
    expect(hosts.portA.bytesSent).toBe(hosts.portB.bytesReceived);
    expect(hosts.portB.bytesSent).toBe(hosts.portA.bytesReceived);
  });

  it("puts control frames before packets, in the message of the SYN that they belong to", () => {
    const { clock, a } = pair();
    const link = new Bench();
    const port = a.attach(link);
    clock.runUntilIdle();
    a.driver.dial({ remote: address("fd00::9"), remotePort: 80 });
    port.sendControl(32, { id: 1 });
    port.sendControl(33, { id: 2 });
    clock.step();
    expect(link.sent.map(frames)).toEqual([["control 32", "control 33", "packet"]]);
  });

  it("answers a ping with a pong of the same id", () => {
    const { clock, a } = pair();
    const link = new Bench();
    a.attach(link);
    link.handler?.message(new Uint8Array([0, ControlType.ping, 0, 5, 0x81, 0xa2, 0x69, 0x64, 77]));
    clock.step();
    expect(Array.from(link.sent[0])).toEqual([0, ControlType.pong, 0, 5, 0x81, 0xa2, 0x69, 0x64, 77]);
  });

  it("measures the link's round trip by its own pings", () => {
    const hosts = pair();
    const stream = new SimStream({ clock: hosts.clock, stream: { delay: 20_000 } });
    const port = hosts.a.attach(stream.a);
    hosts.b.attach(stream.b);
    port.ping();
    hosts.clock.run(200_000);
    expect(port.rtt).toBe(40_000);
    expect(port.lastArrival).toBe(40_000);
  });

  it("closes a link whose other side breaks the protocol, and says why", () => {
    const errors: string[] = [];
    const closed: unknown[] = [];
    const { clock, a } = pair({
      driver: {
        onProtocolError: (_port, text) => errors.push(text),
        onLinkClosed: (_port, reason) => closed.push(reason),
      },
    });
    for (const bad of [
      [0x99],
      [0x45, 0, 0, 19],
      [0x60, 0, 0, 0, 0, 9],
      [0, 40, 0, 1, 0xc1],
      [
        0,
        ControlType.received,
        0,
        16,
        0x81,
        0xa5,
        0x62,
        0x79,
        0x74,
        0x65,
        0x73,
        0xcf,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        1,
      ],
      [0, ControlType.ping, 0, 1, 0x80],
    ]) {
      const link = new Bench();
      const port = a.attach(link);
      link.handler?.message(new Uint8Array(bad));
      expect(port.isClosed).toBe(true);
      expect(link.closedWith?.code).toBe(4002);
      expect(link.closedWith?.reason).toBe(errors[errors.length - 1]);
    }
    clock.runUntilIdle();
    expect(errors).toHaveLength(6);
    expect(closed).toHaveLength(6);
    expect(new Set(errors).size).toBe(6);
    expect(a.driver.portsOf(a.route)).toHaveLength(0);
  });

  it("ignores control types and keys that it does not know, and hands on those from 16", () => {
    const seen: unknown[] = [];
    const { a } = pair({ driver: { control: (_port, type, message) => seen.push([type, message]) } });
    const link = new Bench();
    const port = a.attach(link);
    link.handler?.message(
      new Uint8Array([0, 9, 0, 1, 0x80, 0, 200, 0, 3, 0x81, 0xa1, 0x78, 0x05].slice(0, 5)),
    );
    link.handler?.message(new Uint8Array([0, 200, 0, 4, 0x81, 0xa1, 0x78, 0x05]));
    expect(port.isClosed).toBe(false);
    expect(seen).toEqual([[200, { x: 5 }]]);
  });

  it("stops at a full link and goes on when it is drained", () => {
    const { clock, a } = pair();
    const link = new Bench();
    const port = a.attach(link);
    link.buffered = 300_000;
    a.driver.dial({ remote: address("fd00::9"), remotePort: 80 });
    port.sendControl(40, {});
    clock.step();
    expect(link.sent.map(frames)).toEqual([["control 40"]]);
    link.buffered = 0;
    link.handler?.drained();
    clock.step();
    expect(link.sent.map(frames)).toEqual([["control 40"], ["packet"]]);
  });

  it("closes a link on which control frames pile up", () => {
    const closed: unknown[] = [];
    const { a } = pair({ driver: { onLinkClosed: (_port, reason) => closed.push(reason.code) } });
    const link = new Bench();
    const port = a.attach(link);
    link.buffered = (1 << 20) + (250 << 10);
    for (let i = 0; i < 10; i++) port.sendControl(40, { text: "x".repeat(1_000) });
    expect(port.isClosed).toBe(true);
    expect(closed).toEqual([4013]);
    expect(link.closedWith?.code).toBe(4013);
  });

  it("hands packets for others to the transit hook, and the rest to the stack", () => {
    const taken: number[] = [];
    const hosts = pair({ driver: {} });
    const relay = new Host("fd00::5", {
      clock: hosts.clock,
      driver: {
        transit: (bytes, start, _end) => {
          // The last byte of the IPv6 destination.
          if (bytes[start + 39] === 5) return false;
          taken.push(bytes[start + 39]);
          return true;
        },
      },
    });
    const [linkA, linkR] = memoryLinkPair(hosts.clock);
    hosts.a.attach(linkA);
    relay.attach(linkR);
    relay.driver.listen({ address: null, port: 7 });
    const good = hosts.a.driver.dial({ remote: relay.ip, remotePort: 7 });
    hosts.a.driver.dial({ remote: address("fd00::77"), remotePort: 7 });
    hosts.clock.run(100_000);
    expect(good.connection.state).toBe("ESTABLISHED");
    expect(taken).toEqual([0x77]);
  });

  it("draws on sources from outside beside its connections, and drops them with their port", () => {
    const { clock, a } = pair();
    const link = new Bench();
    const port = a.attach(link);
    let left = 3;
    const source: TransmitSource = {
      urgent: false,
      transmit: (_now, out, at, room) => {
        if (left === 0) return 0;
        if (room < 40) return -1;
        out.fill(0, at, at + 40);
        out[at] = 0x60;
        left--;
        return 40;
      },
    };
    a.driver.offer(source, port);
    a.driver.offer(source, port);
    clock.step();
    expect(link.sent.map(frames)).toEqual([["packet", "packet", "packet"]]);
    expect(port.bytesSent).toBe(120);
    left = 1;
    a.driver.offer(source, port);
    port.close();
    clock.runUntilIdle();
    expect(left).toBe(1);
  });

  it("lets ACKs that are already there in before a late timer, after a blocked loop", () => {
    const hosts = pair({ route: { reliable: false } });
    const path = new SimPath({ clock: hosts.clock, path: { delay: 10_000 } });
    hosts.a.attach(path.a);
    hosts.b.attach(path.b);
    const { dialled } = connection(hosts);
    dialled.send(pattern(0, 100));
    // Past every retransmission and probe timer, with the ACK waiting in the socket.
    hosts.clock.run(hosts.clock.now() + 15_000);
    hosts.clock.block(3_000_000);
    hosts.clock.run(hosts.clock.now() + 100_000);
    expect(dialled.unacknowledged).toBe(0);
    expect(hosts.a.stack.counters.retransmissions).toBe(0);
  });

  it("sets one timer of its clock, whatever the number of connections", () => {
    let scheduled = 0;
    const clock = new SimClock();
    const counting = {
      now: () => clock.now(),
      defer: (task: () => void) => clock.defer(task),
      cancel: (handle: object | number) => {
        scheduled--;
        clock.cancel(handle);
      },
      schedule: (at: number, task: () => void) => {
        scheduled++;
        return clock.schedule(at, () => {
          scheduled--;
          task();
        });
      },
    };
    const a = new Host("fd00::1", { clock: counting, route: { reliable: false } });
    a.attach(new Bench());
    for (let i = 0; i < 1_000; i++) a.driver.dial({ remote: address("fd00::9"), remotePort: 1 + i });
    clock.step();
    expect(scheduled).toBe(1);
  });
});

describe("A link that dies and is replaced", () => {
  it("costs no byte: the stream goes on over the next link", () => {
    const hosts = pair();
    let [portA, portB] = [] as unknown as [LinkPort, LinkPort];
    const join = (): void => {
      const stream = new SimStream({ clock: hosts.clock, stream: { delay: 700, rate: 100e6 } });
      portA = hosts.a.attach(stream.a);
      portB = hosts.b.attach(stream.b);
    };
    join();
    const { dialled, accepted, notes } = connection(hosts);
    transfer(hosts.clock, dialled, accepted, 3_000_000, (slice) => {
      if (slice % 3 !== 2) return;
      portA.close();
      portB.close();
      hosts.clock.run(hosts.clock.now() + 5_000_000);
      join();
    });
    expect(notes[0].ended).toBeUndefined();
    expect(notes[1].ended).toBeUndefined();
  });

  it("freezes the timers of its route: an hour's outage ends no connection", () => {
    const hosts = joined();
    const { dialled, accepted } = connection(hosts);
    hosts.portA.close();
    hosts.portB.close();
    dialled.send(pattern(0, 1_000));
    hosts.clock.run(hosts.clock.now() + 3_600_000_000);
    const [linkA, linkB] = memoryLinkPair(hosts.clock);
    hosts.a.attach(linkA);
    hosts.b.attach(linkB);
    hosts.clock.run(hosts.clock.now() + 1_000_000);
    expect(readAll(accepted)).toEqual(pattern(0, 1_000));
    expect(hosts.a.stack.counters.timeouts).toBe(0);
  });

  it("resends at once what was on a dead link, and does not touch what is on another", () => {
    const hosts = pair();
    const one = new SimStream({ clock: hosts.clock, stream: { delay: 50_000 } });
    const two = new SimStream({ clock: hosts.clock, stream: { delay: 50_000 } });
    hosts.a.attach(one.a);
    hosts.b.attach(one.b);
    hosts.a.attach(two.a);
    hosts.b.attach(two.b);
    const { dialled, accepted } = connection(hosts);
    dialled.send(pattern(0, 40_000));
    hosts.clock.run(hosts.clock.now() + 1_000);
    const before = hosts.a.stack.counters.segmentsSent;
    one.cut();
    hosts.clock.run(hosts.clock.now() + 60_000);
    expect(readAll(accepted)).toEqual(pattern(0, 40_000));
    const resent = hosts.a.stack.counters.retransmissions;
    expect(resent).toBeGreaterThan(0);
    expect(resent).toBeLessThan(before);
  });

  it("stays frozen while its owner says so, links or not", () => {
    const hosts = joined();
    const { dialled, accepted } = connection(hosts);
    hosts.a.driver.freeze(hosts.a.route);
    dialled.send(pattern(0, 10));
    hosts.clock.run(hosts.clock.now() + 60_000_000);
    expect(accepted.receive(10)).toBeUndefined();
    hosts.a.driver.thaw(hosts.a.route);
    hosts.clock.run(hosts.clock.now() + 100_000);
    expect(readAll(accepted)).toEqual(pattern(0, 10));
  });
});

describe("A reliable route", () => {
  it("resends nothing through stalls of up to five seconds", () => {
    const hosts = pair();
    const stream = new SimStream({ clock: hosts.clock, stream: { delay: 10_000, rate: 2_000_000 } });
    hosts.a.attach(stream.a);
    hosts.b.attach(stream.b);
    const { dialled, accepted } = connection(hosts);
    const random = new Random(8);
    let quietUntil = 0;
    transfer(hosts.clock, dialled, accepted, 3_000_000, () => {
      if (hosts.clock.now() < quietUntil) return;
      const duration = random.integer(0, 5_000_000);
      stream.stall(duration);
      quietUntil = hosts.clock.now() + duration + 200_000;
    });
    expect(hosts.a.stack.counters.retransmissions).toBe(0);
    expect(hosts.b.stack.counters.retransmissions).toBe(0);
  });

  it("asks the link by a ping when an ACK stays away, and resends what the pong overtook", () => {
    let drop = 0;
    const pings: string[] = [];
    const hosts = pair({ driver: {} });
    const b = new Host("fd00::2", { clock: hosts.clock, driver: { transit: () => drop-- > 0 } });
    const stream = new SimStream({ clock: hosts.clock, stream: { delay: 10_000 } });
    const tapped = tapLink(stream.a, {
      packet: () => {},
      control: (direction, type) => {
        if (type !== ControlType.received) pings.push(`${direction} ${type}`);
      },
    });
    hosts.a.attach(tapped);
    b.attach(stream.b);
    const { dialled, accepted } = connection({ ...hosts, b });
    drop = 1;
    dialled.send(pattern(0, 1_000));
    hosts.clock.run(hosts.clock.now() + 150_000);
    expect(pings).toEqual([]);
    hosts.clock.run(hosts.clock.now() + 1_000_000);
    expect(pings).toEqual([`out ${ControlType.ping}`, `in ${ControlType.pong}`]);
    expect(readAll(accepted)).toEqual(pattern(0, 1_000));
    expect(hosts.a.stack.counters.retransmissions).toBe(1);
  });
});

describe("Several links", () => {
  it("share the packets of one connection on a reliable route", () => {
    const hosts = pair();
    const streams = [1, 2].map(
      () => new SimStream({ clock: hosts.clock, stream: { delay: 5_000, rate: 5e6 } }),
    );
    const ports = streams.map(({ a }) => hosts.a.attach(a));
    for (const { b } of streams) hosts.b.attach(b);
    const { dialled, accepted } = connection(hosts);
    const start = hosts.clock.now();
    transfer(hosts.clock, dialled, accepted, 5_000_000);
    // One link alone would take 1 s.
    expect(hosts.clock.now() - start).toBeLessThan(700_000);
    for (const port of ports) expect(port.bytesSent).toBeGreaterThan(1_500_000);
    expect(hosts.a.stack.counters.retransmissions).toBe(0);
  });

  it("keep a connection on one of them on an unreliable route, and move it when that dies", () => {
    const hosts = pair({ route: { reliable: false } });
    const paths = [1, 2].map(() => new SimPath({ clock: hosts.clock, path: { delay: 5_000 } }));
    const ports = paths.map(({ a }) => hosts.a.attach(a));
    for (const { b } of paths) hosts.b.attach(b);
    const { dialled, accepted } = connection(hosts);
    dialled.send(pattern(0, 200_000));
    hosts.clock.run(hosts.clock.now() + 1_000_000);
    expect(readAll(accepted).length).toBe(200_000);
    const used = ports.filter((port) => port.bytesSent > 0);
    expect(used).toHaveLength(1);
    paths[ports.indexOf(used[0])].cut();
    dialled.send(pattern(200_000, 50_000));
    hosts.clock.run(hosts.clock.now() + 3_000_000);
    expect(readAll(accepted)).toEqual(pattern(200_000, 50_000));
    expect(ports.filter((port) => port.bytesSent > 0)).toHaveLength(2);
  });
});

describe("Errors of connections over a stack", () => {
  const code = async (promise: Promise<unknown>): Promise<unknown> => {
    try {
      await promise;
      return "no error";
    } catch (error) {
      return error;
    }
  };

  it("refused: ECONNREFUSED with the address in the text", async () => {
    const { clock, a } = joined();
    const error = await clock.drive(code(a.network.connect("[fd00::2]:81")));
    expect(NetError.is(error, "ECONNREFUSED")).toBe(true);
    expect((error as Error).message).toBe("Cannot connect to [fd00::2]:81: connection refused");
  });

  it("no answer: ETIMEDOUT after the given time of the clock, and the SYN is taken back", async () => {
    const { clock, a } = pair();
    a.attach(new Bench());
    const error = await clock.drive(code(a.network.connect("[fd00::2]:81", { timeout: 1_500 })));
    expect(NetError.is(error, "ETIMEDOUT")).toBe(true);
    expect(clock.now()).toBe(1_500_000);
    clock.run(clock.now() + 1_000);
    expect(a.stack.connectionCount).toBe(0);
  });

  it("abort: rejects with the signal's reason, and the SYN is taken back", async () => {
    const { clock, a } = pair();
    a.attach(new Bench());
    const controller = new AbortController();
    const failing = code(a.network.connect("[fd00::2]:81", { signal: controller.signal }));
    clock.run(1_000);
    controller.abort("enough");
    expect(await clock.drive(failing)).toBe("enough");
    clock.run(clock.now() + 1_000);
    expect(a.stack.connectionCount).toBe(0);
    expect(await code(a.network.connect("[fd00::2]:81", { signal: AbortSignal.abort("early") }))).toBe(
      "early",
    );
    expect(a.stack.connectionCount).toBe(0);
  });

  it("a wrong timeout: RangeError, and nothing is left, no rejection without a handler either", async () => {
    const { clock, a } = pair();
    a.attach(new Bench());
    expect(await code(a.network.connect("[fd00::2]:81", { timeout: 0 }))).toBeInstanceOf(RangeError);
    clock.run(1_000);
    expect(a.stack.connectionCount).toBe(0);
  });

  it("no route, a name, a port in use, an address of somebody else, a closed network", async () => {
    const { a } = joined();
    const codeOf = async (promise: Promise<unknown>) => ((await code(promise)) as NetError).code;
    expect(await codeOf(a.network.connect("192.0.2.1:80"))).toBe("ENETUNREACH");
    expect(await codeOf(a.network.connect("db.internal:80"))).toBe("ENOTFOUND");
    await a.network.bind(":80");
    expect(await codeOf(a.network.bind("[fd00::1]:80"))).toBe("EADDRINUSE");
    expect(await codeOf(a.network.bind("[fd00::3]:80"))).toBe("EADDRNOTAVAIL");
    await a.network.close();
    expect(await codeOf(a.network.bind(":81"))).toBe("ERR_SOCKET_CLOSED");
    expect(await codeOf(a.network.connect("[fd00::2]:80"))).toBe("ERR_SOCKET_CLOSED");
  });

  it("accept() of a network that is closed, at once and from then on", async () => {
    const { a, clock } = joined();
    const listener = await a.network.bind(":80");
    const waiting = listener.accept();
    await a.network.close();
    clock.runUntilIdle();
    expect(await code(waiting)).toMatchObject({ code: "ERR_SOCKET_CLOSED", op: "accept" });
    expect(await code(listener.accept())).toMatchObject({ code: "ERR_SOCKET_CLOSED" });
    await listener.close();
  });

  it("after the peer's reset: what came before is read, then ECONNRESET, and sending gives EPIPE from then on", () => {
    const hosts = joined();
    const { dialled, accepted, notes } = connection(hosts);
    dialled.send(pattern(0, 500));
    hosts.clock.runUntilIdle();
    dialled.reset();
    hosts.clock.runUntilIdle();
    expect(notes[0].ended).toBeNull();
    expect(NetError.is(notes[1].ended, "ECONNRESET")).toBe(true);
    expect(readAllUntilError(accepted)).toEqual([500, "ECONNRESET"]);
    expect(() => accepted.send(new Uint8Array(1))).toThrow(expect.objectContaining({ code: "EPIPE" }));
  });

  it("explain() gives the reason that was told apart from the reset", async () => {
    const hosts = joined();
    const dialled = hosts.a.driver.dial({ remote: hosts.b.ip, remotePort: 9 });
    dialled.explain(
      new NetError("ERR_DENIED", "Cannot connect to db:5432: denied by policy", { rule: "none" }),
    );
    const error = await hosts.clock.drive(code(dialled.connected()));
    expect(NetError.is(error, "ERR_DENIED")).toBe(true);
  });

  function readAllUntilError(source: { receive(max: number): Bytes | null | undefined }): unknown[] {
    let length = 0;
    try {
      for (;;) {
        const bytes = source.receive(1 << 16);
        if (bytes === null || bytes === undefined) return [length, bytes];
        length += bytes.length;
      }
    } catch (error) {
      return [length, (error as NetError).code];
    }
  }
});

describe("Closing", () => {
  it("close() ends a source when data and FIN are acknowledged, without waiting for the peer's FIN", () => {
    const hosts = joined();
    const { dialled, notes } = connection(hosts);
    dialled.send(pattern(0, 100));
    dialled.close();
    hosts.clock.run(hosts.clock.now() + 1_000_000);
    expect(notes[0].ended).toBeNull();
    expect(dialled.connection.state).toBe("FIN-WAIT-2");
  });

  it("close() of an idle stream ends with the ACK of its FIN alone", () => {
    const hosts = joined();
    const { dialled, notes } = connection(hosts);
    dialled.send(pattern(0, 100));
    hosts.clock.run(hosts.clock.now() + 1_000_000);
    expect(dialled.unacknowledged).toBe(0);
    dialled.close();
    hosts.clock.run(hosts.clock.now() + 1_000_000);
    expect(notes[0].ended).toBeNull();
    expect(dialled.connection.state).toBe("FIN-WAIT-2");
  });

  it("lets the process end when all streams and listeners are unref'd, and only then", () => {
    const calls: string[] = [];
    const { a } = pair();
    const link = Object.assign(new Bench(), {
      ref: () => calls.push("ref"),
      unref: () => calls.push("unref"),
    });
    a.attach(link);
    const listener = a.driver.listen({ address: null, port: 7 });
    const stream = a.driver.dial({ remote: address("fd00::9"), remotePort: 7 });
    listener.unref();
    listener.unref();
    expect(calls).toEqual([]);
    stream.unref();
    expect(calls).toEqual(["unref"]);
    stream.ref();
    expect(calls).toEqual(["unref", "ref"]);
    stream.unref();
    listener.close();
    stream.reset();
    a.driver.close();
    expect(calls).toEqual(["unref", "ref", "unref", "ref"]);
  });

  it("closing a listener resets what nobody accepted and frees the port", () => {
    const hosts = joined();
    const listener = hosts.b.driver.listen({ address: null, port: 7 });
    const notes = new Notes();
    const dialled = hosts.a.driver.dial({ remote: hosts.b.ip, remotePort: 7 });
    dialled.attach(notes);
    hosts.clock.run(100_000);
    expect(dialled.connection.state).toBe("ESTABLISHED");
    listener.close();
    hosts.clock.run(200_000);
    expect(NetError.is(notes.ended, "ECONNRESET")).toBe(true);
    hosts.b.driver.listen({ address: null, port: 7 });
  });

  it("Driver.close() resets connections, tells the peer, and closes the links", () => {
    const hosts = joined();
    const { notes } = connection(hosts);
    hosts.a.driver.close();
    hosts.clock.runUntilIdle();
    expect(notes[0].ended).not.toBeUndefined();
    expect(NetError.is(notes[1].ended, "ECONNRESET")).toBe(true);
    expect(hosts.portA.isClosed).toBe(true);
    expect(hosts.portB.isClosed).toBe(true);
  });

  it("TcpStream over a source: writes, reads, ends", async () => {
    const hosts = joined();
    const work = async (): Promise<string> => {
      const listener = await hosts.b.network.bind(":80");
      const accepting = listener.accept();
      const stream = await TcpStream.connect("[fd00::2]:80", { network: hosts.a.network });
      const [peer, from] = await accepting;
      expect(from.hostname).toBe("fd00::1");
      expect(peer.localAddr.toString()).toBe("[fd00::2]:80");
      await stream.writeAll(new TextEncoder().encode("hello"));
      await stream.closeWrite();
      const text = new TextDecoder().decode(await peer.readToEnd());
      await peer.close();
      await stream.close();
      await listener.close();
      return text;
    };
    expect(await hosts.clock.drive(work())).toBe("hello");
  });
});
