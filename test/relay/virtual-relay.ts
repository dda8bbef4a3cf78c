// A relay and tunnels to it in virtual time, over memory links that a test may lose, refuse or garble as it likes.
import type { Link, LinkDialer, LinkHandler } from "../../src/core/link/index.ts";
import { memoryLinkPair } from "../../src/core/link/memory-link.ts";
import { NetError, type Network } from "../../src/core/net/index.ts";
import { Random, SimClock } from "../../src/core/sim/index.ts";
import { RelayCore } from "../../src/relay/relay-core.ts";
import type { RelayOptions } from "../../src/relay/relay-options.ts";
import { Tunnel, type TunnelOptions } from "../../src/tunnel/index.ts";

const nothing: Network = {
  connect: () => Promise.reject(new NetError("ECONNREFUSED", "Nothing is there")),
  bind: () => Promise.reject(new NetError("EADDRNOTAVAIL", "Nothing can be bound")),
  close: () => Promise.resolve(),
} as unknown as Network;

export const key: Uint8Array = new Uint8Array(32).fill(7);
export const second = 1_000_000;

/** What becomes of one message from the relay: null, it is lost and the link with it; undefined, it alone. */
export type Filter = (
  message: Uint8Array<ArrayBuffer>,
  index: number,
) => Uint8Array<ArrayBuffer> | null | undefined;

export class VirtualRelay {
  readonly clock = new SimClock();
  core: RelayCore;
  /** When links were dialled. */
  readonly dialled: number[] = [];
  /** Nobody answers: each dial fails at once. */
  isAway = false;
  /** For the next links, one each. */
  readonly filters: Filter[] = [];
  wallTime = 1_700_000_000_000;
  private readonly options: RelayOptions;
  private readonly random = new Random("virtual relay");
  private links: Link[] = [];
  private readonly tunnels: Tunnel[] = [];

  constructor(options: RelayOptions = {}) {
    this.options = options;
    this.core = this.start();
  }

  readonly dialer: LinkDialer = {
    description: "ws://relay.test/",
    dial: async () => {
      this.dialled.push(this.clock.now());
      if (this.isAway) throw new NetError("ECONNREFUSED", "Nobody is there", { op: "connect" });
      const [client, server] = memoryLinkPair(this.clock);
      const filter = this.filters.shift();
      this.core.accept(server, "client");
      const link = filter === undefined ? client : filtered(client, filter);
      this.links.push(client);
      return link;
    },
  };

  async open(name?: string, options: TunnelOptions = {}): Promise<Tunnel> {
    const tunnel = await this.clock.drive(
      Tunnel.open(this.dialer, {
        ...(name === undefined ? {} : { name }),
        clock: this.clock,
        random: (into) => this.random.fill(into),
        ...options,
      }),
    );
    this.tunnels.push(tunnel);
    return tunnel;
  }

  /** All links that are there end, with this code. */
  cut(code = 1006): void {
    for (const link of this.links.splice(0)) link.close(code, "");
  }

  /** The process dies, and one with the same options takes its place. */
  restart(): void {
    this.cut();
    this.core = this.start();
  }

  /** Lets time pass, in milliseconds. */
  async pass(milliseconds: number): Promise<void> {
    await this.clock.driveUntil(this.clock.now() + milliseconds * 1_000);
  }

  /** Closes all, and says what is left: timers, sessions, handshakes. */
  async end(): Promise<{ sessions: number; detached: number; handshakes: number; isIdle: boolean }> {
    this.isAway = true;
    for (const tunnel of this.tunnels) await this.clock.drive(tunnel.close());
    this.core.end();
    await this.pass(1);
    const { sessions, detached, handshakes } = this.core.counters;
    // TIME-WAIT and the like run out; a timer that is set again and again is found as a livelock.
    this.clock.runUntilIdle();
    return { sessions, detached, handshakes, isIdle: this.clock.nextAt() === Number.POSITIVE_INFINITY };
  }

  private start(): RelayCore {
    return new RelayCore(this.options, {
      network: nothing,
      resolver: { resolve: () => Promise.reject(new NetError("ENOTFOUND", "No name is known")) },
      ownAddresses: () => [],
      clock: this.clock,
      random: (into) => this.random.fill(into),
      wallClock: () => this.wallTime + this.clock.now() / 1_000,
    });
  }
}

function filtered(inner: Link, filter: Filter): Link {
  let index = 0;
  return {
    framed: inner.framed,
    description: inner.description,
    get buffered() {
      return inner.buffered;
    },
    start(handler: LinkHandler) {
      inner.start({
        message(bytes) {
          const passed = filter(bytes, index++);
          if (passed === null) inner.close(1006, "");
          else if (passed !== undefined) handler.message(passed);
        },
        drained: () => handler.drained(),
        closed: (reason) => handler.closed(reason),
      });
    },
    send: (message) => inner.send(message),
    close: (code, reason) => inner.close(code, reason),
  };
}
