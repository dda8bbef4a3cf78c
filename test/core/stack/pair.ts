// Two stacks in virtual time, joined by a path that a test bends as it likes: the shape of quinn's and smoltcp's tests.
// Everything is deterministic; `drive` fails instead of running for ever.

import {
  type Connection,
  Event,
  type RouteOptions,
  Stack,
  type StackOptions,
  type TcpOptions,
} from "../../../src/core/stack/index.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { Packet, parsePacket } from "../../../src/core/wire/packet.ts";
import { Prefix } from "../../../src/core/wire/prefix.ts";

/** Buffers that do not tune themselves, for tests that are about something else. */
export const fixedBuffers: Partial<TcpOptions> = {
  initialReceiveBuffer: 1 << 20,
  receiveBuffer: 1 << 20,
  initialSendBuffer: 512 << 10,
  sendBuffer: 512 << 10,
};

export interface Flight {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly from: "a" | "b";
  readonly to: "a" | "b";
  at: number;
  linkId: number;
}

export interface PairOptions {
  readonly family?: 4 | 6;
  readonly route?: Partial<RouteOptions>;
  readonly a?: Partial<StackOptions>;
  readonly b?: Partial<StackOptions>;
  /** One-way delay, microseconds. */
  readonly latency?: number;
}

export class Pair {
  now = 1_000_000;
  latency: number;
  linkId = 1;
  /** Sees each packet as it leaves; false drops it. It may change `at`. */
  filter: (flight: Flight, packet: Packet) => boolean = () => true;
  readonly a: Stack;
  readonly b: Stack;
  readonly addressA: IpAddress;
  readonly addressB: IpAddress;
  readonly routeA;
  readonly routeB;
  readonly log: string[] = [];
  /** Called after each step: a test's part of the driver. */
  onStep: () => void = () => {};
  private tasks: { at: number; run: () => void }[] = [];
  private flights: Flight[] = [];
  private readonly out = new Uint8Array(70_000);

  constructor(options: PairOptions = {}) {
    const four = options.family !== 6;
    const parse = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;
    this.addressA = parse(four ? "10.0.0.1" : "fd00::1");
    this.addressB = parse(four ? "10.0.0.2" : "fd00::2");
    this.latency = options.latency ?? 10_000;
    const route: RouteOptions = { reliable: false, checksum: true, mtu: 1500, ...options.route };
    const everywhere = Prefix.parse(four ? "0.0.0.0/0" : "::/0") as Prefix;
    const secret = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
    const tcp = (own?: Partial<StackOptions>): Partial<TcpOptions> => ({ ...fixedBuffers, ...own?.tcp });
    const { a, b } = options;
    this.a = new Stack({ secret: secret(1), addresses: [this.addressA], ...a, tcp: tcp(a) });
    this.b = new Stack({ secret: secret(2), addresses: [this.addressB], ...b, tcp: tcp(b) });
    this.routeA = this.a.addRoute(everywhere, route);
    this.routeB = this.b.addRoute(everywhere, route);
  }

  /** Lets both stacks say what they have to say now. */
  flush(): void {
    this.flushOne("a", this.a);
    this.flushOne("b", this.b);
  }

  private flushOne(from: "a" | "b", stack: Stack): void {
    for (let stray = stack.takePacket(); stray !== null; stray = stack.takePacket())
      this.send(from, stray.bytes);
    for (let connection = stack.takeReady(); connection !== null; connection = stack.takeReady()) {
      for (;;) {
        const length = stack.transmit(
          connection,
          this.now,
          this.out,
          0,
          this.out.length,
          this.linkId,
          65_535,
        );
        if (length <= 0) break;
        this.send(from, this.out.slice(0, length));
      }
    }
  }

  private send(from: "a" | "b", bytes: Uint8Array<ArrayBuffer>): void {
    const packet = new Packet();
    const malformed = parsePacket(
      packet,
      bytes,
      0,
      bytes.length,
      (from === "a" ? this.routeA : this.routeB).checksum,
    );
    if (malformed !== 0) throw new Error(`a stack sent a malformed packet: ${malformed}`);
    const flight: Flight = {
      bytes,
      from,
      to: from === "a" ? "b" : "a",
      at: this.now + this.latency,
      linkId: this.linkId,
    };
    const passes = this.filter(flight, packet);
    this.log.push(`${passes ? "" : "drop "}${describe(from, packet)}`);
    if (passes) this.flights.push(flight);
  }

  /** Goes to the next moment at which anything happens; false when nothing will. */
  step(): boolean {
    const next = this.nextEvent();
    if (next === Number.POSITIVE_INFINITY) return false;
    this.now = Math.max(this.now, next);
    const due = this.flights.filter((flight) => flight.at <= this.now);
    this.flights = this.flights.filter((flight) => flight.at > this.now);
    due.sort((x, y) => x.at - y.at);
    for (const flight of due) {
      const stack = flight.to === "a" ? this.a : this.b;
      stack.input(flight.at, flight.bytes, 0, flight.bytes.length, flight.linkId);
    }
    this.a.timeout(this.now);
    this.b.timeout(this.now);
    const tasks = this.tasks.filter((task) => task.at <= this.now);
    this.tasks = this.tasks.filter((task) => task.at > this.now);
    for (const task of tasks) task.run();
    this.onStep();
    this.flush();
    return true;
  }

