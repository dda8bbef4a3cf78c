// A TcpStream of any network as the socket that Node's libraries expect. It extends stream.Duplex, not net.Socket,
// which would bring handles along and change half-open defaults; the members are those that http, tls, ws, pg,
// ioredis, ssh2 and mysql2 were seen to use.

import process from "node:process";
import { Duplex } from "node:stream";
import { failure, type TcpStream } from "../../core/net/index.ts";
import { IdleTimer } from "./idle-timer.ts";

/** The part of net.Socket that a connection over any network can offer. */
export interface SocketDuplex extends Duplex {
  /** The stream was given as a promise and is not there yet. */
  readonly connecting: boolean;
  readonly pending: boolean;
  readonly readyState: "opening" | "open" | "readOnly" | "writeOnly" | "closed";
  /** An IP address, or the name under which a tunnel knows the peer. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: "IPv4" | "IPv6" | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: "IPv4" | "IPv6" | undefined;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Milliseconds set by setTimeout(), undefined when it is off. */
  readonly timeout: number | undefined;
  /**
   * For clients that connect by themselves, as pg does: the connection is there or under way already, so the
   * address is ignored and `"connect"` follows.
   */
  connect(port: number, host?: string, onConnect?: () => void): this;
  connect(port: number, onConnect?: () => void): this;
  connect(options: object, onConnect?: () => void): this;
  /** Emits `"timeout"` whenever nothing moved for this many milliseconds; 0 turns it off. It ends nothing. */
  setTimeout(timeout: number, onTimeout?: () => void): this;
  /** @param on Default true. */
  setNoDelay(on?: boolean): this;
  /** @param on Default false, as in Node. @param initialDelay Milliseconds; 0 leaves it as it is. */
  setKeepAlive(on?: boolean, initialDelay?: number): this;
  /** The local address; an empty object before the connection is there. */
  address():
    | { readonly address: string; readonly family: string; readonly port: number }
    | Record<string, never>;
  /** Destroys once everything written has been flushed. */
  destroySoon(): void;
  /** Resets the connection. */
  resetAndDestroy(): this;
  ref(): this;
  unref(): this;
}

export interface SocketDuplexOptions {
  /** Keep sending possible after the peer's end. Default false, as for net.Socket. */
  readonly allowHalfOpen?: boolean | undefined;
}

/**
 * Bridges a stream to Node's libraries. The duplex owns the stream from now on. Errors keep their `code`.
 *
 * ```ts
 * const socket = toDuplex(tunnel.connect("db.internal:5432"));
 * const client = new pg.Client({ stream: () => socket });
 * ```
 *
 * @param stream A stream, or the promise of one: then `"connect"` and `"ready"` follow, or `"error"`.
 */
export function toDuplex(
  stream: TcpStream | Promise<TcpStream>,
  options: SocketDuplexOptions = {},
): SocketDuplex {
  return new StreamDuplex(stream, options);
}

type Callback = (error?: Error | null) => void;

class StreamDuplex extends Duplex implements SocketDuplex {
  connecting = false;
  bytesRead = 0;
  private stream: TcpStream | null = null;
  private reading = false;
  private resetting = false;
  private written = 0;
  /** What waits for the stream: a read, a write, settings. */
  private waiting: ((stream: TcpStream) => void)[] = [];
  /** The write or end among them. */
  private sending: Callback | null = null;
  private readonly idle: IdleTimer = new IdleTimer(() => this.onIdle());
  private writtenAtIdle = 0;

  constructor(stream: TcpStream | Promise<TcpStream>, options: SocketDuplexOptions) {
    // As net.Socket does: "close" is emitted here, with `hadError`.
    super({ allowHalfOpen: options.allowHalfOpen ?? false, emitClose: false });
    if (!(stream instanceof Promise)) {
      this.stream = stream;
      return;
    }
    this.connecting = true;
    stream.then(
      (connected) => this.onConnected(connected),
      (error: Error) => {
        this.connecting = false;
        this.destroy(error);
      },
    );
  }

  get pending(): boolean {
    return this.stream === null;
  }

