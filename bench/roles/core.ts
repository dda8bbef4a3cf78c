// Two stacks and nothing else: no driver, no streams, no event loop. What one sends is handed to the other, packet by
// packet. This is what compares with native stacks in one process.

import { type Connection, type Listener, Stack, type TcpOptions } from "../../src/core/stack/index.ts";
import { accelerateChecksums } from "../../src/core/wire/checksum.ts";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { Prefix } from "../../src/core/wire/prefix.ts";
import { serveRole } from "../serving.ts";
import { type Latency, latencyOf, median } from "../statistics.ts";

/** The calls that the parent makes. Everything runs with MSS 1,448 and checksums. */
export interface CoreRole {
  transfer(seconds: number): { readonly bytesPerSecond: number; readonly secondsPerSegment: number };
  ping(seconds: number): Latency;
  /** Connections opened, used for one byte and closed by both ends. */
  opening(seconds: number): { readonly perSecond: number };
  /** Bytes of JavaScript memory taken for a segment, its arrival and its share of an ACK. */
  allocation(): { readonly perSegment: number };
  /** An ACK of two segments while `window` bytes are in flight; with a hole each tells of one more segment by SACK. */
  acknowledgment(window: number, hasHole: boolean): { readonly secondsPerAck: number };
}

const MSS = 1_448;
/** A connection's 1,024 to 65,535 ports and one second of TIME-WAIT allow 64,512 connections in a second. */
const PORTS = [1_024, 65_535] as const;
const TIME_WAIT = 1_000_000;
const PORT = 7_000;
const LINK = 1;
const ONE_BYTE = new Uint8Array(1);
const message = new Uint8Array(65_536);

accelerateChecksums();

/** Microseconds, as of the last tick(): reading the clock at every call would be measured too. */
let now = 0;

function tick(): number {
  now = performance.now() * 1_000;
  return now;
}

class Host {
  readonly stack: Stack;
  readonly address: IpAddress;

  constructor(text: string, tcp: Partial<TcpOptions>) {
    this.address = parse(text);
    this.stack = new Stack({
      secret: crypto.getRandomValues(new Uint8Array(32)),
      addresses: [this.address],
      timeWait: TIME_WAIT,
      portRange: PORTS,
      limits: { timeWait: 100_000, memory: 1 << 30 },
      tcp,
    });
    const route = { reliable: false, checksum: true, mtu: 1_500 };
    this.stack.addRoute(Prefix.parse("10.0.0.0/8") ?? fail("No prefix"), route);
  }

  listen(): Listener {
    return this.stack.listen(now, { address: null, port: PORT, backlog: 4_096 });
  }

  connect(to: Host): Connection {
    return this.stack.connect(now, { remote: to.address, remotePort: PORT });
  }

  /** Everything there is to send, one packet in `message` at a time. */
  send(take: (length: number) => void): boolean {
    const { stack } = this;
    let any = false;
    for (let stray = stack.takePacket(); stray !== null; stray = stack.takePacket()) {
      message.set(stray.bytes);
      take(stray.bytes.length);
      any = true;
    }
    for (let ready = stack.takeReady(); ready !== null; ready = stack.takeReady()) {
      for (;;) {
        const length = stack.transmit(ready, now, message, 0, message.length, LINK, message.length);
        if (length <= 0) break;
        take(length);
        any = true;
      }
    }
    return any;
  }

  /** What is due, and nobody who waits for events. */
  turn(): void {
    this.stack.timeout(now);
    for (let one = this.stack.takeChanged(); one !== null; one = this.stack.takeChanged()) one.takeEvents();
  }
}

class Pair {
  readonly near: Host;
  readonly far: Host;
  readonly listener: Listener;
  private readonly toNear: (length: number) => void;
  private readonly toFar: (length: number) => void;

  constructor(tcp: Partial<TcpOptions> = {}) {
    this.near = new Host("10.0.0.1", tcp);
    this.far = new Host("10.1.0.1", tcp);
    this.toNear = (length) => this.near.stack.input(now, message, 0, length, LINK);
    this.toFar = (length) => this.far.stack.input(now, message, 0, length, LINK);
    this.listener = this.far.listen();
  }

  there(): boolean {
    tick();
    return this.near.send(this.toFar);
  }

  back(): boolean {
    tick();
    return this.far.send(this.toNear);
  }

  /** All that is to be said, at one instant. */
  settle(): void {
    tick();
    for (;;) {
      const any = this.near.send(this.toFar);
      if (!this.far.send(this.toNear) && !any) break;
    }
  }

  turn(): void {
    this.near.turn();
    this.far.turn();
  }

  accepted(): Connection {
    this.far.stack.takeAcceptable();
    return this.listener.accept() ?? fail("Nothing to accept");
  }

  connected(): readonly [near: Connection, far: Connection] {
    const near = this.near.connect(this.far);
    this.settle();
    return [near, this.accepted()];
  }
}

