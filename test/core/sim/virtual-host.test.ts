import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Bytes,
  buildIcmpError,
  Flag,
  type IcmpError,
  IpAddress,
  Packet,
  Prefix,
  parsePacket,
  type StackOptions,
  type TcpOptions,
} from "../../../src/core/index.ts";
import { Random } from "../../../src/core/sim/index.ts";
import { VirtualHost, VirtualSocket } from "./virtual-host.ts";

const A = [IpAddress.parse("10.0.0.1"), IpAddress.parse("fd00::1")] as IpAddress[];
const B = [IpAddress.parse("10.0.0.2"), IpAddress.parse("fd00::2")] as IpAddress[];

function host(
  addresses: IpAddress[],
  options: { mtu?: number; tcp?: Partial<TcpOptions>; stack?: Partial<StackOptions> } = {},
) {
  const secret = new Uint8Array(32);
  new Random(String(addresses[0])).fill(secret);
  const { mtu = 1_500, tcp = {}, stack = {} } = options;
  const route = { reliable: false, checksum: true, mtu };
  return new VirtualHost({ secret, addresses, tcp, ...stack }, [
    { ...route, prefix: Prefix.parse("10.0.0.0/8") as Prefix },
    { ...route, prefix: Prefix.parse("fd00::/16") as Prefix },
  ]);
}

/** Carries packets to and fro until none is left; gives them as they were. */
function exchange(a: VirtualHost, b: VirtualHost): Bytes[] {
  const seen: Bytes[] = [];
  for (let rounds = 0; rounds < 1_000; rounds++) {
    const fromA = a.output();
    const fromB = b.output();
    if (fromA.length + fromB.length === 0) return seen;
    for (const packet of fromA) b.input(packet);
    for (const packet of fromB) a.input(packet);
    seen.push(...fromA, ...fromB);
  }
  throw new Error("the hosts do not come to rest");
}

function connected(
  family: 0 | 1,
  optionsA?: Parameters<typeof host>[1],
  optionsB?: Parameters<typeof host>[1],
) {
  const a = host(A, optionsA);
  const b = host(B, optionsB);
  const listening = new VirtualSocket(b);
  expect(listening.listen(null, 80, 8)).toBe(0);
  const client = new VirtualSocket(a);
  expect(client.connect(B[family], 80)).toBe("EINPROGRESS");
  const packets = exchange(a, b);
  const server = listening.accept() as VirtualSocket;
  expect(typeof server).toBe("object");
  return { a, b, listening, client, server, packets };
}

function parse(bytes: Bytes): Packet {
  const packet = new Packet();
  expect(parsePacket(packet, bytes, 0, bytes.length, true)).toBe(0);
  return packet;
}

