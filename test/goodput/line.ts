// Stacks on the two sides of one bottleneck, in virtual time: the path of core/sim between them, and flows that send
// as fast as TCP lets them. The same seed gives the same run, to the byte.

import type { TimerHandle } from "../../src/core/link/index.ts";
import { PathDirection, type PathOptions, Random, SimClock } from "../../src/core/sim/index.ts";
import {
  type CongestionControl,
  type Connection,
  type Listener,
  Stack,
  type TcpOptions,
} from "../../src/core/stack/index.ts";
import type { Bytes } from "../../src/core/wire/bytes.ts";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { Prefix } from "../../src/core/wire/prefix.ts";

export interface LineOptions {
  readonly seed: number | string;
  /** Bits per second; microseconds; bytes of the queue: one bandwidth-delay product unless told. */
  readonly rate: number;
  readonly rtt: number;
  readonly queue?: number;
  /** What else the way of the data does. */
  readonly path?: PathOptions;
  readonly mtu?: number;
  readonly tcp?: Partial<TcpOptions>;
}

const SERVER = IpAddress.parse("10.0.0.2") as IpAddress;
const PORT = 80;
const EVERYWHERE = Prefix.parse("0.0.0.0/0") as Prefix;
const CHUNK = new Uint8Array(1 << 16).fill(7);

/** One host: everything that arrives goes into its stack, everything that wants to leave goes onto its path. */
class Host {
  readonly stack: Stack;
  out: PathDirection | null = null;
  onChange: () => void = () => {};
  private readonly clock: SimClock;
  private readonly message: Bytes = new Uint8Array(65_600);
  private timer: TimerHandle | null = null;
  private timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: SimClock, address: string, mtu: number, tcp: Partial<TcpOptions>) {
    this.clock = clock;
    const ip = IpAddress.parse(address) as IpAddress;
    this.stack = new Stack({ secret: new Uint8Array(32).fill(ip.w3), addresses: [ip], tcp });
    this.stack.addRoute(EVERYWHERE, { reliable: false, checksum: false, mtu });
  }

  input(packet: Bytes): void {
    this.stack.input(this.clock.now(), packet, 0, packet.length, 0);
    this.flush();
  }

  flush(): void {
    const { stack, message } = this;
    const now = this.clock.now();
    this.onChange();
    for (let stray = stack.takePacket(); stray !== null; stray = stack.takePacket())
      this.out?.send(stray.bytes);
    for (let ready = stack.takeReady(); ready !== null; ready = stack.takeReady()) {
      for (;;) {
        const length = stack.transmit(ready, now, message, 0, message.length, 0, 65_535);
        if (length <= 0) break;
        this.out?.send(message.slice(0, length));
      }
    }
    this.arm();
  }

  private arm(): void {
    const deadline = this.stack.nextDeadline();
    if (deadline >= this.timerAt) return;
    if (this.timer !== null) this.clock.cancel(this.timer);
    this.timerAt = deadline;
    this.timer = this.clock.schedule(deadline, () => {
      this.timer = null;
      this.timerAt = Number.POSITIVE_INFINITY;
      this.stack.timeout(this.clock.now());
      this.flush();
    });
  }
}

/** One bulk flow from left to right. */
export class GoodputFlow {
  readonly connection: Connection;
  received = 0;
  /** When the last byte of a bounded flow arrived; negative until then. */
  doneAt = -1;
  readonly startedAt: number;
  private readonly total: number;
  private left: number;

  constructor(connection: Connection, bytes: number, now: number) {
    this.connection = connection;
    this.total = bytes;
    this.left = bytes;
    this.startedAt = now;
  }

  get isComplete(): boolean {
    return this.received >= this.total;
  }

  /** Keeps the send buffer full. */
  feed(now: number): void {
    while (this.left > 0) {
      const wanted = Math.min(this.left, CHUNK.length);
      const taken = this.connection.send(now, wanted === CHUNK.length ? CHUNK : CHUNK.subarray(0, wanted));
      this.left -= taken;
      if (taken < wanted) return;
    }
  }
}

