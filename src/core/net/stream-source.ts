// What a network supplies for one connection: five verbs, synchronous and non-blocking. TcpStream builds
// everything else on them (promises, queues, deadlines, Web streams), the same for every network.

import type { Bytes } from "../wire/bytes.ts";
import type { NetError } from "./net-error.ts";
import type { KeepAliveOptions } from "./options.ts";
import type { SocketAddr } from "./socket-addr.ts";
import type { TcpInfo } from "./tcp-info.ts";
import type { Timers } from "./timers.ts";

/** What a relay attests of the dialler, never what the packet claims. */
export interface PeerIdentity {
  /** The name under which the peer's tunnel is known to the relay. */
  readonly name?: string | undefined;
  /** The authenticated subject. */
  readonly subject?: string | undefined;
  readonly address: SocketAddr;
}

export interface StreamSource {
  readonly localAddr: SocketAddr;
  readonly peerAddr: SocketAddr;
  readonly peer?: PeerIdentity | undefined;

  /** Called once, before anything else. The sink may be called only after this has returned. */
  attach(sink: StreamSink): void;

  /**
   * The next bytes, at most `max` (at least 1), handed over: the source never touches them again. `null` is the
   * end of the stream and stays. `undefined`: none now; asking was demand, `sink.readable()` follows. Throws
   * NetError, now and on every later call, once everything that came before the failure was taken.
   */
  receive(max: number): Bytes | null | undefined;

  /**
   * Copies bytes into the send buffer and returns how many; may be short. 0: full, `sink.writable()` follows.
   * Throws NetError: `ECONNRESET` or what ended the connection; `EPIPE` where that was told before or the
   * direction was finished.
   */
  send(data: Uint8Array): number;

  /** As `send`, but may keep a reference: the caller never touches the accepted bytes again. */
  sendOwned?(data: Bytes): number;

  /** Half close: FIN after what was accepted. Idempotent. */
  finish(): void;

  /**
   * No more reads; flush, FIN, release. Bytes that are or come unread turn it into a reset (RFC 2525, 2.17), as
   * kernels do. Then `sink.closed(null)`: when all was acknowledged or taken by the kernel, the FIN too; without
   * waiting for the peer's FIN. Idempotent.
   */
  close(): void;

  /** RST now; what was not sent is dropped. Then `sink.closed(error or null)`. Idempotent. */
  reset(reason?: unknown): void;

  /**
   * Bytes accepted and not yet acknowledged by the peer (or not yet taken by the kernel). `sink.writable()` is
   * also called when this falls to 0.
   */
  readonly unacknowledged: number;

  /** A source begins with no delay (Nagle off). */
  setNoDelay(on: boolean): void;
  setKeepAlive(options: KeepAliveOptions | false): void;
  info(): TcpInfo;
  ref?(): void;
  unref?(): void;

  /** The clock of API timeouts, for networks in virtual time. Default: the runtime's. */
  readonly timers?: Timers | undefined;
}

/** How a source wakes its stream. Calls may come from within a call of the source; spurious ones are harmless. */
export interface StreamSink {
  /** `receive()` has something to say again after `undefined`: bytes, the end or an error. */
  readable(): void;
  /**
   * Bytes that stay the source's own, offered for the time of the call while `receive()` has none; returns how many
   * were taken. The rest is to be received. Saves a source that reads into memory of its own from copying for nobody.
   */
  lent?(bytes: Bytes): number;
  /** `send()` has room again after 0 or a short count, or `unacknowledged` fell to 0. */
  writable(): void;
  /**
   * Exactly once: the connection is over, gracefully (null: both directions ended, or `close()` was flushed) or
   * not. Bytes received before stay readable, then `receive()` ends with `null` or throws. A source whose system
   * tells of the end to readers only may wait until `receive()` has come to it.
   */
  closed(error: NetError | null): void;
}