describe("A host driven from outside in virtual time", () => {
  it.each([0, 1] as const)("talks over IPv4 and IPv6 with right checksums (family %i)", (family) => {
    const { a, b, client, server, packets } = connected(family);
    for (const bytes of packets) parse(bytes);
    expect(client.write(new Uint8Array([1, 2, 3, 4]))).toBe(4);
    for (const bytes of exchange(a, b)) parse(bytes);
    expect(server.connection?.available).toBe(4);
    expect(server.read(2, true)).toEqual(new Uint8Array([1, 2]));
    expect(server.read(3)).toEqual(new Uint8Array([1, 2, 3]));
    expect(server.read(3)).toEqual(new Uint8Array([4]));
    expect(server.read(3)).toBe("EAGAIN");
    expect(client.shutdown()).toBe(0);
    exchange(a, b);
    expect(server.read(10)).toBeNull();
    expect(client.write(new Uint8Array(1))).toBe("EPIPE");
    server.close();
    exchange(a, b);
    expect(client.read(10)).toBeNull();
    expect(a.stack.countByState()["TIME-WAIT"]).toBe(1);
    a.advance(a.now + 60_000_000);
    expect(a.stack.countByState()["TIME-WAIT"]).toBe(0);
  });

  it("repeats a run exactly", () => {
    const runs = [0, 1].map(() => connected(1).packets.map((packet) => packet.join(",")));
    expect(runs[0]).toEqual(runs[1]);
  });

  it("fires what is due in its order, and says when the next is", () => {
    const a = host(A);
    expect(a.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    new VirtualSocket(a, { synRetries: 2, initialRto: 1_000_000 }).connect(B[0], 80);
    expect(a.output()).toHaveLength(1);
    expect(a.stack.nextDeadline()).toBe(1_000_000);
    a.advance(1_000_000);
    expect(a.output()).toHaveLength(1);
    expect(a.stack.nextDeadline()).toBe(3_000_000);
    a.advance(2_999_999);
    expect(a.output()).toHaveLength(0);
  });

  it("tells errors apart by name", () => {
    const { a, b, client, server, listening } = connected(0);
    expect(client.connect(B[0], 80)).toBe("EISCONN");
    expect(listening.accept()).toBe("EAGAIN");
    const fresh = new VirtualSocket(a);
    expect(fresh.read(1)).toBe("ENOTCONN");
    expect(fresh.write(new Uint8Array(1))).toBe("ENOTCONN");
    expect(fresh.listen(B[0], 0, 1)).toBe("EADDRNOTAVAIL");
    expect(fresh.connect(B[0], 80, { local: B[0] })).toBe("EADDRNOTAVAIL");
    const other = new VirtualSocket(b);
    expect(other.listen(null, 80, 1)).toBe("EADDRINUSE");
    expect(new VirtualSocket(a).connect(IpAddress.parse("192.0.2.1") as IpAddress, 80)).toBe("ENETUNREACH");

    const refused = new VirtualSocket(a);
    refused.connect(B[0], 81);
    expect(refused.connect(B[0], 81)).toBe("EALREADY");
    exchange(a, b);
    expect(refused.connection).toMatchObject({ readable: true, writable: true });
    expect(refused.error()).toBe("ECONNREFUSED");
    expect(refused.error()).toBeNull();

    server.close(true);
    exchange(a, b);
    expect(client.write(new Uint8Array(1))).toBe("ECONNRESET");
    expect(client.write(new Uint8Array(1))).toBe("EPIPE");

    const silent = new VirtualSocket(a, { synRetries: 1 });
    silent.connect(IpAddress.parse("10.9.9.9") as IpAddress, 80);
    a.output();
    for (let i = 0; i < 10; i++) {
      a.advance(a.now + 10_000_000);
      a.output();
    }
    expect(silent.error()).toBe("ETIMEDOUT");
  });

  it("takes ICMP errors: hard for a handshake, soft for a connection, too big for its segments", () => {
    const answer = (to: Bytes, error: IcmpError): Bytes =>
      buildIcmpError(parse(to), IpAddress.parse("10.0.0.254") as IpAddress, error, 64) as Bytes;
    const a = host(A);
    const trying = new VirtualSocket(a);
    trying.connect(B[0], 80);
    a.input(answer(a.output()[0], { kind: "unreachable", reason: "host" }));
    expect(trying.error()).toBe("EHOSTUNREACH");

    const { a: c, b: d, client, server } = connected(0);
    client.write(new Uint8Array(1_000));
    const [segment] = c.output();
    c.input(answer(segment, { kind: "unreachable", reason: "host" }));
    expect(client.error()).toBeNull();
    c.input(answer(segment, { kind: "too-big", mtu: 600 }));
    const smaller = c.output();
    expect(smaller.length).toBeGreaterThan(1);
    for (const bytes of smaller) expect(bytes.length).toBeLessThanOrEqual(600);
    for (const bytes of smaller) d.input(bytes);
    exchange(c, d);
    expect(server.connection?.available).toBe(1_000);
  });

  it("waits until something is readable or writable", () => {
    const { a, b, client, server } = connected(
      1,
      { tcp: { sendBuffer: 4_096 } },
      { tcp: { receiveBuffer: 4_096 } },
    );
    expect(client.connection).toMatchObject({ readable: false, writable: true });
    expect(client.write(new Uint8Array(10_000))).toBe(4_096);
    expect(client.write(new Uint8Array(10_000))).toBe("EAGAIN");
    expect(client.connection?.writable).toBe(false);
    exchange(a, b);
    expect(server.connection?.readable).toBe(true);
    expect(client.connection?.writable).toBe(true);
  });

  it("has options for each connection", () => {
    const { a, b, client, server } = connected(0, {
      tcp: { maxSegmentSize: 700, trafficClass: 0x10, hopLimit: 9 },
    });
    expect(client.connection?.info(a.now).mss).toBe(700);
    client.connection?.setOptions(a.now, { cork: true });
    client.write(new Uint8Array(100));
    expect(a.output()).toHaveLength(0);
    client.connection?.setOptions(a.now, { cork: false });
    const [sent] = a.output();
    expect(parse(sent)).toMatchObject({ trafficClass: 0x10, hopLimit: 9 });
    b.input(sent);
    exchange(a, b);
    server.connection?.setOptions(b.now, { keepAlive: { idle: 5_000_000, interval: 1_000_000, count: 2 } });
    b.advance(5_000_000);
    expect(b.output()).toHaveLength(1);
    client.connection?.setOptions(a.now, { userTimeout: 2_000_000 });
    client.write(new Uint8Array(10));
    for (let i = 0; i < 20; i++) {
      a.output();
      a.advance(a.now + 500_000);
    }
    expect(client.error()).toBe("ETIMEDOUT");
  });

  it("has options for the whole stack", () => {
    const tcp = {
      timestamps: false,
      sack: false,
      windowScaling: false,
      receiveBuffer: 65_535,
      initialWindow: 2,
    };
    const { a, b, client, server, packets } = connected(0, { tcp, mtu: 576 });
    const syn = parse(packets[0]).tcp;
    expect(syn).toMatchObject({
      hasTimestamps: false,
      sackPermitted: false,
      windowScale: -1,
      window: 65_535,
      mss: 536,
    });
    client.write(new Uint8Array(20_000));
    const flight = a.output();
    expect(flight).toHaveLength(2);
    for (const bytes of flight) expect(bytes.length).toBeLessThanOrEqual(576);
    for (const bytes of flight) b.input(bytes);
    exchange(a, b);
    expect(server.connection?.info(b.now).options).toEqual({
      timestamps: false,
      sack: false,
      windowScale: null,
      ecn: false,
    });
    const quick = host(A, {
      stack: { timeWait: 1_000 },
      tcp: { minRto: 300_000, delayedAck: 100_000, quickAcks: 1 },
    });
    expect(quick.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("tells of each connection, and counts them by state", () => {
    const { a, b, client } = connected(1);
    expect(client.connection?.info(a.now)).toMatchObject({
      state: "ESTABLISHED",
      unacknowledged: 0,
      retransmits: 0,
    });
    expect(a.stack.countByState()).toMatchObject({ ESTABLISHED: 1, LISTEN: 0 });
    expect(b.stack.countByState()).toMatchObject({ ESTABLISHED: 1, LISTEN: 1 });
    client.close();
    const [fin] = a.output();
    expect(parse(fin).tcp.flags & Flag.fin).not.toBe(0);
    expect(a.stack.countByState()["FIN-WAIT-1"]).toBe(1);
  });
});

describe("docs/testing.md", () => {
  it("shows the driver that is tested here", () => {
    const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
    const code = read("./virtual-host.ts").replace("../../../src/core/index.ts", "fourtuple/core");
    expect(read("../../../docs/testing.md").includes(code)).toBe(true);
  });
});
