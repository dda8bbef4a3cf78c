// A language for scripts of segments, in the style of smoltcp's send! and recv!: one stack, and a peer that the test
// plays by hand. Numbers are relative to the initial sequence numbers (the SYN is 0, the first byte 1), time is
// virtual, and each scenario runs with numbers that wrap and with numbers that do not.

import { expect, it } from "vitest";
import {
  type Connection,
  Event,
  type ForwardRequest,
  type Listener,
  type Route,
  type RouteOptions,
  Stack,
  type StackOptions,
  type TcpOptions,
} from "../../../src/core/stack/index.ts";
import { initialSequence } from "../../../src/core/tcp/isn.ts";
import { SipHash } from "../../../src/core/tcp/siphash.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { ipHeaderLength, writeIpHeader, writeTcpChecksum } from "../../../src/core/wire/ip-header.ts";
import { Packet, parsePacket } from "../../../src/core/wire/packet.ts";
import { Prefix } from "../../../src/core/wire/prefix.ts";
import { Flag, TcpSegment, tcpHeaderLength, writeTcpHeader } from "../../../src/core/wire/tcp-segment.ts";
import { fixedBuffers, pattern } from "../stack/pair.ts";

export const MILLISECOND = 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;

/**
 * A segment. Of a segment sent, what is not given has a default. Of one expected it is not looked at, but for data: when
 * anything is given and data is not, there must be none.
 */
export interface Fields {
  readonly seq?: number;
  readonly ack?: number;
  /** The raw 16 bits. */
  readonly window?: number;
  /** Payload, or its length: the bytes of pattern() at that place of the stream. */
  readonly data?: number | Uint8Array;
  readonly mss?: number;
  readonly scale?: number;
  readonly sackOk?: boolean;
  /** TSval and TSecr; expected: only what is given. */
  readonly ts?: readonly [number | undefined, number?] | null;
  /** Left and right edges, relative. */
  readonly sack?: readonly (readonly [number, number])[];
  /** Expected only: when it left, microseconds since the last mark(). */
  readonly at?: number;
  readonly linkId?: number;
  /** The two ECN bits of the IP header. */
  readonly ecn?: number;
}

export interface Seen {
  readonly at: number;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  /** Numbers as on the wire. */
  readonly raw: { readonly seq: number; readonly ack: number };
  readonly window: number;
  readonly data: Uint8Array;
  readonly mss: number;
  readonly scale: number;
  readonly sackOk: boolean;
  readonly ts: readonly [number, number] | null;
  readonly sack: readonly (readonly [number, number])[];
  /** A packet that is no TCP: its protocol. */
  readonly protocol: number;
  readonly ecn: number;
  readonly bytes: Bytes;
}

export interface ScriptOptions {
  readonly family?: 4 | 6;
  readonly isns?: readonly [ours: number, theirs: number];
  readonly stack?: Partial<StackOptions>;
  readonly route?: Partial<RouteOptions>;
  readonly tcp?: Partial<TcpOptions>;
}

/** What the peer's SYN offers: nothing but a segment size, unless told. */
export type Offer = Pick<Fields, "mss" | "scale" | "sackOk" | "ts" | "window">;

const SECRET = new Uint8Array(32).fill(7);
const PORT = 80;
const PEER_PORT = 40_000;

export class Script {
  now: number;
  readonly stack: Stack;
  readonly route: Route;
  readonly local: IpAddress;
  readonly remote: IpAddress;
  readonly localPort: number = PORT;
  readonly remotePort: number = PEER_PORT;
  /** Initial sequence numbers. */
  ours: number;
  theirs: number;
  /** What the peer sends next by default, and the highest of our numbers that it has seen. */
  peerNext = 0;
  heard = 0;
  linkId = 1;
  /** Largest payload of the link. */
  segmentLimit = 65_535;
  /** Room of the message that packets go into. */
  room = 70_000;
  private marked: number;
  private readonly seen: Seen[] = [];
  private readonly out = new Uint8Array(70_000);

  constructor(options: ScriptOptions = {}) {
    const four = options.family !== 6;
    this.local = IpAddress.parse(four ? "10.0.0.1" : "fd00::1") as IpAddress;
    this.remote = IpAddress.parse(four ? "10.0.0.2" : "fd00::2") as IpAddress;
    [this.ours, this.theirs] = options.isns ?? [1_000_000, 5_000_000];
    // Our number is a hash and a clock of 4 us: a start at the right moment gives any number that a test wants.
    const hash = initialSequence(
      new SipHash(SECRET, 0),
      0,
      this.local,
      this.localPort,
      this.remote,
      this.remotePort,
    );
    this.now = 4 * ((this.ours - hash) >>> 0);
    this.marked = this.now;
    const tcp = { ...fixedBuffers, ...options.stack?.tcp };
    this.stack = new Stack({ secret: SECRET, addresses: [this.local], ...options.stack, tcp });
    const route: RouteOptions = { reliable: false, checksum: true, mtu: 1500, ...options.route };
    this.route = this.stack.addRoute(Prefix.parse(four ? "0.0.0.0/0" : "::/0") as Prefix, {
      ...route,
      // Windows that one can reckon in one's head, and segments when they are expected.
      tcp: { congestionControl: "newreno", pacing: false, ...route.tcp, ...options.tcp },
    });
  }

