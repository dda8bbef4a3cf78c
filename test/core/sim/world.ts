// A world for the property tests: two hosts, random calls at both ends, random paths between them; and what has to be
// true after every step, whatever happened.

import type { ConnectionFlow } from "../../../src/core/link/flow.ts";
import type { ConnectionListener, ConnectionSource, LinkPort } from "../../../src/core/link/index.ts";
import { NetError } from "../../../src/core/net/index.ts";
import {
  type PathOptions,
  Random,
  SimClock,
  SimPath,
  SimStream,
  type StreamOptions,
} from "../../../src/core/sim/index.ts";
import type { Connection, SegmentEvent } from "../../../src/core/stack/index.ts";
import { checkPattern, Host, Notes, pattern } from "../link/hosts.ts";

export type Mode = "unreliable" | "reliable";

/** One end of a connection, with what its user did. */
interface End {
  readonly source: ConnectionSource;
  readonly notes: Notes;
  readonly key: string;
  sent: number;
  received: number;
  hasFinished: boolean;
  hasClosed: boolean;
  hasReset: boolean;
  sawEnd: boolean;
}

export class World {
  readonly clock: SimClock = new SimClock({ mostTurnsAtOnce: 2_000 });
  readonly random: Random;
  readonly mode: Mode;
  readonly hosts: readonly [Host, Host];
  readonly log: string[] = [];
  /** Both ends of each connection by its four-tuple, the dialler's first. */
  private readonly ends: Map<string, [End, End?]> = new Map();
  private readonly listeners: [ConnectionListener, ConnectionListener];
  private readonly edges: WeakMap<Connection, number> = new WeakMap();
  private links: { cut(): void; ports: [LinkPort, LinkPort] }[] = [];
  private steps: number = 0;
  private cuts: number = 0;

  constructor(seed: number, mode: Mode) {
    this.random = new Random(`${mode} ${seed}`);
    this.mode = mode;
    const { random, clock } = this;
    // Of both: who verifies what the other does not write hears nothing.
    const checksum = mode === "unreliable" || random.chance(0.5);
    const make = (ip: string): Host =>
      new Host(ip, {
        clock,
        seed,
        route: {
          reliable: mode === "reliable",
          checksum,
          mtu: mode === "reliable" ? 65_535 : random.pick([576, 1_280, 1_500, 9_000]),
        },
        stack: {
          timeWait: 1_000_000,
          limits: { memory: 4 << 20 },
          tcp: {
            receiveBuffer: random.pick([4_096, 65_535, 300_000]),
            sendBuffer: random.pick([4_096, 65_536, 300_000]),
            timestamps: random.chance(0.7),
            sack: random.chance(0.8),
            windowScaling: random.chance(0.8),
            tailLossProbe: random.chance(0.8),
          },
        },
      });
    this.hosts = [make("fd00::1"), make("fd00::2")];
    for (const host of this.hosts) host.stack.observer = (event) => this.observe(event);
    this.listeners = [
      this.hosts[0].driver.listen({ address: null, port: 7, backlog: 4 }),
      this.hosts[1].driver.listen({ address: null, port: 7, backlog: 4 }),
    ];
    this.join();
  }

  // --- random steps

  /** One random call or event; then everything is looked at. */
  step(): void {
    const { random } = this;
    this.steps++;
    const roll = random.integer(1, 100);
    if (roll <= 8 && this.ends.size < 12) this.dial();
    else if (roll <= 16) this.acceptAll();
    else if (roll <= 40) this.onSomeEnd((end) => this.send(end));
    else if (roll <= 60) this.onSomeEnd((end) => this.receive(end, random.pick([1, 100, 5_000, 100_000])));
    else if (roll <= 63) this.onSomeEnd((end) => this.finish(end));
    else if (roll <= 65) this.onSomeEnd((end) => this.close(end));
    else if (roll === 66) this.onSomeEnd((end) => this.reset(end));
    else if (roll <= 70) this.disturb();
    else this.pass(random.pick([0, 10, 500, 3_000, 20_000, 100_000, 1_500_000]));
    this.check();
  }

