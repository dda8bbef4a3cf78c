// A network inside one process, without a stack: two sources joined by a send and a receive buffer in each
// direction, with the endings of a kernel's TCP. What TcpStream is tested on when no TCP is wanted.

import type { Bytes } from "../../../src/core/net/index.ts";
import {
  type BindOptions,
  bounded,
  type ConnectOptions,
  failure,
  type ListenerSink,
  type ListenerSource,
  NetError,
  type Network,
  SocketAddr,
  type SocketAddrLike,
  type StreamSink,
  type StreamSource,
  type TcpInfo,
  TcpListener,
  type TcpState,
  TcpStream,
} from "../../../src/core/net/index.ts";

export interface MemoryOptions {
  /** Bytes that each end holds unsent. Default 64 KiB. */
  readonly sendBuffer?: number;
  /** Bytes that each end holds unread. Default 64 KiB. */
  readonly receiveBuffer?: number;
}

/** One end of a connection. */
export class MemorySource implements StreamSource {
  readonly localAddr: SocketAddr;
  readonly peerAddr: SocketAddr;
  /** Every source that has not been released. */
  readonly live: Set<MemorySource>;
  noDelay = true;
  keepAlive: unknown = false;
  private readonly options: Required<MemoryOptions>;
  private other: MemorySource | null = null;
  private sink: StreamSink | null = null;
  private sending: Bytes[] = [];
  private received: Bytes[] = [];
  private sendingBytes = 0;
  private receivedBytes = 0;
  private wantsRead = false;
  private wantsWrite = false;
  private finished = false;
  private finSent = false;
  private finReceived = false;
  private released = false;
  private failed: NetError | null = null;
  private over = false;
  private scheduled = false;

  constructor(local: SocketAddr, peer: SocketAddr, live: Set<MemorySource>, options: MemoryOptions) {
    this.localAddr = local;
    this.peerAddr = peer;
    this.live = live;
    this.options = { sendBuffer: 65_536, receiveBuffer: 65_536, ...options };
    live.add(this);
  }

  static pair(
    options: MemoryOptions = {},
    client: SocketAddr = new SocketAddr("127.0.0.1", 40_000),
    server: SocketAddr = new SocketAddr("127.0.0.1", 80),
    live: Set<MemorySource> = new Set(),
  ): [MemorySource, MemorySource] {
    const a = new MemorySource(client, server, live, options);
    const b = new MemorySource(server, client, live, options);
    a.other = b;
    b.other = a;
    return [a, b];
  }

  get unacknowledged(): number {
    return this.sendingBytes;
  }

  attach(sink: StreamSink): void {
    if (this.sink !== null) throw new Error("Attached twice");
    this.sink = sink;
  }

  receive(max: number): Bytes | null | undefined {
    const first = this.received[0];
    if (first !== undefined) {
      const chunk = first.subarray(0, max);
      if (chunk.length < first.length) this.received[0] = first.subarray(max);
      else this.received.shift();
      this.receivedBytes -= chunk.length;
      this.other?.schedule();
      return chunk;
    }
    if (this.failed !== null) throw this.failed;
    if (this.finReceived) return null;
    this.wantsRead = true;
    return undefined;
  }

  send(data: Uint8Array): number {
    if (this.failed !== null) throw this.failed;
    if (this.finished) throw new NetError("EPIPE", "Sending has ended");
    const count = Math.min(data.length, this.options.sendBuffer - this.sendingBytes);
    if (count < data.length) this.wantsWrite = true;
    if (count > 0) {
      this.sending.push(data.slice(0, count) as Bytes);
      this.sendingBytes += count;
      this.schedule();
    }
    return count;
  }

  finish(): void {
    this.finished = true;
    this.schedule();
  }

  close(): void {
    if (this.released) return;
    this.released = true;
    this.finished = true;
    if (this.receivedBytes > 0) this.reset();
    else this.schedule();
  }

  reset(): void {
    if (this.over) {
      this.release();
      return;
    }
    this.failed = new NetError("ECONNABORTED", "Reset on this side");
    this.drop();
    this.end(null);
    this.other?.fail(new NetError("ECONNRESET", "The other end reset the connection"));
  }

  setNoDelay(on: boolean): void {
    this.noDelay = on;
  }

  setKeepAlive(options: unknown): void {
    this.keepAlive = options;
  }

  info(): TcpInfo {
    return { state: this.state, unacknowledged: this.sendingBytes };
  }

  private get state(): TcpState {
    if (this.over) return "CLOSED";
    if (this.finSent) return this.finReceived ? "LAST-ACK" : "FIN-WAIT-2";
    return this.finReceived ? "CLOSE-WAIT" : "ESTABLISHED";
  }

