// TcpStream over the five verbs of a source. Each direction is an object of its own; this joins them: endings,
// the settling of `closed`, and the surface that users see. Never exported: users know the interface only.

import type { Bytes } from "../wire/bytes.ts";
import { asyncDispose } from "./async-dispose.ts";
import { isBytes } from "./bytes-of.ts";
import { NetError } from "./net-error.ts";
import { optionsError, timeoutError } from "./operation.ts";
import type { CloseOptions, KeepAliveOptions, OpOptions, StreamOptions } from "./options.ts";
import { mostAtOnce, Peek, ReadChunk, ReadExact, ReadInto, ReadToEnd } from "./read-operations.ts";
import { ReadSide } from "./read-side.ts";
import { ReadableBytes } from "./readable-bytes.ts";
import type { SocketAddr } from "./socket-addr.ts";
import { StreamEndings } from "./stream-endings.ts";
import type { PeerIdentity, StreamSource } from "./stream-source.ts";
import type { TcpInfo } from "./tcp-info.ts";
import type { Shutdown, TcpStream } from "./tcp-stream.ts";
import { WritableBytes } from "./writable-bytes.ts";
import { Flush, Write, WriteAll } from "./write-operations.ts";
import { WriteSide } from "./write-side.ts";

export class SourceStream implements TcpStream {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  /** For pipe(), which works below the promises. */
  readonly source: StreamSource;
  readonly reading: ReadSide;
  readonly writing: WriteSide;
  readonly endings: StreamEndings;
  private noDelayOn = true;

  static {
    Object.defineProperty(SourceStream.prototype, asyncDispose, {
      value(this: SourceStream) {
        return this.close();
      },
    });
  }

  constructor(source: StreamSource, options?: StreamOptions) {
    this.source = source;
    this.reading = new ReadSide(source);
    this.writing = new WriteSide(source);
    this.endings = new StreamEndings(source, this.reading, this.writing);
    source.attach(this.endings);
    if (options?.noDelay === false) this.setNoDelay(false);
    if (options?.keepAlive) this.setKeepAlive(options.keepAlive);
  }

  get localAddr(): SocketAddr {
    return this.source.localAddr;
  }

  get peerAddr(): SocketAddr {
    return this.source.peerAddr;
  }

  get remoteAddr(): SocketAddr {
    return this.source.peerAddr;
  }

  get peer(): PeerIdentity | undefined {
    return this.source.peer;
  }

