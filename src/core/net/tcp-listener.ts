// The listening port that users hold: an interface and a value of the same name, so that two copies of the
// package are assignable to each other.

import type { ListenerSource } from "./listener-source.ts";
import { defaultNetwork } from "./network.ts";
import type { BindOptions, NetworkOptions, OpOptions, StreamOptions } from "./options.ts";
import type { SocketAddr, SocketAddrLike } from "./socket-addr.ts";
import { SourceListener } from "./source-listener.ts";
import type { TcpStream } from "./tcp-stream.ts";

/**
 * A port that accepts connections. Iterating it owns it: leaving the loop closes the listener. `incoming()`
 * borrows it instead. Start a handler without awaiting it, or connections are served one after the other:
 *
 * ```ts
 * for await (const stream of await TcpListener.bind("127.0.0.1:0")) void serve(stream);
 * ```
 */
export interface TcpListener extends AsyncIterable<TcpStream>, AsyncDisposable {
  readonly localAddr: SocketAddr;
  /** The same as `localAddr`, by its name in Deno and Go. */
  readonly addr: SocketAddr;
  /** Where a relay publishes this port to plain TCP, if it does. */
  readonly published: SocketAddr | undefined;
  /** Resolves once the port is released; rejects with NetError if it failed. Never an unhandled rejection. */
  readonly closed: Promise<void>;

  /**
   * Waits for the next connection. Any number may be pending: first come, first served.
   *
   * @returns The stream and the peer's address.
   * @throws {NetError} `ERR_SOCKET_CLOSED` after or at `close()`, `ETIMEDOUT`, `EMFILE`.
   *
   * Cancel safety: an aborted or timed-out accept loses no connection.
   */
  accept(options?: OpOptions): Promise<[TcpStream, SocketAddr]>;
  /** Streams as they come, borrowing: leaving the loop leaves the listener open. Ends when it is closed. */
  incoming(options?: OpOptions): AsyncIterableIterator<TcpStream>;
  /** Streams as they come, owning: leaving the loop closes the listener. Ends when it is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<TcpStream>;

  /** Stops listening; pending accepts reject with `ERR_SOCKET_CLOSED`, loops end. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;

  /** The listener keeps the process alive (the default). */
  ref(): this;
  /** The listener does not keep the process alive. */
  unref(): this;
}

export const TcpListener: {
  /**
   * Listens on `options.network`, by default on the runtime's own sockets.
   *
   * @param addr `"127.0.0.1:8080"`, `":8080"` or `{ hostname, port }`; port 0 takes a free one.
   * @throws {NetError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`; `ENOTSUP` where the runtime has no sockets.
   */
  bind(addr: SocketAddrLike, options?: BindOptions & NetworkOptions): Promise<TcpListener>;
  /** Builds a listener from what a network supplies. `options` are applied to each accepted stream. */
  over(source: ListenerSource, options?: StreamOptions): TcpListener;
} = {
  async bind(addr: SocketAddrLike, options: BindOptions & NetworkOptions = {}): Promise<TcpListener> {
    return (options.network ?? defaultNetwork()).bind(addr, options);
  },
  over(source: ListenerSource, options?: StreamOptions): TcpListener {
    return new SourceListener(source, options);
  },
};