/** Fills the buffers of `near` once and takes all that arrives; returns the bytes. */
function moveOnce(pair: Pair, near: Connection, far: Connection): number {
  while (near.send(now, block) > 0) {}
  pair.there();
  let bytes = 0;
  for (let chunk = far.receive(now, 1 << 20); chunk != null; chunk = far.receive(now, 1 << 20)) {
    bytes += chunk.length;
  }
  pair.back();
  pair.turn();
  return bytes;
}

const block = new Uint8Array(65_536);

serveRole({
  transfer(seconds) {
    const pair = new Pair();
    const [near, far] = pair.connected();
    const warm = tick() + 300_000;
    while (tick() < warm) moveOnce(pair, near, far);
    const began = tick();
    const segments = pair.near.stack.counters.segmentsSent;
    const end = began + seconds * 1e6;
    let bytes = 0;
    while (tick() < end) bytes += moveOnce(pair, near, far);
    const took = (tick() - began) / 1e6;
    return {
      bytesPerSecond: bytes / took,
      secondsPerSegment: took / (pair.near.stack.counters.segmentsSent - segments),
    };
  },

  ping(seconds) {
    const pair = new Pair();
    const [near, far] = pair.connected();
    const text = new Uint8Array(64);
    const times: number[] = [];
    const end = tick() + seconds * 1e6;
    for (let sentAt = now; sentAt < end; ) {
      near.send(sentAt, text);
      pair.there();
      far.send(now, far.receive(now, 64) ?? fail("The ping did not come"));
      pair.back();
      if (near.receive(now, 64)?.length !== 64) fail("The answer did not come");
      pair.turn();
      const arrivedAt = tick();
      times.push((arrivedAt - sentAt) / 1e6);
      sentAt = arrivedAt;
    }
    return latencyOf(times);
  },

  opening(seconds) {
    const pair = new Pair();
    const began = tick();
    const end = began + seconds * 1e6;
    let count = 0;
    for (; tick() < end; count++) {
      const [near, far] = pair.connected();
      far.send(now, ONE_BYTE);
      far.release(now);
      pair.settle();
      if (near.receive(now, 1)?.length !== 1) fail("The byte did not come");
      near.release(now);
      pair.settle();
      pair.turn();
    }
    if (pair.near.stack.connectionCount + pair.far.stack.connectionCount > 0) fail("Connections are left");
    return { perSecond: count / ((tick() - began) / 1e6) };
  },

  allocation() {
    const pair = new Pair();
    const [near, far] = pair.connected();
    const warm = tick() + 500_000;
    while (tick() < warm) moveOnce(pair, near, far);
    const samples: number[] = [];
    for (let round = 0; round < 9; round++) {
      globalThis.gc?.();
      const before = process.memoryUsage().heapUsed;
      const segments = pair.near.stack.counters.segmentsSent;
      // Little enough that no collection comes between.
      while (pair.near.stack.counters.segmentsSent - segments < 5_000) moveOnce(pair, near, far);
      const after = process.memoryUsage().heapUsed;
      samples.push((after - before) / (pair.near.stack.counters.segmentsSent - segments));
    }
    return { perSegment: median(samples) };
  },

  acknowledgment(window, hasHole) {
    const pair = new Pair({
      initialSendBuffer: window,
      sendBuffer: window,
      initialReceiveBuffer: 2 * window,
      receiveBuffer: 2 * window,
      initialWindow: Math.ceil(window / MSS) + 1,
      pacing: false,
    });
    const [near, far] = pair.connected();
    // Only an ACK after the handshake can tell of a window this large (RFC 7323 §2.2).
    near.send(now, ONE_BYTE);
    pair.settle();
    far.receive(now, 1);
    far.send(now, ONE_BYTE);
    pair.settle();
    while (near.send(now, block) > 0) {}
    const packets: Uint8Array[] = [];
    pair.near.send((length) => packets.push(message.slice(0, length)));
    if (packets.length * MSS < 0.9 * window) fail(`Only ${packets.length} segments are in flight`);
    if (hasHole) packets.shift();
    const acks: Uint8Array[] = [];
    for (let at = 0; at < packets.length; at += 2) {
      for (const packet of packets.slice(at, at + 2)) {
        pair.far.stack.input(now, packet, 0, packet.length, LINK);
      }
      pair.far.send((length) => acks.push(message.slice(0, length)));
    }
    const began = tick();
    for (const ack of acks) pair.near.stack.input(now, ack, 0, ack.length, LINK);
    return { secondsPerAck: (tick() - began) / 1e6 / acks.length };
  },
} satisfies CoreRole);

function parse(text: string): IpAddress {
  return IpAddress.parse(text) ?? fail(`${text} is no address`);
}

function fail(text: string): never {
  throw new Error(text);
}