  get readyState(): SocketDuplex["readyState"] {
    if (this.connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  get remoteAddress(): string | undefined {
    return this.stream?.peerAddr.hostname;
  }

  get remotePort(): number | undefined {
    return this.stream?.peerAddr.port;
  }

  get remoteFamily(): "IPv4" | "IPv6" | undefined {
    return this.stream?.peerAddr.family;
  }

  get localAddress(): string | undefined {
    return this.stream?.localAddr.hostname;
  }

  get localPort(): number | undefined {
    return this.stream?.localAddr.port;
  }

  get localFamily(): "IPv4" | "IPv6" | undefined {
    return this.stream?.localAddr.family;
  }

  get bytesWritten(): number {
    return this.written + this.writableLength;
  }

  get timeout(): number | undefined {
    return this.idle.delay === 0 ? undefined : this.idle.delay;
  }

  connect(...parameters: unknown[]): this {
    const onConnect = parameters.at(-1);
    if (typeof onConnect === "function") this.once("connect", onConnect as () => void);
    if (!this.connecting) {
      process.nextTick(() => {
        if (!this.destroyed) this.emitConnect();
      });
    }
    return this;
  }

  setTimeout(timeout: number, onTimeout?: () => void): this {
    if (typeof timeout !== "number" || !(timeout >= 0) || timeout === Number.POSITIVE_INFINITY) {
      throw new RangeError(`Invalid timeout ${String(timeout)}: expected milliseconds, or 0 for none`);
    }
    this.idle.set(this.destroyed ? 0 : timeout);
    if (onTimeout !== undefined) {
      if (timeout === 0) this.off("timeout", onTimeout);
      else this.once("timeout", onTimeout);
    }
    return this;
  }

  setNoDelay(on = true): this {
    this.whenConnected((stream) => stream.setNoDelay(on));
    return this;
  }

  setKeepAlive(on = false, initialDelay = 0): this {
    this.whenConnected((stream) => stream.setKeepAlive(on && initialDelay > 0 ? { idle: initialDelay } : on));
    return this;
  }

  address(): ReturnType<SocketDuplex["address"]> {
    const local = this.stream?.localAddr;
    if (local === undefined) return {};
    return { address: local.hostname, family: local.family ?? "", port: local.port };
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  resetAndDestroy(): this {
    this.resetting = true;
    return this.destroy();
  }

  ref(): this {
    this.whenConnected((stream) => stream.ref());
    return this;
  }

  unref(): this {
    this.whenConnected((stream) => stream.unref());
    return this;
  }

  override _read(): void {
    if (this.reading) return;
    this.reading = true;
    this.whenConnected((stream) => this.pull(stream));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.sending = callback;
    this.whenConnected((stream) => {
      this.sending = null;
      this.idle.refresh();
      stream.writeAll(chunk).then(() => {
        this.written += chunk.length;
        this.idle.refresh();
        callback();
      }, callback);
    });
  }

  override _writev(
    chunks: { readonly chunk: Buffer; readonly encoding: BufferEncoding }[],
    callback: Callback,
  ): void {
    // One write, so that headers and body leave together.
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "utf8", callback);
  }

  override _final(callback: Callback): void {
    this.sending = callback;
    this.whenConnected((stream) => {
      this.sending = null;
      stream.shutdown("write").then(() => callback(), callback);
    });
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.idle.clear();
    this.connecting = false;
    this.waiting = [];
    if (this.stream !== null) this.release(this.stream);
    this.sending?.(error ?? failure("ERR_SOCKET_CLOSED", { op: "write" }));
    callback(error);
    process.nextTick(() => this.emit("close", error !== null));
  }

  private async pull(stream: TcpStream): Promise<void> {
    try {
      const chunk = await stream.readChunk({ max: readSize });
      this.reading = false;
      if (this.destroyed) return;
      this.idle.refresh();
      this.bytesRead += chunk?.length ?? 0;
      this.push(chunk === null ? null : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    } catch (error) {
      this.reading = false;
      // A destroyed duplex has closed the stream itself.
      this.destroy(error as Error);
    }
  }

  private whenConnected(task: (stream: TcpStream) => void): void {
    if (this.stream !== null) task(this.stream);
    else if (this.connecting) this.waiting.push(task);
  }

  private onConnected(stream: TcpStream): void {
    if (this.destroyed) {
      this.release(stream);
      return;
    }
    this.stream = stream;
    this.connecting = false;
    const waiting = this.waiting;
    this.waiting = [];
    for (const task of waiting) task(stream);
    this.idle.refresh();
    this.emitConnect();
  }

  private emitConnect(): void {
    this.emit("connect");
    this.emit("ready");
  }

  private release(stream: TcpStream): void {
    if (this.resetting) stream.abort();
    // Goes on behind the scenes, as a kernel's close() does; its errors reach nobody.
    else stream.close().catch(() => {});
  }

  private onIdle(): void {
    const moved = this.stream?.bytesWritten ?? 0;
    const isMoving = this.writableLength > 0 && moved !== this.writtenAtIdle;
    this.writtenAtIdle = moved;
    // A long write that the peer is taking is not idle. After "timeout" the next movement starts the timer again.
    if (isMoving) this.idle.refresh();
    else this.emit("timeout");
  }
}

/** Bytes handed over at a time: what Node's streams hold by default. */
const readSize = 65_536;