  read(buffer: Uint8Array, options?: OpOptions): Promise<number | null> {
    const wrong = this.cannotRead(options) ?? notBytes(buffer);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    if (buffer.length === 0) return Promise.resolve(0);
    const { reading } = this;
    // What is there already costs no more than the promise.
    if (reading.queue.idle) {
      try {
        const count = reading.take(buffer);
        if (count !== undefined) return Promise.resolve(count);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return reading.queue.start(new ReadInto(reading, buffer, options));
  }

  readChunk(options?: OpOptions & { readonly max?: number | undefined }): Promise<Bytes | null> {
    const max = options?.max ?? mostAtOnce;
    const wrong = this.cannotRead(options) ?? notSize("max", max, 1);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    const { reading } = this;
    if (reading.queue.idle) {
      try {
        const chunk = reading.next(max);
        if (chunk !== undefined) return Promise.resolve(chunk);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return reading.queue.start(new ReadChunk(reading, max, options));
  }

  readExact(buffer: Uint8Array, options?: OpOptions): Promise<void> {
    const wrong = this.cannotRead(options) ?? notBytes(buffer);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    return this.reading.queue.start(new ReadExact(this.reading, buffer, options));
  }

  readToEnd(options?: OpOptions & { readonly limit?: number | undefined }): Promise<Bytes> {
    const limit = options?.limit ?? defaultLimit;
    const wrong = this.cannotRead(options) ?? notSize("limit", limit, 0);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    return this.reading.queue.start(new ReadToEnd(this.reading, limit, options));
  }

  peek(buffer: Uint8Array, options?: OpOptions): Promise<number | null> {
    const wrong = this.cannotRead(options) ?? notBytes(buffer);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    if (buffer.length === 0) return Promise.resolve(0);
    return this.reading.queue.start(new Peek(this.reading, buffer, options));
  }

  write(data: Uint8Array, options?: OpOptions): Promise<number> {
    const wrong = this.cannotWrite(options) ?? notBytes(data);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    if (data.length === 0) return Promise.resolve(0);
    const { writing } = this;
    if (writing.queue.idle && writing.web === null) {
      try {
        const count = writing.send(data);
        if (count > 0) return Promise.resolve(count);
      } catch (error) {
        return Promise.reject(writing.explain(error, "write", 0));
      }
    }
    return writing.start(new Write(writing, data, options));
  }

  writeAll(data: Uint8Array, options?: OpOptions): Promise<void> {
    const wrong = this.cannotWrite(options) ?? notBytes(data);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    return this.writing.start(new WriteAll(this.writing, data, options));
  }

  flush(options?: OpOptions): Promise<void> {
    const wrong = optionsError(options);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    const obstacle = this.writing.obstacle ?? this.writing.brokenFor("write");
    if (obstacle !== undefined) return Promise.reject(obstacle);
    return this.writing.start(new Flush(this.writing, options));
  }

  shutdown(how: Shutdown = "write", options?: OpOptions): Promise<void> {
    if (how !== "read" && how !== "write" && how !== "both") {
      return Promise.reject(new TypeError(`Invalid direction "${how}": expected "read", "write" or "both"`));
    }
    const { reading, writing } = this;
    const wrong = optionsError(options);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    if (how !== "write") {
      const obstacle = reading.obstacle ?? reading.refusal;
      if (obstacle !== undefined) return Promise.reject(obstacle);
      reading.shutdown();
    }
    if (how === "read") return Promise.resolve();
    return writing.obstacle === undefined ? writing.finish(options) : Promise.reject(writing.obstacle);
  }

  closeWrite(options?: OpOptions): Promise<void> {
    return this.shutdown("write", options);
  }

  close(options?: CloseOptions): Promise<void> {
    return this.endings.close(options);
  }

  abort(reason?: unknown): void {
    this.endings.abort(reason);
  }

  get closed(): Promise<void> {
    return this.endings.lifetime.closed;
  }

  get readable(): ReadableStream<Bytes> {
    this.reading.web ??= new ReadableBytes(this.reading);
    return this.reading.web.stream;
  }

  get writable(): WritableStream<Uint8Array> {
    this.writing.web ??= new WritableBytes(this.writing, (reason) => this.abort(reason));
    return this.writing.web.stream;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Bytes> {
    let isDone = false;
    const done = (): IteratorResult<Bytes> => {
      isDone = true;
      return { done: true, value: undefined };
    };
    return {
      next: async () => {
        if (isDone) return done();
        try {
          const chunk = await this.readChunk();
          return chunk === null ? done() : { done: false, value: chunk };
        } catch (error) {
          // Closed here, while the loop waited: it ends quietly.
          if (NetError.is(error, "ERR_SOCKET_CLOSED")) return done();
          throw error;
        }
      },
      return: async () => {
        const ended = done();
        await this.close();
        return ended;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  get noDelay(): boolean {
    return this.noDelayOn;
  }

  setNoDelay(on: boolean = true): this {
    this.noDelayOn = on;
    this.source.setNoDelay(on);
    return this;
  }

  setKeepAlive(on: boolean | KeepAliveOptions = true): this {
    this.source.setKeepAlive(on === true ? {} : on);
    return this;
  }

  get readTimeout(): number | null {
    return this.reading.queue.timeout;
  }

  setReadTimeout(timeout: number | null): this {
    this.reading.queue.timeout = checkTimeout(timeout);
    return this;
  }

  get writeTimeout(): number | null {
    return this.writing.queue.timeout;
  }

  setWriteTimeout(timeout: number | null): this {
    this.writing.queue.timeout = checkTimeout(timeout);
    return this;
  }

  get bytesRead(): number {
    return this.reading.bytesRead;
  }

  get bytesWritten(): number {
    return this.writing.bytesWritten;
  }

  info(): TcpInfo {
    return this.source.info();
  }

  ref(): this {
    this.keepAlive(true);
    this.source.ref?.();
    return this;
  }

  unref(): this {
    this.keepAlive(false);
    this.source.unref?.();
    return this;
  }

  private keepAlive(on: boolean): void {
    this.reading.queue.holdTimer(on);
    this.writing.queue.holdTimer(on);
  }

  private cannotRead(options: OpOptions | undefined): Refusal | undefined {
    const wrong = options === undefined ? undefined : optionsError(options);
    const obstacle = this.reading.obstacle ?? this.reading.refusal;
    return wrong ?? (obstacle && { error: obstacle });
  }

  private cannotWrite(options: OpOptions | undefined): Refusal | undefined {
    const wrong = options === undefined ? undefined : optionsError(options);
    const obstacle = this.writing.obstacle ?? this.writing.refusal("write");
    return wrong ?? (obstacle && { error: obstacle });
  }
}

/** A reason to reject with; wrapped, because signal.reason may be anything. */
interface Refusal {
  readonly error: unknown;
}

function notBytes(value: unknown): Refusal | undefined {
  if (isBytes(value)) return undefined;
  return { error: new TypeError(`Invalid buffer of type ${typeof value}: expected a Uint8Array`) };
}

function notSize(name: string, size: number, least: number): Refusal | undefined {
  if (size >= least) return undefined;
  return { error: new RangeError(`Invalid ${name} ${size}: expected at least ${least} bytes`) };
}

function checkTimeout(timeout: number | null): number | null {
  const error = timeout === null ? undefined : timeoutError(timeout);
  if (error !== undefined) throw error;
  return timeout;
}

const defaultLimit = 64 * 1024 * 1024;
