// What a network supplies for one listening port; TcpListener builds the rest on it. Accepts on demand: what
// nobody asked for waits in the network's bounded backlog.

import type { NetError } from "./net-error.ts";
import type { SocketAddr } from "./socket-addr.ts";
import type { StreamSource } from "./stream-source.ts";
import type { Timers } from "./timers.ts";

export interface ListenerSource {
  readonly localAddr: SocketAddr;
  /** Where a relay publishes the port to plain TCP. */
  readonly published?: SocketAddr | undefined;

  /** Called once, before anything else. The sink may be called only after this has returned. */
  attach(sink: ListenerSink): void;

  /**
   * The next established connection, or `undefined`: none now; asking was demand, `sink.acceptable()` follows.
   * Throws NetError (`EMFILE`, ...) for one failed accept, or for ever once the listener failed.
   */
  accept(): StreamSource | undefined;

  /** Stops listening, resets what waits in the backlog, then `sink.closed(null)`. Idempotent. */
  close(): void;
  ref?(): void;
  unref?(): void;

  /** The clock of API timeouts, for networks in virtual time. Default: the runtime's. */
  readonly timers?: Timers | undefined;
}

export interface ListenerSink {
  acceptable(): void;
  /** Exactly once. */
  closed(error: NetError | null): void;
}