  /** The path heals, everybody reads and ends: all must arrive, and nothing may be left. */
  finishAll(): WorldReport {
    this.heal();
    for (let round = 0; round < 400; round++) {
      this.acceptAll();
      let isDone = true;
      for (const [a, b] of this.ends.values()) {
        for (const end of [a, b]) {
          if (end === undefined) continue;
          this.receive(end, 1 << 20);
          if (!this.isOver(end)) isDone = false;
          if (!end.hasFinished && this.isUsable(end)) this.finish(end);
        }
      }
      this.pass(round < 20 ? 50_000 : 1_000_000);
      this.check();
      if (isDone) break;
    }
    for (const [key, [a, b]] of this.ends) {
      if (b === undefined || [a, b].some((end) => end.hasReset || end.hasClosed || end.notes.ended)) continue;
      if (a.received !== b.sent || b.received !== a.sent) {
        throw new Error(`${key}: ${b.received} of ${a.sent} and ${a.received} of ${b.sent} bytes arrived`);
      }
      if (!a.sawEnd || !b.sawEnd) throw new Error(`${key}: an end of the stream was not seen`);
    }
    const report = this.report();
    for (const listener of this.listeners) listener.close();
    for (const [a, b] of this.ends.values()) for (const end of [a, b]) if (end !== undefined) this.close(end);
    // FIN-WAIT-2 of those whose peer stays half open lasts a minute; TIME-WAIT here a second.
    this.pass(200_000_000);
    this.check();
    for (const host of this.hosts) {
      if (host.stack.connectionCount > 0) {
        throw new Error(`${host.ip}: ${JSON.stringify(host.stack.countByState())} although all is closed`);
      }
      if (host.stack.nextDeadline() !== Number.POSITIVE_INFINITY)
        throw new Error(`${host.ip}: a timer is left`);
      if (host.stack.memoryUsed !== 0) throw new Error(`${host.ip}: ${host.stack.memoryUsed} bytes are left`);
    }
    return report;
  }

  private report(): WorldReport {
    let bytes = 0;
    let complete = 0;
    for (const [a, b] of this.ends.values()) {
      bytes += a.received + (b?.received ?? 0);
      if (a.sawEnd && b?.sawEnd) complete++;
    }
    const retransmissions =
      this.hosts[0].stack.counters.retransmissions + this.hosts[1].stack.counters.retransmissions;
    return { bytes, complete, retransmissions, cuts: this.cuts };
  }

  private dial(): void {
    const from = this.random.integer(0, 1);
    const source = this.hosts[from].driver.dial({ remote: this.hosts[1 - from].ip, remotePort: 7 });
    source.connected().catch(() => {});
    const key = `${source.localAddr} ${source.peerAddr}`;
    this.ends.set(key, [this.end(source, `${key} dialled`)]);
    this.note(`dial ${key}`);
  }

  private acceptAll(): void {
    for (const listener of this.listeners) {
      for (let source = listener.accept(); source !== undefined; source = listener.accept()) {
        const key = `${source.peerAddr} ${source.localAddr}`;
        const pair = this.ends.get(key);
        if (pair === undefined) throw new Error(`accepted ${key}, which nobody dialled`);
        if (pair[1] !== undefined) {
          // Of a connection that a cookie began, a late copy of the first segment begins another, as in Linux.
          const wasOver = pair[1].hasClosed || pair[1].hasReset || pair[1].notes.ended;
          const { synCookiesReceived } = this.hosts[this.listeners.indexOf(listener)].stack.counters;
          if (!wasOver || synCookiesReceived < 2) throw new Error(`accepted ${key} twice`);
          source.reset();
          this.note(`reset ${key}, brought back by a cookie`);
          continue;
        }
        pair[1] = this.end(source, `${key} accepted`);
        this.note(`accept ${key}`);
      }
    }
  }

  private end(source: ConnectionSource, key: string): End {
    const notes = new Notes();
    source.attach(notes);
    const none = { hasFinished: false, hasClosed: false, hasReset: false, sawEnd: false };
    return { source, notes, key, sent: 0, received: 0, ...none };
  }

  private onSomeEnd(action: (end: End) => void): void {
    const ends = [...this.ends.values()].flat().filter((end) => end !== undefined);
    if (ends.length > 0) action(this.random.pick(ends));
  }

  private isUsable(end: End): boolean {
    return !end.hasClosed && !end.hasReset && end.notes.ended === undefined;
  }

  private isOver(end: End): boolean {
    return end.notes.ended !== undefined || end.hasClosed || end.hasReset;
  }

  private send(end: End): void {
    if (end.hasFinished || !this.isUsable(end)) return;
    const length = this.random.pick([1, 10, 1_000, 20_000, 100_000]);
    const data = pattern(end.sent, length);
    try {
      const taken = this.random.chance(0.2) ? this.sendOwned(end, data) : end.source.send(data);
      if (taken < 0 || taken > length) throw new Error(`${end.key}: took ${taken} of ${length} bytes`);
      end.sent += taken;
      this.note(`send ${end.key} ${taken}/${length}`);
    } catch (error) {
      if (!NetError.is(error)) throw error;
      this.note(`send ${end.key} ${error.code}`);
    }
  }