  /** Calls `run` at that time. */
  later(at: number, run: () => void): void {
    this.tasks.push({ at, run });
  }

  /** Runs until nothing is under way, `done` says so or `for_` microseconds have passed; fails when it never ends. */
  drive(done: () => boolean = () => false, limit = 3_600_000_000, steps = 200_000): void {
    const end = this.now + limit;
    for (let count = 0; count < steps; count++) {
      if (done() || this.nextEvent() > end) return;
      if (!this.step()) return;
    }
    throw new Error(`livelock: ${steps} steps without an end\n${this.log.slice(-20).join("\n")}`);
  }

  runFor(time: number): void {
    const end = this.now + time;
    this.flush();
    while (this.nextEvent() <= end) if (!this.step()) break;
    this.now = end;
    this.flush();
  }

  nextEvent(): number {
    this.flush();
    let next = Math.min(this.a.nextDeadline(), this.b.nextDeadline());
    for (const flight of this.flights) next = Math.min(next, flight.at);
    for (const task of this.tasks) next = Math.min(next, task.at);
    return next;
  }

  get underWay(): number {
    return this.flights.length;
  }

  dropUnderWay(): void {
    this.flights = [];
  }

  /** A packet comes twice. */
  again(flight: Flight): void {
    this.flights.push({ ...flight, bytes: flight.bytes.slice() });
  }

  /**
   * Plays the driver: a ping that a stack wants comes back after a round trip, behind what is under way.
   * @param stall how long the link stands still from now
   */
  answerPings(stall: () => number = () => 0): void {
    this.onStep = () => {
      for (const stack of [this.a, this.b]) {
        for (let route = stack.takePingWanted(); route !== null; route = stack.takePingWanted()) {
          const [asked, link, sentAt] = [route, this.linkId, this.now];
          this.later(this.now + 2 * this.latency + 2 * stall(), () => {
            if (link === this.linkId) stack.linksAnswered(this.now, asked, sentAt - 1);
          });
        }
      }
    };
  }

  /** A packet from outside. */
  inject(to: "a" | "b", bytes: Uint8Array<ArrayBuffer>): void {
    (to === "a" ? this.a : this.b).input(this.now, bytes, 0, bytes.length, this.linkId);
    this.flush();
  }

  /** a connects to a listener of b: both ends established. */
  connected(port = 80): [Connection, Connection] {
    const listener = this.b.listen(this.now, { address: null, port, backlog: 16 });
    const client = this.a.connect(this.now, { remote: this.addressB, remotePort: port });
    let server: Connection | null = null;
    this.drive(() => {
      server ??= listener.accept();
      return server !== null && client.state === "ESTABLISHED";
    });
    listener.close(this.now);
    if (server === null) throw new Error(`no connection\n${this.log.join("\n")}`);
    client.takeEvents();
    (server as Connection).takeEvents();
    return [client, server];
  }
}

/** Everything that is there to read now. */
export function readAll(pair: Pair, connection: Connection): Uint8Array {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = connection.receive(pair.now, 1 << 20);
    if (part === undefined || part === null) break;
    parts.push(part.slice());
  }
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Numbers in 0..1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Compared as one: a test framework's own comparison of megabytes takes seconds. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** Bytes whose value tells their place. */
export function pattern(length: number, from = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = ((from + at) * 31 + ((from + at) >> 8) * 7) & 255;
  return bytes;
}

/** Sends `total` bytes from one end to the other, reading as they come; gives what arrived. */
export function transfer(
  pair: Pair,
  from: Connection,
  to: Connection,
  total: number,
  limit?: number,
): Uint8Array {
  const data = pattern(total);
  const received = new Uint8Array(total + 1);
  let sent = 0;
  let got = 0;
  const pump = (): boolean => {
    if (sent < total) sent += from.send(pair.now, data.subarray(sent));
    const part = readAll(pair, to);
    received.set(part, got);
    got += part.length;
    return got >= total || from.state === "CLOSED";
  };
  pair.drive(pump, limit);
  return received.subarray(0, got);
}

const NAMES: readonly [number, string][] = [
  [2, "SYN"],
  [1, "FIN"],
  [4, "RST"],
  [8, "PSH"],
  [16, "ACK"],
];

export function describe(from: string, packet: Packet): string {
  if (packet.protocol !== 6) return `${from} protocol ${packet.protocol}`;
  const { tcp } = packet;
  const flags = NAMES.filter(([bit]) => (tcp.flags & bit) !== 0).map(([, name]) => name);
  return `${from} ${flags.join("|")} seq=${tcp.seq} ack=${tcp.ack} len=${tcp.dataEnd - tcp.dataStart} win=${tcp.window}`;
}

export { Event };
