// The connection that users hold: an interface and a value of the same name, so that two copies of the package
// are assignable to each other. Shaped like Rust's std::net, with null for the end of the stream.

import type { Bytes } from "../wire/bytes.ts";
import { defaultNetwork } from "./network.ts";
import type {
  CloseOptions,
  ConnectOptions,
  KeepAliveOptions,
  NetworkOptions,
  OpOptions,
  StreamOptions,
} from "./options.ts";
import type { SocketAddr, SocketAddrLike } from "./socket-addr.ts";
import { SourceStream } from "./source-stream.ts";
import type { PeerIdentity, StreamSource } from "./stream-source.ts";
import type { TcpInfo } from "./tcp-info.ts";

export type Shutdown = "read" | "write" | "both";

/**
 * A TCP connection, on any network. Each direction ends on its own (half open is always allowed), and there are
 * three endings: `closeWrite()` sends FIN, `close()` flushes and releases, `abort()` resets.
 *
 * After the peer's reset, bytes that arrived before it are still read, then reads reject with `ECONNRESET`.
 * After `close()` every operation rejects with `ERR_SOCKET_CLOSED`, after `abort()` with `ECONNABORTED`.
 * An aborted operation rejects with `signal.reason`; a timed-out one with `ETIMEDOUT`; the stream stays usable.
 */
export interface TcpStream extends AsyncIterable<Bytes>, AsyncDisposable {
  readonly localAddr: SocketAddr;
  readonly peerAddr: SocketAddr;
  /** The same as `peerAddr`, by its name in Deno and Go. */
  readonly remoteAddr: SocketAddr;
  /** What a relay attests of the dialler, on streams that a tunnel accepted. */
  readonly peer: PeerIdentity | undefined;

  /**
   * Reads at least 1 and at most `buffer.length` bytes: what has arrived, without waiting for more. Concurrent
   * reads are served in order.
   *
   * @returns The number of bytes; null at the end of the stream, then and always after; 0 only for an empty buffer.
   * @throws {NetError} `ECONNRESET`, `ETIMEDOUT`, `ERR_SOCKET_CLOSED`, `ECONNABORTED`.
   * @throws {TypeError} while `readable` is locked.
   *
   * Cancel safety: an aborted or timed-out read has taken nothing.
   */
  read(buffer: Uint8Array, options?: OpOptions): Promise<number | null>;
  /**
   * Reads what has arrived, at most `max` bytes, without a copy. The bytes are the caller's, but may be a view of
   * a larger buffer: do not transfer `chunk.buffer`.
   *
   * @returns At least 1 byte; null at the end of the stream.
   *
   * Cancel safety: an aborted or timed-out read has taken nothing.
   */
  readChunk(options?: OpOptions & { readonly max?: number | undefined }): Promise<Bytes | null>;
  /**
   * Fills the whole buffer.
   *
   * @throws {NetError} `ERR_UNEXPECTED_EOF` when the stream ends before; else as `read`.
   *
   * Cancel safety: none. Bytes read before the abort are in the buffer, how many is not told.
   */
  readExact(buffer: Uint8Array, options?: OpOptions): Promise<void>;
  /**
   * Reads up to the end of the stream.
   *
   * @param options.limit Bytes; more reject with `EMSGSIZE`. Default 64 MiB.
   *
   * Cancel safety: none. Bytes read before the abort are gone.
   */
  readToEnd(options?: OpOptions & { readonly limit?: number | undefined }): Promise<Bytes>;
  /**
   * As `read`, but the bytes stay and are read again. Looks at no more than `buffer.length` bytes.
   *
   * Cancel safety: nothing is taken.
   */
  peek(buffer: Uint8Array, options?: OpOptions): Promise<number | null>;

  /**
   * Copies bytes into the send buffer, waiting only while it is full. May be short.
   *
   * @returns The number of bytes accepted, at least 1 unless `data` is empty.
   * @throws {NetError} `EPIPE` after a half close or a reset that was told before; `ECONNRESET`, `ETIMEDOUT`,
   * `ERR_SOCKET_CLOSED`, `ECONNABORTED`.
   * @throws {TypeError} while `writable` is locked.
   *
   * Cancel safety: an aborted or timed-out write has sent nothing.
   */
  write(data: Uint8Array, options?: OpOptions): Promise<number>;
  /**
   * Sends all of `data`. Calls are queued whole and never interleave. `data` may be reused once this settles.
   *
   * @throws {NetError} as `write`; `bytesWritten` tells how much of `data` was accepted.
   *
   * Cancel safety: a prefix may have been sent; the stream's `bytesWritten` tells.
   */
  writeAll(data: Uint8Array, options?: OpOptions): Promise<void>;
  /**
   * Waits until all that was written before has been acknowledged by the peer (with kernel sockets: taken by
   * the kernel).
   *
   * Cancel safety: changes nothing.
   */
  flush(options?: OpOptions): Promise<void>;

