// The option bags of every call on a stream, a listener or a network. Only types: a network decides what of
// them it can honour, and rejects with ENOTSUP what it cannot and what would change the meaning of the call.

import type { Network } from "./network.ts";
import type { SocketAddrLike } from "./socket-addr.ts";

/** What every waiting operation takes. */
export interface OpOptions {
  /** Ends the operation; it rejects with `signal.reason`, untouched. Never closes the stream or listener. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for this operation; then it rejects with `ETIMEDOUT`. Above 0; `Infinity` for none. */
  readonly timeout?: number | undefined;
}

/** TCP keepalive. Times in milliseconds; what is left out is the network's default. */
export interface KeepAliveOptions {
  /** Silence before the first probe. Default 7,200,000 (two hours, RFC 9293) or the system's. */
  readonly idle?: number | undefined;
  /** Between two probes. */
  readonly interval?: number | undefined;
  /** Unanswered probes before the connection fails with `ETIMEDOUT`. */
  readonly count?: number | undefined;
}

/** What limits sending where packets may be lost: RFC 9438, RFC 5681 with RFC 6582, BBR version 1. */
export type CongestionControl = "cubic" | "newreno" | "bbr";

export interface StreamOptions {
  /** Sends small writes at once (no Nagle). Default true on every network. */
  readonly noDelay?: boolean | undefined;
  /** Default false. */
  readonly keepAlive?: boolean | KeepAliveOptions | undefined;
  /** Bytes the network may hold unread. A ceiling: the window may be smaller. Default: the network's. */
  readonly readBufferSize?: number | undefined;
  /** Bytes the network may hold unsent and unacknowledged. Default: the network's. */
  readonly writeBufferSize?: number | undefined;
  /**
   * The congestion control of a network that has its own TCP, where packets may be lost: between tunnels and on bare
   * IP. Default `"cubic"`. Fixed when the connection begins; `info()` tells it. No effect on a tunnel's way through the
   * gateway, which loses nothing, nor on the system's sockets, which have the system's. Unknown: `EINVAL`.
   */
  readonly congestionControl?: CongestionControl | undefined;
}

export interface ConnectOptions extends StreamOptions, OpOptions {
  /** Milliseconds for lookup, every attempt and the handshake together. Default: the network's. */
  readonly timeout?: number | undefined;
  readonly localAddr?: SocketAddrLike | undefined;
  /** Tries all addresses of a name, both families (RFC 8305). Default true. */
  readonly autoSelectFamily?: boolean | undefined;
  /** Milliseconds after which the next address is tried beside the ones already under way. Default 250. */
  readonly autoSelectFamilyAttemptDelay?: number | undefined;
}

export interface BindOptions extends StreamOptions, OpOptions {
  /** Connections held until they are accepted. Default 511. */
  readonly backlog?: number | undefined;
  readonly reusePort?: boolean | undefined;
  readonly ipv6Only?: boolean | undefined;
}

/** For the forms that choose a network: `TcpStream.connect`, `TcpListener.bind`. */
export interface NetworkOptions {
  /** Where to connect or bind. Default: the sockets of the runtime, where it has any. */
  readonly network?: Network | undefined;
}

export interface CloseOptions {
  /** Ends the wait: the connection is reset and `close()` rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds to flush in, after which the connection is reset. Default: 30,000 without progress, that is
   * as long as the peer acknowledges something in every 30 seconds it goes on.
   */
  readonly timeout?: number | undefined;
}
