// The public face of a tunnel: options, states, events. The class behind it is in tunnel-client.ts. Interfaces, so that
// two copies of the package are assignable to each other.
import type { Clock, RandomBytes } from "../core/link/clock.ts";
import type { Driver } from "../core/link/driver.ts";
import type { LinkDialer } from "../core/link/link.ts";
import type { NetError } from "../core/net/net-error.ts";
import type { Network } from "../core/net/network.ts";
import type { BindOptions, ConnectOptions } from "../core/net/options.ts";
import type { SocketAddrLike } from "../core/net/socket-addr.ts";
import type { TcpListener } from "../core/net/tcp-listener.ts";
import type { TcpStream } from "../core/net/tcp-stream.ts";
import type { WebSocketClass } from "./default-dialer.ts";

export interface TunnelOptions {
  /** What the relay knows this client by. Travels in the first message, never in a URL. */
  readonly token?: string | undefined;
  /** The tunnel's name: others dial NAME.peer. Lower case letters, digits, inner hyphens. Default: the relay picks one. */
  readonly name?: string | undefined;
  /**
   * Links to keep open to the relay; open() resolves with the first. Streams through the gateway spread over all of them,
   * streams to peers stay on one. With several URLs each begins at another: they may be several ways to one relay. At
   * most what the relay allows (8 by default). Default: 1.
   */
  readonly links?: number | undefined;
  /** When a link that says nothing counts as dead, and is replaced. */
  readonly watch?: TunnelWatchOptions | undefined;
  /** Ends the attempt to open; the tunnel itself, once open, is ended by close() alone. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to open in. Default: 15,000. */
  readonly timeout?: number | undefined;
  /** The WebSocket class to use. Default: the runtime's, and ws in Node. */
  readonly WebSocket?: WebSocketClass | undefined;
  /** For tests in virtual time. */
  readonly clock?: Clock | undefined;
  readonly random?: RandomBytes | undefined;
}

/** Milliseconds, above 0. */
export interface TunnelWatchOptions {
  /** After so long without a message the client asks. Default: 20,000. */
  readonly idle?: number | undefined;
  /** After so long without a message the link is dead. Default: 45,000; the relay asks after 20,000 by itself. */
  readonly silence?: number | undefined;
  /**
   * So long may bytes wait for word that the relay has taken some of them; then the link is dead, whatever else
   * arrives. Infinity: any time. Default: 15,000.
   */
  readonly writeWait?: number | undefined;
}

export interface TunnelBindOptions extends BindOptions {
  /**
   * Where the relay shall listen for plain TCP and pass it to this listener: ":8080", "127.0.0.1:8080", ":0". Without a
   * host the relay listens on loopback. `listener.published` says where it does.
   */
  readonly publish?: SocketAddrLike | undefined;
}

export interface TunnelLinkState {
  readonly id: number;
  /** Where it leads, without secrets: "wss://relay.example/". */
  readonly description: string;
}

/** A snapshot, never changed afterwards: the tunnel makes a new one with every change. */
export interface TunnelState {
  /**
   * open: links are there. detached: none is, and everything stands still until one is back. closing: close() was
   * called. closed: it is over, see `error`.
   */
  readonly phase: "open" | "detached" | "closing" | "closed";
  readonly links: readonly TunnelLinkState[];
  /** Why it ended, when not by close(). */
  readonly error: NetError | null;
}

/** Figures of one link, as of now. */
export interface TunnelLinkInfo extends TunnelLinkState {
  /** Milliseconds; undefined while unknown. */
  readonly rtt: number | undefined;
  readonly minRtt: number | undefined;
  /** Bytes per second; undefined while unknown. */
  readonly rate: number | undefined;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Bytes of packets sent and not yet taken by the relay, and how many may be. */
  readonly inFlight: number;
  readonly budget: number;
}

export interface TunnelInfo {
  readonly network: string;
  readonly subject: string;
  readonly session: string;
  readonly links: readonly TunnelLinkInfo[];
  /** Limits that the relay told. */
  readonly limits: { readonly streams: number; readonly publications: number };
}

export interface TunnelEventMap {
  /** Every new snapshot. */
  statechange: TunnelEvent;
  /** The last link is lost: `reason`. */
  detached: TunnelEvent;
  /** A link has come. */
  attached: TunnelEvent;
  /** The first link after an outage has come: `outage`, `survived`. */
  resumed: TunnelEvent;
  /** It is over: `reason`, null after close(). */
  closed: TunnelEvent;
}

