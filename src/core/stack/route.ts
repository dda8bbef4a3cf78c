// How the stack reaches destinations: prefixes with their mode, the longest match first (RFC 1812 §5.2.4.3).

import { type TcpOptions, withOptions } from "../tcp/options.ts";
import type { Route as TcpRoute } from "../tcp/route.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { Prefix } from "../wire/prefix.ts";

export interface RouteOptions {
  /** Only between two fourtuple stacks over reliable links, and only when both ends say so. */
  readonly reliable: boolean;
  readonly checksum: boolean;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  /** Defaults of connections over it. */
  readonly tcp?: Partial<TcpOptions>;
  /** TIME-WAIT of its connections, microseconds; default the stack's. */
  readonly timeWait?: number;
}

export class Route implements TcpRoute {
  readonly prefix: Prefix;
  readonly reliable: boolean;
  readonly checksum: boolean;
  readonly mtu: number;
  /** Options of connections over it: the stack's and its own. */
  readonly tcp: TcpOptions;
  readonly timeWait: number;
  frozen = false;
  private asked: Partial<TcpOptions> | undefined = undefined;
  private answer: TcpOptions | null = null;

  constructor(prefix: Prefix, options: RouteOptions, tcp: TcpOptions, timeWait: number) {
    this.prefix = prefix;
    this.reliable = options.reliable;
    this.checksum = options.checksum;
    this.mtu = options.mtu;
    this.tcp = withOptions(tcp, options.tcp);
    this.timeWait = options.timeWait ?? timeWait;
  }

  /** The options of a connection over it. Those who ask with the same frozen object again share the answer. */
  optionsWith(tcp: Partial<TcpOptions> | undefined): TcpOptions {
    if (tcp === undefined) return this.tcp;
    if (!Object.isFrozen(tcp)) return withOptions(this.tcp, tcp);
    if (this.answer === null || this.asked !== tcp) {
      this.asked = tcp;
      this.answer = withOptions(this.tcp, tcp);
    }
    return this.answer;
  }
}

export class RouteTable {
  /** Longest prefix first. There are a handful, so a walk beats a trie. */
  private readonly routes: Route[] = [];

  add(route: Route): void {
    const at = this.routes.findIndex((other) => other.prefix.length < route.prefix.length);
    this.routes.splice(at < 0 ? this.routes.length : at, 0, route);
  }

  remove(route: Route): void {
    const at = this.routes.indexOf(route);
    if (at >= 0) this.routes.splice(at, 1);
  }

  find(address: IpAddress): Route | null {
    return this.findWords(address.family, address.w0, address.w1, address.w2, address.w3);
  }

  findWords(family: number, w0: number, w1: number, w2: number, w3: number): Route | null {
    for (const route of this.routes) if (route.prefix.containsWords(family, w0, w1, w2, w3)) return route;
    return null;
  }
}
