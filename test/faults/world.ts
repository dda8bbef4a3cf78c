// A relay, a fault proxy before it, a tunnel through that, and a server behind the gateway; and the proof that nothing
// of it is left when a test is over.

import { nodeDialer } from "../../src/adapters/node/index.ts";
import type { Tunnel, TunnelOptions, TunnelTarget } from "../../src/tunnel/index.ts";
import { type Relay, type ServeOptions, Testbed } from "../relay/testbed.ts";
import { ExchangeServer } from "./exchange.ts";
import { FaultProxy, type FaultProxyOptions } from "./fault-proxy.ts";
import { type Held, held, released } from "./leaks.ts";

export interface WorldOptions {
  readonly relay?: ServeOptions;
  readonly proxy?: FaultProxyOptions;
  readonly tunnel?: TunnelOptions;
}

export class FaultWorld {
  readonly bed: Testbed;
  readonly relay: Relay;
  readonly proxy: FaultProxy;
  readonly server: ExchangeServer;
  private readonly before: Held;

  private constructor(bed: Testbed, relay: Relay, proxy: FaultProxy, server: ExchangeServer, before: Held) {
    this.bed = bed;
    this.relay = relay;
    this.proxy = proxy;
    this.server = server;
    this.before = before;
  }

  static async start(options: WorldOptions = {}): Promise<FaultWorld> {
    const before = held();
    const bed = new Testbed();
    const server = await ExchangeServer.start();
    bed.onClose(() => server.close());
    const relay = await bed.relay({ allow: ["tcp:127.0.0.1:*"], ...options.relay });
    const proxy = await FaultProxy.start(relay.url, options.proxy);
    bed.onClose(() => proxy.close());
    return new FaultWorld(bed, relay, proxy, server, before);
  }

  /** @param target Where to; through the proxy when left out. */
  tunnel(options: TunnelOptions = {}, target: TunnelTarget = this.proxy.url): Promise<Tunnel> {
    return this.bed.tunnel(target, options);
  }

  /** Ends everything, and rejects when something is left: sessions, streams, sockets, timers. */
  async end(): Promise<void> {
    const { counters } = this.relay;
    await this.bed.close();
    const left = { sessions: counters.sessions, streams: counters.streams, handshakes: counters.handshakes };
    if (Object.values(left).some((count) => count !== 0))
      throw new Error(`The relay was closed and has ${JSON.stringify(left)}`);
    await released(this.before);
  }
}

export { nodeDialer };
