// A listening port: connections in handshake (the SYN queue) and those that wait for accept(), both bounded by the
// backlog. When the accept queue is full, SYNs are dropped, not refused: the peer tries again (RFC 9293 §3.10.1,
// Linux's tcp_abort_on_overflow=0). When only the SYN queue is, cookies keep the port open (syn-cookies.ts).

import type { Connection } from "../tcp/connection.ts";
import type { TcpOptions } from "../tcp/options.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { Route } from "./route.ts";
import type { SynCookies } from "./syn-cookies.ts";

export interface ListenOptions {
  /** Null: every address of the stack. */
  readonly address: IpAddress | null;
  /** 0: an ephemeral one. */
  readonly port: number;
  /** Handshakes and accepted connections that may wait, each. */
  readonly backlog: number;
  readonly tcp?: Partial<TcpOptions>;
  /** What answers SYNs when the handshakes are as many as the backlog; default the stack's. */
  readonly synCookies?: SynCookies;
}

export class Listener {
  /** A slot for whoever drives the stack. */
  user: unknown = null;
  readonly address: IpAddress | null;
  readonly port: number;
  readonly backlog: number;
  readonly synCookies: SynCookies;
  /** Until when an ACK may bring back a cookie. */
  cookiesUntil: number = Number.NEGATIVE_INFINITY;
  readonly handshakes: Set<Connection> = new Set();
  isClosed = false;
  isAcceptable = false;
  private readonly tcp: Partial<TcpOptions> | undefined;
  private queue: Connection[] = [];
  private readonly onClose: (listener: Listener) => void;

  constructor(
    port: number,
    options: ListenOptions,
    synCookies: SynCookies,
    onClose: (listener: Listener) => void,
  ) {
    this.address = options.address;
    this.port = port;
    this.backlog = Math.max(1, options.backlog);
    // Frozen, so that its connections share their options.
    this.tcp = options.tcp && Object.freeze({ ...options.tcp });
    this.synCookies = options.synCookies ?? synCookies;
    this.onClose = onClose;
  }

  /** The options of its connections over a route. */
  optionsFor(route: Route): TcpOptions {
    return route.optionsWith(this.tcp);
  }

  /** Whether one more handshake may be kept. */
  get hasRoom(): boolean {
    return this.handshakes.size < this.backlog;
  }

  /** The accept queue takes no more. */
  get isFull(): boolean {
    return this.queue.length >= this.backlog;
  }

  get waiting(): number {
    return this.queue.length;
  }

  established(connection: Connection): void {
    this.handshakes.delete(connection);
    this.queue.push(connection);
  }

  /** The connection that waits longest; null when none does. */
  accept(): Connection | null {
    return this.queue.shift() ?? null;
  }

  /** Ends the listener: what nobody accepted is reset. */
  close(now: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onClose(this);
    for (const connection of [...this.handshakes, ...this.queue]) connection.abort(now);
    this.handshakes.clear();
    this.queue = [];
  }
}