export interface TunnelEvent extends Event {
  readonly state: TunnelState;
  /** Of "resumed": milliseconds without a link; 0 when it went from one relay to another without an outage. */
  readonly outage: number | undefined;
  /** Of "resumed": whether the relay still had what it kept. If not, streams through its gateway have ended. */
  readonly survived: boolean | undefined;
  readonly reason: NetError | null;
}

/**
 * The client end of a tunnel: a whole TCP stack whose packets travel over WebSockets to a relay. A `Network`: dial real
 * TCP servers through the relay's gateway, other tunnels by name, and listen, also in a browser tab.
 *
 * It outlives its WebSocket: when that drops, streams and calls stand still while it is dialled anew, and go on with no
 * byte lost. Only close(), a relay that refuses the credentials, a newer tunnel of its name, or an outage longer than
 * the relay's grace (5 minutes by default) end it, and then everything in it with one coded error: `ERR_NAME_TAKEN` when a
 * newer tunnel took its name, `ERR_SESSION_EXPIRED` after an outage, the code of the relay's word else.
 */
export interface Tunnel extends EventTarget, Network {
  /** The name others dial, without ".peer". */
  readonly name: string;
  /** The tunnel's address inside the network: IPv6. */
  readonly address: string;
  /** Where the relay is, without secrets; with several URLs, the one that is in use. */
  readonly url: string;
  readonly state: TunnelState;
  /**
   * Settles when the tunnel is over: resolves after close(), rejects with a NetError otherwise. Never an unhandled
   * rejection.
   */
  readonly closed: Promise<void>;
  /** For tools that look at segments, timers and links. Part of the core's API, not of the tunnel's. */
  readonly driver: Driver;

  /**
   * Opens a connection.
   *
   * @param addr A host that the relay's gateway reaches ("db.internal:5432", "93.184.216.34:80", "[2001:db8::1]:80"), or
   * another tunnel ("bob.peer:7000"). Without a host: this tunnel itself.
   * While there is no link it waits for one, under its own `timeout`.
   *
   * @returns `peerAddr` is the address that the relay dialled; of another tunnel, `addr` as it was given.
   * @throws {NetError} `ECONNREFUSED`, `EHOSTUNREACH`, `ETIMEDOUT`, `ENOTFOUND`; `ERR_DENIED` with `rule`;
   * `ERR_LIMIT` with `retryAfter`; what ended the tunnel; `ERR_SOCKET_CLOSED` after close().
   *
   * Cancel safety: an aborted connect leaves nothing behind; the relay gives its own attempt up.
   */
  connect(addr: SocketAddrLike, options?: ConnectOptions): Promise<TcpStream>;
  /**
   * Listens on a port of this tunnel: other tunnels dial NAME.peer, and with `publish` anybody who reaches the relay
   * by plain TCP.
   *
   * @throws {NetError} `EADDRINUSE`, `EADDRNOTAVAIL`; with `publish` also `ERR_DENIED`, `ERR_LIMIT`, `EACCES`.
   */
  bind(addr: SocketAddrLike, options?: TunnelBindOptions): Promise<TcpListener>;
  /** Figures of session and links. */
  info(): TunnelInfo;
  /** Drops a link (default: the first) as if it had been lost; it is dialled anew at once. For tests and demos. */
  cutLink(id?: number): void;
  /**
   * For a change of networks: dials every link anew, and drops each old one when its successor is there, so that nothing
   * stands still. While none can be had it goes on trying and the old ones stay. Resolves when all are new, or
   * when the tunnel is over.
   */
  roam(): Promise<void>;
  /**
   * Closes listeners, sends what streams have still to send, says goodbye. At most 5 s, then what is left is reset.
   * Idempotent.
   */
  close(): Promise<void>;

  addEventListener<Name extends keyof TunnelEventMap>(
    name: Name,
    listener: (event: TunnelEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    name: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof TunnelEventMap>(
    name: Name,
    listener: (event: TunnelEventMap[Name]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    name: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** Where a tunnel leads: one URL, several that are tried in order, or links of another kind. */
export type TunnelTarget = string | URL | readonly (string | URL)[] | LinkDialer;

export interface TunnelConstructor {
  /**
   * Opens a tunnel to a relay.
   *
   * @param target "wss://relay.example/", or several URLs that are tried in order.
   * @throws {NetError} `ECONNREFUSED` (no relay there), `ETIMEDOUT`, `EPROTO` (no fourtuple relay), `ERR_VERSION`,
   * `EACCES` (token missing or unknown), `EADDRINUSE` (the name is somebody else's), `ERR_DENIED`, `ERR_LIMIT`.
   * @throws {TypeError} for a URL or a name that cannot be one.
   *
   * Cancel safety: an aborted open leaves nothing behind.
   */
  open(target: TunnelTarget, options?: TunnelOptions): Promise<Tunnel>;
}
