// A connection of the stack as the five verbs that TcpStream is built on. It holds what the connection does not: whom
// to wake, what the relay told of the other end, and why it failed when that was told apart from the reset.

import {
  bounded,
  failure,
  type KeepAliveOptions,
  NetError,
  type NetOperation,
  type OpOptions,
  type PeerIdentity,
  SocketAddr,
  type StreamSink,
  type StreamSource,
  type TcpInfo,
  type Timers,
} from "../net/index.ts";
import { type Connection, Event } from "../stack/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { Clock, Micros } from "./clock.ts";

/** What a source needs of its driver. */
export interface SourceOwner {
  readonly clock: Clock;
  readonly timers: Timers | undefined;
  /** The time of this turn, and there may be something to send. */
  touch(): Micros;
  /** A source or listener begins (+1) or ceases (-1) to hold the process alive, or to exist. */
  held(refs: number, sources: number): void;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class ConnectionSource implements StreamSource {
  readonly connection: Connection;
  private readonly owner: SourceOwner;
  private sink: StreamSink | null = null;
  private local: SocketAddr | null = null;
  private remote: SocketAddr | null;
  private identity: PeerIdentity | undefined;
  /** Those who wait for the handshake. */
  private waiters: Waiter[] | null = null;
  private failed: NetError | null = null;
  /** The failure was thrown at a caller: who goes on sending gets EPIPE. */
  private isFailureTold: boolean = false;
  private isConnected: boolean;
  private isFinished: boolean = false;
  private isReleased: boolean = false;
  private isClosed: boolean = false;
  private isClosedTold: boolean = false;
  private isRef: boolean = true;

  constructor(owner: SourceOwner, connection: Connection, peerAddr: SocketAddr | null, isConnected: boolean) {
    this.owner = owner;
    this.connection = connection;
    this.remote = peerAddr;
    this.isConnected = isConnected;
    owner.held(1, 1);
  }

  get localAddr(): SocketAddr {
    this.local ??= socketAddr(this.connection.local, this.connection.localPort);
    return this.local;
  }

  get peerAddr(): SocketAddr {
    this.remote ??= socketAddr(this.connection.remote, this.connection.remotePort);
    return this.remote;
  }

  get peer(): PeerIdentity | undefined {
    return this.identity;
  }

  get timers(): Timers | undefined {
    return this.owner.timers;
  }

  /** What was told of the other end: its real address behind a relay, and who it is. */
  describe(peerAddr: SocketAddr, peer?: PeerIdentity): void {
    this.remote = peerAddr;
    if (peer !== undefined) this.identity = peer;
  }

  /** Why this connection is about to fail, told apart from its reset: the error that its user gets. */
  explain(error: NetError): void {
    this.failed ??= error;
  }

  /**
   * Resolves once the connection is established. A failed, aborted or timed-out one is gone: its SYN is taken back.
   *
   * @param options.timeout Milliseconds; default none, the stack's own limit on SYNs ends it.
   * @throws {NetError} ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET, or what explain() was given.
   */
  connected(options: OpOptions = {}): Promise<void> {
    if (this.isClosed) return Promise.reject(this.connectError());
    const settled = new Promise<void>((resolve, reject) => {
      if (this.isConnected) resolve();
      else (this.waiters ??= []).push({ resolve, reject });
    });
    if (options.signal === undefined && options.timeout === undefined) return settled;
    // When options are refused, nobody waits for it any more.
    settled.catch(() => {});
    const { signal, timeout } = options;
    const reason = `no answer within ${timeout} ms`;
    const established = bounded(
      {
        signal,
        timeout,
        timers: this.timers,
        expired: () => failure("ETIMEDOUT", { op: "connect", peerAddr: this.peerAddr, reason }),
        discard: () => this.reset(),
      },
      () => settled,
    );
    established.catch(() => this.reset());
    return established;
  }

  // --- the five verbs

  attach(sink: StreamSink): void {
    this.sink = sink;
    if (this.isClosed) this.owner.clock.defer(() => this.tellClosed());
  }

  receive(max: number): Bytes | null | undefined {
    const { connection } = this;
    const bytes = connection.receive(this.owner.touch(), max);
    if (bytes !== undefined) return bytes;
    if (connection.state !== "CLOSED") return undefined;
    const error = this.failure("read");
    // Closed without an error and without the peer's FIN: by this side.
    if (error === null) return null;
    this.isFailureTold = true;
    throw error;
  }

  send(data: Uint8Array): number {
    const now = this.sendingNow();
    return this.connection.send(now, data);
  }

  finish(): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.connection.finish(this.owner.touch());
  }