  // --- time

  /** The moment from which `at` counts. */
  mark(): void {
    this.marked = this.now;
  }

  get sinceMark(): number {
    return this.now - this.marked;
  }

  /** Lets time pass; timers fire at their deadlines. */
  pass(micros: number): void {
    const end = this.now + micros;
    this.flush();
    for (let count = 0; this.stack.nextDeadline() <= end; count++) {
      if (count > 100_000) throw new Error("livelock: timers without an end");
      this.now = Math.max(this.now, this.stack.nextDeadline());
      this.stack.timeout(this.now);
      this.flush();
    }
    this.now = end;
  }

  /** Time passes while the event loop stands still: what is due fires late. */
  stall(micros: number): void {
    this.now += micros;
    this.stack.timeout(this.now);
    this.flush();
  }

  // --- the stack's user

  listen(backlog = 16, tcp?: Partial<TcpOptions>): Listener {
    return this.stack.listen(this.now, {
      address: null,
      port: this.localPort,
      backlog,
      ...(tcp === undefined ? {} : { tcp }),
    });
  }

  connect(tcp?: Partial<TcpOptions>): Connection {
    const connection = this.stack.connect(this.now, {
      remote: this.remote,
      remotePort: this.remotePort,
      localPort: this.localPort,
      ...(tcp === undefined ? {} : { tcp }),
    });
    this.flush();
    return connection;
  }

  /** A passive open, all of it: the peer dials. */
  accepted(offer: Offer = {}, tcp?: Partial<TcpOptions>): Connection {
    const listener = this.listen(16, tcp);
    this.send("S", { mss: 1460, ...offer });
    this.expect("SA", { seq: 0, ack: 1 });
    this.send("A", afterSyn(offer));
    const connection = listener.accept() as Connection;
    expect(connection?.state).toBe("ESTABLISHED");
    listener.close(this.now);
    this.nothing();
    connection.takeEvents();
    return connection;
  }

  /** An active open, all of it: the peer answers at once. */
  dialled(offer: Offer = {}, tcp?: Partial<TcpOptions>): Connection {
    const connection = this.connect(tcp);
    this.expect("S", { seq: 0 });
    this.send("SA", { mss: 1460, ...offer });
    this.expect("A", { seq: 1, ack: 1 });
    expect(connection.state).toBe("ESTABLISHED");
    this.nothing();
    connection.takeEvents();
    return connection;
  }

  request(): ForwardRequest {
    const request = this.stack.takeRequest();
    if (request === null) throw new Error("no request");
    return request;
  }

  /** Queues bytes and lets them leave. */
  write(connection: Connection, length: number): number {
    const accepted = connection.send(this.now, pattern(length, connection.sending.buffer.end));
    this.flush();
    return accepted;
  }

  read(connection: Connection, max = 1 << 20): Uint8Array | null | undefined {
    const bytes = connection.receive(this.now, max);
    this.flush();
    return bytes;
  }

  finish(connection: Connection): void {
    connection.finish(this.now);
    this.flush();
  }

  release(connection: Connection): void {
    connection.release(this.now);
    this.flush();
  }

  abort(connection: Connection): void {
    connection.abort(this.now);
    this.flush();
  }

  // --- the peer

  /** A segment arrives now. Flags are letters: S, A, F, R, P, U, E (ECE), W (CWR). */
  send(flags: string, fields: Fields = {}): void {
    const bytes = this.build(flags, fields);
    this.stack.input(this.now, bytes, 0, bytes.length, fields.linkId ?? this.linkId);
    if (fields.seq === undefined) {
      const length = dataOf(fields, 0).length;
      this.peerNext += length + (flags.includes("S") ? 1 : 0) + (flags.includes("F") ? 1 : 0);
    }
    this.flush();
  }