  /**
   * Ends one direction or both. `"write"` sends FIN after what is queued; `"read"` makes reads give null from now
   * on, and what comes is dropped.
   *
   * @param how Default `"write"`.
   */
  shutdown(how?: Shutdown, options?: OpOptions): Promise<void>;
  /** The same as `shutdown("write")`, by its name in Deno and Go. */
  closeWrite(options?: OpOptions): Promise<void>;
  /**
   * No more reads; sends what is queued, FIN, releases. Resolves also if that fails (`closed` rejects then).
   * Received bytes that nobody read make it a reset, as in kernels. Idempotent. Never hangs: see CloseOptions.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Resets now; the peer sees `ECONNRESET`. Pending operations reject with `ECONNABORTED`. Idempotent. */
  abort(reason?: unknown): void;
  /**
   * Settles when the connection is over: resolves after both directions ended or `close()` has flushed; rejects
   * with NetError if it failed or was aborted. Never an unhandled rejection. The system's sockets notice the peer's
   * end only while somebody reads.
   */
  readonly closed: Promise<void>;

  /**
   * The receiving direction as a Web byte stream (BYOB readers work). Made at first use; it holds no buffer of its
   * own. `cancel()` is `shutdown("read")`. While it is locked, direct reads throw a TypeError.
   */
  readonly readable: ReadableStream<Bytes>;
  /**
   * The sending direction as a Web stream. `close()` is `closeWrite()`, `abort()` is `abort()`. While it is locked,
   * direct writes throw a TypeError.
   */
  readonly writable: WritableStream<Uint8Array>;
  /** Chunks to the end of the stream. Owns the stream: leaving the loop early closes it. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Bytes>;
  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void>;

  readonly noDelay: boolean;
  /** @param on Default true: small writes leave at once. */
  setNoDelay(on?: boolean): this;
  /** @param on Default true. */
  setKeepAlive(on?: boolean | KeepAliveOptions): this;
  /** Milliseconds, null for none. */
  readonly readTimeout: number | null;
  /**
   * How long each read may wait; reads that already wait are measured anew, from when they began.
   *
   * @param timeout Milliseconds, null for none.
   * @throws {RangeError} for 0, negative numbers and NaN.
   */
  setReadTimeout(timeout: number | null): this;
  readonly writeTimeout: number | null;
  /** As `setReadTimeout`, for `write`, `writeAll` and `flush`. */
  setWriteTimeout(timeout: number | null): this;

  /** Bytes handed to readers. */
  readonly bytesRead: number;
  /** Bytes accepted from writers. */
  readonly bytesWritten: number;
  info(): TcpInfo;
  /** The stream keeps the process alive (the default). */
  ref(): this;
  /** The stream does not keep the process alive. */
  unref(): this;
}

export const TcpStream: {
  /**
   * Connects over `options.network`, by default with the runtime's own sockets.
   *
   * @param addr `"example.com:80"`, `"[::1]:80"`, `":80"` (this machine) or `{ hostname, port }`.
   * @throws {NetError} `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`, `ENOTFOUND`; `ENOTSUP` where the runtime has
   * no sockets.
   *
   * Cancel safety: an aborted connect leaves nothing behind.
   */
  connect(addr: SocketAddrLike, options?: ConnectOptions & NetworkOptions): Promise<TcpStream>;
  /** Builds a stream from the five verbs that a network supplies. */
  over(source: StreamSource, options?: StreamOptions): TcpStream;
} = {
  async connect(addr: SocketAddrLike, options: ConnectOptions & NetworkOptions = {}): Promise<TcpStream> {
    return (options.network ?? defaultNetwork()).connect(addr, options);
  },
  over(source: StreamSource, options?: StreamOptions): TcpStream {
    return new SourceStream(source, options);
  },
};