  close(): void {
    if (this.isReleased) return;
    this.isReleased = this.isFinished = true;
    this.connection.release(this.owner.touch());
  }

  reset(reason?: unknown): void {
    if (this.isClosed) return;
    this.isReleased = this.isFinished = true;
    if (reason instanceof NetError) this.failed ??= reason;
    this.connection.abort(this.owner.touch());
  }

  get unacknowledged(): number {
    return this.connection.unacknowledged;
  }

  setNoDelay(on: boolean): void {
    this.connection.setOptions(this.owner.touch(), { noDelay: on });
  }

  setKeepAlive(options: KeepAliveOptions | false): void {
    this.connection.setOptions(this.owner.touch(), { keepAlive: keepAlive(options) });
  }

  info(): TcpInfo {
    return this.connection.info(this.owner.clock.now());
  }

  ref(): void {
    if (this.isRef) return;
    this.isRef = true;
    if (!this.isClosed) this.owner.held(1, 0);
  }

  unref(): void {
    if (!this.isRef) return;
    this.isRef = false;
    if (!this.isClosed) this.owner.held(-1, 0);
  }

  // --- what the driver calls

  /** @internal The connection has something to tell: a mask of Event. */
  dispatch(events: number): void {
    if ((events & Event.connected) !== 0) {
      this.isConnected = true;
      this.settle((waiter) => waiter.resolve());
    }
    if ((events & Event.readable) !== 0) this.sink?.readable();
    if ((events & (Event.writable | Event.acked)) !== 0) this.sink?.writable();
    if ((events & Event.closed) !== 0) this.end();
    else if (this.isReleased && isFlushed(this.connection)) this.end();
  }

  private end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.owner.held(this.isRef ? -1 : 0, -1);
    if (this.waiters !== null) {
      const error = this.connectError();
      this.settle((waiter) => waiter.reject(error));
    }
    this.tellClosed();
  }

  private tellClosed(): void {
    if (this.sink === null || this.isClosedTold) return;
    this.isClosedTold = true;
    this.sink.closed(this.failure(null));
  }

  private settle(call: (waiter: Waiter) => void): void {
    const { waiters } = this;
    this.waiters = null;
    for (const waiter of waiters ?? []) call(waiter);
  }

  /** Now, or why nothing can be sent. */
  private sendingNow(): Micros {
    const error = this.connection.state === "CLOSED" ? this.failure("write") : null;
    if (this.isFinished || this.isFailureTold || (error === null && this.connection.state === "CLOSED")) {
      throw failure("EPIPE", { op: "write", peerAddr: this.peerAddr, cause: error ?? undefined });
    }
    if (error !== null) {
      this.isFailureTold = true;
      throw error;
    }
    return this.owner.touch();
  }

  private failure(op: NetOperation | null): NetError | null {
    const { error } = this.connection;
    if (this.failed !== null && (error !== null || this.isReleased)) return this.failed;
    if (error === null) return null;
    return failure(error.code, { op: op ?? "read", peerAddr: this.peerAddr });
  }

  private connectError(): NetError {
    if (this.failed !== null) return this.failed;
    const { error } = this.connection;
    const code = error?.code ?? "ECONNABORTED";
    const reason = error === null ? "closed before it was established" : undefined;
    return failure(code, { op: "connect", peerAddr: this.peerAddr, localAddr: this.localAddr, reason });
  }
}

/** What close() waits for: all that was accepted, and the FIN, are acknowledged. */
function isFlushed(connection: Connection): boolean {
  return connection.state === "FIN-WAIT-2" || connection.state === "TIME-WAIT";
}

export function socketAddr(address: IpAddress, port: number): SocketAddr {
  return new SocketAddr(address.withoutZone().toString(), port);
}

/** Milliseconds to microseconds; what is left out as Linux has it (RFC 9293 §3.8.4 gives the two hours). */
export function keepAlive(
  options: KeepAliveOptions | boolean,
): { idle: number; interval: number; count: number } | null {
  if (options === false) return null;
  const { idle, interval, count } = options === true ? ({} as KeepAliveOptions) : options;
  return { idle: (idle ?? 7_200_000) * 1000, interval: (interval ?? 75_000) * 1000, count: count ?? 9 };
}