  /** The packet that send() would inject. */
  build(flags: string, fields: Fields = {}): Bytes {
    const segment = new TcpSegment();
    const seq = fields.seq ?? this.peerNext;
    segment.sourcePort = this.remotePort;
    segment.destinationPort = this.localPort;
    segment.seq = (this.theirs + seq) >>> 0;
    segment.flags = flagBits(flags);
    if ((segment.flags & Flag.ack) !== 0) segment.ack = (this.ours + (fields.ack ?? this.heard)) >>> 0;
    segment.window = fields.window ?? 65_535;
    segment.mss = fields.mss ?? 0;
    segment.windowScale = fields.scale ?? -1;
    segment.sackPermitted = fields.sackOk ?? false;
    if (fields.ts !== undefined && fields.ts !== null) {
      segment.hasTimestamps = true;
      segment.tsVal = (fields.ts[0] ?? 0) >>> 0;
      segment.tsEcr = (fields.ts[1] ?? 0) >>> 0;
    }
    for (const [left, right] of fields.sack ?? []) {
      segment.sackEdges[segment.sackCount * 2] = (this.ours + left) >>> 0;
      segment.sackEdges[segment.sackCount * 2 + 1] = (this.ours + right) >>> 0;
      segment.sackCount++;
    }
    return buildPacket(this.remote, this.local, segment, dataOf(fields, Math.max(seq - 1, 0)), fields.ecn);
  }

  /** Raw bytes arrive now. */
  inject(bytes: Uint8Array): void {
    this.stack.input(this.now, bytes, 0, bytes.length, this.linkId);
    this.flush();
  }

  // --- what left

  flush(): void {
    const { stack, out } = this;
    for (let stray = stack.takePacket(); stray !== null; stray = stack.takePacket())
      this.capture(stray.bytes);
    for (let connection = stack.takeReady(); connection !== null; connection = stack.takeReady()) {
      for (;;) {
        const length = stack.transmit(
          connection,
          this.now,
          out,
          0,
          this.room,
          this.linkId,
          this.segmentLimit,
        );
        if (length <= 0) break;
        this.capture(out.slice(0, length));
      }
    }
  }

  private capture(bytes: Bytes): void {
    const packet = new Packet();
    const refused = parsePacket(packet, bytes, 0, bytes.length, this.route.checksum);
    if (refused !== 0) throw new Error(`the stack sent a malformed packet: ${refused}`);
    const { tcp } = packet;
    const isTcp = packet.protocol === 6;
    // A test that lets time pass before it opens has another number, and after it a second connection too.
    if (isTcp && (tcp.flags & (Flag.syn | Flag.rst)) === Flag.syn && this.ours !== tcp.seq) {
      this.ours = tcp.seq;
      this.heard = 0;
    }
    const length = isTcp ? tcp.dataEnd - tcp.dataStart : 0;
    const flags = isTcp ? flagLetters(tcp.flags) : "";
    const seen: Seen = {
      at: this.now,
      flags,
      seq: (tcp.seq - this.ours) | 0,
      ack: (tcp.flags & Flag.ack) === 0 ? 0 : (tcp.ack - this.theirs) | 0,
      length,
      raw: { seq: tcp.seq, ack: tcp.ack },
      window: tcp.window,
      data: bytes.slice(tcp.dataStart, tcp.dataEnd),
      mss: tcp.mss,
      scale: tcp.windowScale,
      sackOk: tcp.sackPermitted,
      ts: tcp.hasTimestamps ? [tcp.tsVal, tcp.tsEcr] : null,
      sack: Array.from({ length: tcp.sackCount }, (_, block) => [
        (tcp.sackEdges[block * 2] - this.theirs) | 0,
        (tcp.sackEdges[block * 2 + 1] - this.theirs) | 0,
      ]),
      protocol: packet.protocol,
      ecn: packet.trafficClass & 3,
      bytes,
    };
    this.seen.push(seen);
    if (isTcp && (tcp.flags & Flag.rst) === 0) {
      const end = seen.seq + length + (flags.includes("S") ? 1 : 0) + (flags.includes("F") ? 1 : 0);
      this.heard = Math.max(this.heard, end);
    }
  }

  /** The next segment that left is this one. P in the flags counts only when it is asked for. */
  expect(flags: string, fields: Fields = {}): Seen {
    const seen = this.seen.shift();
    const wanted = this.format(flags, fields);
    if (seen === undefined) throw new Error(`expected ${wanted}, but nothing left`);
    const problem = this.difference(seen, flags, fields);
    if (problem !== null) {
      const rest = this.seen.map((next) => `\n  then ${text(next, this.marked)}`).join("");
      throw new Error(
        `expected ${wanted}\n  but left ${text(seen, this.marked)}\n  (${problem} differs)${rest}`,
      );
    }
    return seen;
  }