  /** Moves what fits to the other end, in the next microtask. */
  private schedule(): void {
    if (this.scheduled || this.over) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.flow();
    });
  }

  private flow(): void {
    const other = this.other;
    if (this.over || other === null) return;
    while (this.sendingBytes > 0) {
      if (other.released || other.over) {
        this.fail(new NetError("ECONNRESET", "The other end is gone"));
        return;
      }
      const room = other.options.receiveBuffer - other.receivedBytes;
      if (room <= 0) break;
      const first = this.sending[0];
      const chunk = first.subarray(0, room);
      if (chunk.length < first.length) this.sending[0] = first.subarray(room);
      else this.sending.shift();
      this.sendingBytes -= chunk.length;
      other.received.push(chunk);
      other.receivedBytes += chunk.length;
    }
    if (this.finished && this.sendingBytes === 0 && !this.finSent) {
      this.finSent = true;
      other.finReceived = true;
    }
    if (other.wantsRead && (other.receivedBytes > 0 || other.finReceived)) {
      other.wantsRead = false;
      other.sink?.readable();
    }
    if (this.over) return;
    if (this.sendingBytes === 0 || (this.wantsWrite && this.sendingBytes < this.options.sendBuffer)) {
      this.wantsWrite = false;
      this.sink?.writable();
    }
    if (this.finSent && this.released) this.end(null);
    if (this.finSent && this.finReceived) {
      this.end(null);
      other.end(null);
    }
  }

  private fail(error: NetError): void {
    if (this.over) return;
    this.failed = error;
    this.sending = [];
    this.sendingBytes = 0;
    this.end(error);
    if (this.released) this.release();
  }

  private drop(): void {
    this.sending = [];
    this.received = [];
    this.sendingBytes = 0;
    this.receivedBytes = 0;
  }

  private end(error: NetError | null): void {
    if (this.over) return;
    this.over = true;
    this.release();
    this.sink?.closed(error);
  }

  private release(): void {
    this.live.delete(this);
  }
}

class MemoryListener implements ListenerSource {
  readonly localAddr: SocketAddr;
  private readonly onClose: () => void;
  private readonly backlog: number;
  private readonly waiting: MemorySource[] = [];
  private sink: ListenerSink | null = null;
  private isClosed = false;

  constructor(localAddr: SocketAddr, backlog: number, onClose: () => void) {
    this.localAddr = localAddr;
    this.backlog = backlog;
    this.onClose = onClose;
  }

  attach(sink: ListenerSink): void {
    this.sink = sink;
  }

  offer(source: MemorySource): boolean {
    if (this.waiting.length >= this.backlog) return false;
    this.waiting.push(source);
    queueMicrotask(() => this.sink?.acceptable());
    return true;
  }

  accept(): StreamSource | undefined {
    return this.waiting.shift();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onClose();
    for (const source of this.waiting.splice(0)) source.reset();
    queueMicrotask(() => this.sink?.closed(null));
  }
}

/** Loopback addresses have listeners; 192.0.2.0/24 never answers. */
export class MemoryNetwork implements Network {
  readonly live: Set<MemorySource> = new Set();
  private readonly options: MemoryOptions;
  private readonly listeners = new Map<number, MemoryListener>();
  private nextPort = 49_152;

  constructor(options: MemoryOptions = {}) {
    this.options = options;
  }

  async connect(addr: SocketAddrLike, options: ConnectOptions = {}): Promise<TcpStream> {
    const peerAddr = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
    const localAddr = new SocketAddr("127.0.0.1", this.freePort());
    const expired = (): NetError => failure("ETIMEDOUT", { op: "connect", peerAddr });
    return bounded({ ...options, expired, discard: (late) => late.abort() }, async () => {
      if (peerAddr.hostname.startsWith("192.0.2.")) await new Promise(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 0));
      const [client, server] = MemorySource.pair(this.options, localAddr, peerAddr, this.live);
      if (!this.listeners.get(peerAddr.port)?.offer(server)) {
        this.live.delete(client);
        this.live.delete(server);
        throw failure("ECONNREFUSED", { op: "connect", peerAddr });
      }
      return TcpStream.over(client, options);
    });
  }

  async bind(addr: SocketAddrLike, options: BindOptions = {}): Promise<TcpListener> {
    const asked = SocketAddr.from(addr).withDefaultHostname("0.0.0.0");
    const localAddr = asked.port === 0 ? new SocketAddr(asked.hostname, this.freePort()) : asked;
    if (this.listeners.has(localAddr.port)) throw failure("EADDRINUSE", { op: "bind", localAddr });
    const release = (): void => void this.listeners.delete(localAddr.port);
    const listener = new MemoryListener(localAddr, options.backlog ?? 511, release);
    this.listeners.set(localAddr.port, listener);
    return TcpListener.over(listener, options);
  }

  async close(): Promise<void> {
    for (const listener of [...this.listeners.values()]) listener.close();
    for (const source of [...this.live]) source.reset();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private freePort(): number {
    while (this.listeners.has(this.nextPort)) this.nextPort++;
    return this.nextPort++;
  }
}

/** Two connected streams, and their sources. */
export function memoryStreams(options: MemoryOptions = {}): {
  client: TcpStream;
  server: TcpStream;
  sources: [MemorySource, MemorySource];
} {
  const sources = MemorySource.pair(options);
  return { client: TcpStream.over(sources[0]), server: TcpStream.over(sources[1]), sources };
}