export class Line {
  readonly clock: SimClock = new SimClock({ mostTurns: Number.POSITIVE_INFINITY, mostTurnsAtOnce: 100_000 });
  readonly there: PathDirection;
  readonly back: PathDirection;
  readonly flows: GoodputFlow[] = [];
  private readonly left: Host;
  private readonly right: Host;
  private readonly listener: Listener;
  private readonly byPort: Map<number, GoodputFlow> = new Map();
  private readonly random: Random;

  constructor(options: LineOptions) {
    const { rate, rtt, path, mtu = 1500 } = options;
    const { clock } = this;
    this.random = new Random(`line ${options.seed}`);
    const tcp = { sendBuffer: 16 << 20, receiveBuffer: 16 << 20, ...options.tcp };
    this.left = new Host(clock, "10.0.0.1", mtu, tcp);
    this.right = new Host(clock, "10.0.0.2", mtu, tcp);
    const bytesPerSecond = rate / 8;
    const queue = options.queue ?? Math.max(15_000, (bytesPerSecond * rtt) / 1_000_000);
    const there: PathOptions = { rate: bytesPerSecond, delay: rtt / 2, queue, ...path };
    const toRight = (packet: Bytes): void => this.right.input(packet);
    const toLeft = (packet: Bytes): void => this.left.input(packet);
    this.there = new PathDirection(clock, this.random.fork(), there, toRight, toLeft);
    this.back = new PathDirection(clock, this.random.fork(), { delay: rtt / 2 }, toLeft, toRight);
    this.left.out = this.there;
    this.right.out = this.back;
    this.listener = this.right.stack.listen(0, { address: null, port: PORT, backlog: 4096 });
    this.left.onChange = () => this.feed();
    this.right.onChange = () => this.read();
  }

  /** Opens a flow at `at`; endless unless `bytes` is given. */
  open(congestionControl: CongestionControl, at: number, bytes = Number.POSITIVE_INFINITY): void {
    this.clock.schedule(at, () => {
      const { stack } = this.left;
      const now = this.clock.now();
      const connection = stack.connect(now, { remote: SERVER, remotePort: PORT, tcp: { congestionControl } });
      const flow = new GoodputFlow(connection, bytes, now);
      connection.user = flow;
      this.flows.push(flow);
      this.byPort.set(connection.localPort, flow);
      flow.feed(now);
      this.left.flush();
    });
  }

  run(until: number): void {
    this.clock.run(until);
  }

  /** A number in 0..1 from this line's seed. */
  draw(): number {
    return this.random.next();
  }

  private feed(): void {
    const now = this.clock.now();
    for (
      let changed = this.left.stack.takeChanged();
      changed !== null;
      changed = this.left.stack.takeChanged()
    ) {
      changed.takeEvents();
      (changed.user as GoodputFlow | null)?.feed(now);
    }
  }

  private read(): void {
    const { stack } = this.right;
    const now = this.clock.now();
    for (let accepted = this.listener.accept(); accepted !== null; accepted = this.listener.accept()) {
      accepted.user = this.byPort.get(accepted.remotePort) ?? null;
    }
    for (let changed = stack.takeChanged(); changed !== null; changed = stack.takeChanged()) {
      changed.takeEvents();
      const flow = (changed.user ?? this.byPort.get(changed.remotePort)) as GoodputFlow | undefined;
      for (let part = changed.receive(now, 1 << 20); part; part = changed.receive(now, 1 << 20)) {
        if (flow !== undefined) flow.received += part.length;
      }
      if (flow !== undefined) this.received(flow, now);
    }
  }

  private received(flow: GoodputFlow, now: number): void {
    if (flow.doneAt < 0 && flow.isComplete) flow.doneAt = now;
  }
}