  private difference(seen: Seen, flags: string, fields: Fields): string | null {
    const ignored = flags.includes("P") ? "" : "P";
    const same = (letters: string): string =>
      [...letters]
        .filter((letter) => letter !== ignored)
        .sort()
        .join("");
    if (seen.protocol !== 6 || same(seen.flags) !== same(flags)) return "flags";
    for (const name of ["seq", "ack", "window", "mss", "scale", "sackOk", "ecn"] as const)
      if (fields[name] !== undefined && fields[name] !== seen[name]) return name;
    if (Object.keys(fields).length === 0) return null;
    if (typeof fields.data === "number" || fields.data === undefined) {
      if (seen.length !== (fields.data ?? 0)) return "data";
      if (Buffer.compare(seen.data, pattern(seen.length, seen.seq - 1)) !== 0) return "data's bytes";
    } else if (Buffer.compare(fields.data, seen.data) !== 0) return "data's bytes";
    if (fields.ts === null && seen.ts !== null) return "ts";
    for (const index of [0, 1] as const)
      if (fields.ts?.[index] !== undefined && fields.ts[index] !== seen.ts?.[index]) return "ts";
    if (fields.sack !== undefined && JSON.stringify(fields.sack) !== JSON.stringify(seen.sack)) return "sack";
    if (fields.at !== undefined && fields.at !== seen.at - this.marked) return "at";
    return null;
  }

  /** Nothing has left that was not expected. */
  nothing(): void {
    if (this.seen.length > 0)
      throw new Error(
        `expected nothing${this.seen.map((seen) => `\n  but left ${text(seen, this.marked)}`)}`,
      );
  }

  /** All that left and was not yet looked at. */
  take(): Seen[] {
    return this.seen.splice(0);
  }

  private format(flags: string, fields: Fields): string {
    return `${flags} ${JSON.stringify(fields, (_, value) => (value instanceof Uint8Array ? `${value.length} bytes` : value))}`;
  }
}

/** The fields of the peer's segments after its SYN. */
function afterSyn(offer: Offer): Fields {
  const window = offer.window === undefined ? {} : { window: offer.window };
  return offer.ts === undefined || offer.ts === null ? window : { ...window, ts: [offer.ts[0], 0] };
}

function dataOf(fields: Fields, from: number): Uint8Array {
  const { data } = fields;
  return data === undefined ? new Uint8Array(0) : typeof data === "number" ? pattern(data, from) : data;
}

/** A whole packet with a segment, its checksums right. */
export function buildPacket(
  source: IpAddress,
  destination: IpAddress,
  segment: TcpSegment,
  data: Uint8Array,
  trafficClass = 0,
): Bytes {
  const ip = ipHeaderLength(destination.family);
  const tcp = tcpHeaderLength(segment);
  const bytes = new Uint8Array(ip + tcp + data.length);
  writeIpHeader(bytes, 0, source, destination, 6, tcp + data.length, trafficClass, 64, 0);
  writeTcpHeader(bytes, ip, segment);
  bytes.set(data, ip + tcp);
  writeTcpChecksum(bytes, 0, bytes.length);
  return bytes;
}

const LETTERS: readonly [string, number][] = [
  ["S", Flag.syn],
  ["F", Flag.fin],
  ["R", Flag.rst],
  ["P", Flag.psh],
  ["A", Flag.ack],
  ["U", Flag.urg],
  ["E", Flag.ece],
  ["W", Flag.cwr],
];

function flagBits(letters: string): number {
  let bits = 0;
  for (const [letter, bit] of LETTERS) if (letters.includes(letter)) bits |= bit;
  return bits;
}

function flagLetters(bits: number): string {
  return LETTERS.filter(([, bit]) => (bits & bit) !== 0)
    .map(([letter]) => letter)
    .join("");
}

function text(seen: Seen, marked: number): string {
  if (seen.protocol !== 6) return `protocol ${seen.protocol} at=${seen.at - marked}`;
  const options = [
    seen.mss > 0 ? ` mss=${seen.mss}` : "",
    seen.scale >= 0 ? ` scale=${seen.scale}` : "",
    seen.sackOk ? " sackOk" : "",
    seen.ts === null ? "" : ` ts=${seen.ts.join("/")}`,
    seen.sack.length === 0 ? "" : ` sack=${seen.sack.map((block) => block.join("-")).join(",")}`,
  ].join("");
  return `${seen.flags} seq=${seen.seq} ack=${seen.ack} data=${seen.length} window=${seen.window}${options} at=${seen.at - marked}`;
}

/** Initial numbers that do not wrap, that wrap at 2^32 in the first bytes, and that pass 2^31. */
const NUMBERS: readonly (readonly [string, readonly [number, number]])[] = [
  ["plain numbers", [1_000_000, 5_000_000]],
  ["numbers that wrap", [0xffff_fffe, 0xffff_ff9c]],
  ["numbers past 2^31", [0x7fff_fff0, 0x7fff_ffff]],
];

/** A test that runs once for each choice of initial numbers. */
export function scenario(name: string, run: (script: Script) => void, options: ScriptOptions = {}): void {
  it.each(NUMBERS)(`${name} [%s]`, (_label, isns) => run(new Script({ ...options, isns })));
}

export { Event };