  /** The core's own way to send without a copy, which a source need not offer. */
  private sendOwned(end: End, data: Uint8Array<ArrayBuffer>): number {
    for (const host of this.hosts) host.driver.wake();
    return end.source.connection.sendOwned(this.clock.now(), data);
  }

  private receive(end: End, max: number): void {
    if (end.hasClosed || end.hasReset || end.sawEnd) return;
    for (;;) {
      let bytes: Uint8Array | null | undefined;
      try {
        bytes = end.source.receive(max);
      } catch (error) {
        if (!NetError.is(error)) throw error;
        return;
      }
      if (bytes === undefined) return;
      if (bytes === null) {
        end.sawEnd = true;
        const peer = this.peerOf(end);
        if (peer === undefined || !(peer.hasFinished || peer.hasClosed)) {
          throw new Error(`${end.key}: end of stream although the peer did not end it`);
        }
        return;
      }
      if (bytes.length === 0 || bytes.length > max)
        throw new Error(`${end.key}: receive() gave ${bytes.length}`);
      checkPattern(bytes, end.received);
      end.received += bytes.length;
      const peer = this.peerOf(end);
      if (peer === undefined || end.received > peer.sent) {
        throw new Error(`${end.key}: received more than was sent`);
      }
      if (max < 1 << 20) return;
    }
  }

  private peerOf(end: End): End | undefined {
    for (const [a, b] of this.ends.values()) {
      if (a === end) return b ?? undefined;
      if (b === end) return a;
    }
    return undefined;
  }

  private finish(end: End): void {
    if (!this.isUsable(end)) return;
    end.source.finish();
    end.hasFinished = true;
    this.note(`finish ${end.key}`);
  }

  private close(end: End): void {
    end.source.close();
    end.hasClosed = true;
    this.note(`close ${end.key}`);
  }

  private reset(end: End): void {
    end.source.reset();
    end.hasReset = true;
    this.note(`reset ${end.key}`);
  }

  private pass(duration: number): void {
    this.note(`pass ${duration}`);
    this.clock.run(this.clock.now() + duration);
  }

  // --- paths

  private join(): void {
    const { clock, random } = this;
    const way = this.mode === "reliable" ? this.makeStream() : this.makePath();
    const ports: [LinkPort, LinkPort] = [this.hosts[0].attach(way.a), this.hosts[1].attach(way.b)];
    this.links.push({ cut: () => way.cut({ aNotices: random.integer(0, 3) * 1_000 }), ports });
    this.note(`join at ${clock.now()}`);
  }

  private makeStream(): SimStream {
    const { clock, random } = this;
    const stream: StreamOptions = {
      delay: random.pick([0, 1_000, 30_000]),
      jitter: random.pick([0, 5_000]),
      rate: random.pick([200_000, 5_000_000, Number.POSITIVE_INFINITY]),
      hidden: random.pick([10_000, 256 << 10]),
    };
    this.note(`stream ${JSON.stringify(stream)}`);
    return new SimStream({ clock, random: random.fork(), stream, framed: random.chance(0.5) });
  }

  private makePath(): SimPath {
    const { clock, random } = this;
    const path: PathOptions = {
      delay: random.pick([0, 1_000, 30_000, 150_000]),
      jitter: random.pick([0, 5_000]),
      rate: random.pick([50_000, 1_000_000, Number.POSITIVE_INFINITY]),
      queue: random.pick([20_000, 256 << 10]),
      loss: random.pick([0, 0.01, 0.1, 0.3, { enter: 0.02, leave: 0.2 }]),
      reorder: random.pick([0, 0.05]),
      duplicate: random.pick([0, 0.05]),
      corrupt: random.pick([0, 0.05]),
    };
    this.note(`path ${JSON.stringify(path)}`);
    return new SimPath({ clock, random: random.fork(), path });
  }

  private disturb(): void {
    const { random } = this;
    const roll = random.integer(1, 4);
    if (roll === 1 && this.links.length > 0) {
      const [link] = this.links.splice(random.integer(0, this.links.length - 1), 1);
      this.note("cut");
      this.cuts++;
      link.cut();
    } else if (roll === 2 && this.links.length < 3) {
      this.join();
    } else if (roll === 3) {
      const duration = random.pick([1_000, 50_000, 700_000]);
      this.note(`block ${duration}`);
      this.clock.block(duration);
    }
  }

