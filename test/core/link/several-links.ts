// Two hosts with several simulated links between them, for tests of a route that has more than one.

import type { ConnectionSource, LinkPort } from "../../../src/core/link/index.ts";
import { Random, SimClock, SimStream, type StreamOptions } from "../../../src/core/sim/index.ts";
import type { RouteOptions } from "../../../src/core/stack/index.ts";
import { checkPattern, Host, Notes, pattern, readAll } from "./hosts.ts";

export interface SimLink {
  readonly stream: SimStream;
  readonly portA: LinkPort;
  readonly portB: LinkPort;
}

export class SeveralLinks {
  readonly clock: SimClock = new SimClock();
  readonly a: Host;
  readonly b: Host;
  readonly links: SimLink[] = [];
  readonly random: Random;

  constructor(seed: number, links: readonly StreamOptions[], route: Partial<RouteOptions> = {}) {
    this.random = new Random(seed);
    this.a = new Host("fd00::1", { clock: this.clock, seed, route });
    this.b = new Host("fd00::2", { clock: this.clock, seed: seed + 1, route });
    for (const options of links) this.add(options);
  }

  add(options: StreamOptions): SimLink {
    const stream = new SimStream({ clock: this.clock, stream: options, random: this.random.integer(1, 1e9) });
    const link = { stream, portA: this.a.attach(stream.a), portB: this.b.attach(stream.b) };
    this.links.push(link);
    return link;
  }

  /** A connection from a to b. */
  connect(port: number = 7): readonly [ConnectionSource, ConnectionSource] {
    const listener = this.b.driver.listen({ address: null, port });
    const dialled = this.a.driver.dial({ remote: this.b.ip, remotePort: port });
    let accepted: ConnectionSource | undefined;
    for (let waited = 0; accepted === undefined; waited++) {
      if (waited > 1_000) throw new Error("nothing was accepted");
      this.clock.run(this.clock.now() + 10_000);
      accepted = listener.accept();
    }
    dialled.attach(new Notes());
    accepted.attach(new Notes());
    return [dialled, accepted];
  }

  /** Segments that were sent again, by both ends. */
  get retransmissions(): number {
    return this.a.stack.counters.retransmissions + this.b.stack.counters.retransmissions;
  }
}

/** One direction of a stream: as much as is taken, `total` in all, checked byte for byte. */
export class Flow {
  sent = 0;
  received = 0;
  private readonly from: ConnectionSource;
  private readonly to: ConnectionSource;
  private readonly total: number;
  private readonly most: number;

  /** `most`: bytes offered at once. */
  constructor(from: ConnectionSource, to: ConnectionSource, total: number, most: number = 300_000) {
    this.from = from;
    this.to = to;
    this.total = total;
    this.most = most;
  }

  get isOver(): boolean {
    return this.received === this.total;
  }

  step(): void {
    const wanted = Math.min(this.most, this.total - this.sent);
    if (wanted > 0 && this.from.unacknowledged < this.most)
      this.sent += this.from.send(pattern(this.sent, wanted));
    const bytes = readAll(this.to);
    checkPattern(bytes, this.received);
    this.received += bytes.length;
  }
}

/** Lets time pass in steps of 1 ms until all flows are over; the time it took, microseconds. */
export function run(clock: SimClock, flows: readonly Flow[], between: () => void = () => {}): number {
  const began = clock.now();
  while (!flows.every((flow) => flow.isOver)) {
    if (clock.now() - began > 3_600_000_000) throw new Error("an hour was not enough");
    for (const flow of flows) flow.step();
    clock.run(clock.now() + 1_000);
    between();
  }
  return clock.now() - began;
}