  /** A good path for the end, whatever there was. */
  private heal(): void {
    this.note("heal");
    // A reliable link that lives loses nothing: what was on others must come over it.
    if (this.mode === "reliable" && this.links.length > 0) return;
    for (const link of this.links) for (const port of link.ports) port.close();
    this.links = [];
    const { clock } = this;
    this.pass(100_000);
    const way =
      this.mode === "reliable"
        ? new SimStream({ clock, stream: { delay: 2_000 } })
        : new SimPath({ clock, path: { delay: 2_000, queue: 10 << 20 } });
    const ports: [LinkPort, LinkPort] = [this.hosts[0].attach(way.a), this.hosts[1].attach(way.b)];
    this.links.push({ cut: () => way.cut(), ports });
  }

  // --- what must be true

  private check(): void {
    for (const host of this.hosts) {
      const { stack } = host;
      if (stack.memoryUsed < 0 || stack.memoryUsed > (4 << 20) + 24 * (64 << 10)) {
        throw new Error(`${host.ip}: ${stack.memoryUsed} bytes in use`);
      }
      for (const connection of stack.connections()) this.checkConnection(connection);
    }
  }

  private checkConnection(connection: Connection): void {
    const info = connection.info(this.clock.now());
    const name = `${connection.local}.${connection.localPort} ${info.state}`;
    const { options } = connection;
    // The pipe of RFC 6675, and what it is made of.
    const { records } = connection.sending;
    if (records.inFlight < 0 || info.lost < 0 || info.sacked < 0) throw new Error(`${name}: negative flight`);
    if (records.resentBytes < 0 || records.resentBytes > records.inFlight)
      throw new Error(
        `${name}: ${records.resentBytes} of ${records.inFlight} bytes in flight are resent ones`,
      );
    if (info.unacknowledged + (connection.sending.finSent ? 1 : 0) < info.inFlight + info.lost + info.sacked)
      throw new Error(`${name}: more is under way than was sent: ${JSON.stringify(info)}`);
    if (info.unread + info.outOfOrder > options.receiveBuffer + 65_536) {
      throw new Error(`${name}: holds ${info.unread} + ${info.outOfOrder} received bytes`);
    }
    if (connection.unacknowledged > options.sendBuffer + 100_000) {
      throw new Error(`${name}: holds ${connection.unacknowledged} bytes to send`);
    }
    // What waits in a ring for its turn, or for a link, is looked after by the driver.
    const flow = connection.user as ConnectionFlow | null;
    const isWaiting = connection.isReady || (flow !== null && flow.ring !== null) || connection.route.frozen;
    const owes = info.unacknowledged > 0 || info.notSent > 0 || FIN_UNACKNOWLEDGED.has(info.state);
    if (owes && !isWaiting && connection.timers.next() === Number.POSITIVE_INFINITY) {
      throw new Error(`${name}: unacknowledged data without a timer: ${JSON.stringify(info)}`);
    }
  }

  private observe(event: SegmentEvent): void {
    const { connection } = event;
    // SYN and RST have no window that counts.
    if (event.direction === "in" || (event.flags & (2 | 4)) !== 0 || (event.flags & 16) === 0) return;
    const edge = event.ack + event.window;
    const before = this.edges.get(connection) ?? 0;
    // The header says windows in units (RFC 7323 §2.2): what is granted stays, what is said may round below it.
    const unit = 1 << (connection.info(event.now).options.windowScale?.receive ?? 0);
    if (edge <= before - unit) {
      throw new Error(
        `${connection.local}.${connection.localPort}: the window's edge moved from ${before} to ${edge}`,
      );
    }
    this.edges.set(connection, Math.max(edge, before));
  }

  private note(text: string): void {
    this.log.push(`${this.steps} ${this.clock.now()}: ${text}`);
    if (this.log.length > 60) this.log.shift();
  }
}

const FIN_UNACKNOWLEDGED = new Set(["FIN-WAIT-1", "CLOSING", "LAST-ACK", "SYN-SENT", "SYN-RECEIVED"]);

/** How lively a world was. */
export interface WorldReport {
  readonly bytes: number;
  /** Connections that went to their end both ways. */
  readonly complete: number;
  readonly retransmissions: number;
  readonly cuts: number;
}

/** Runs one world; the seed and the last steps are in the error. */
export function runWorld(seed: number, mode: Mode, steps: number): WorldReport {
  const world = new World(seed, mode);
  try {
    for (let i = 0; i < steps; i++) world.step();
    return world.finishAll();
  } catch (error) {
    const tail = world.log.slice(-25).join("\n  ");
    throw new Error(`World ${mode}, seed ${seed}: ${(error as Error).message}\n  ${tail}`, { cause: error });
  }
}
