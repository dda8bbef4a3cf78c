// TcpListener over what a network supplies. Accepts on demand: what nobody asked for stays in the network's
// bounded backlog. Never exported: users know the interface only.

import { asyncDispose } from "./async-dispose.ts";
import { Lifetime } from "./lifetime.ts";
import type { ListenerSource } from "./listener-source.ts";
import { NetError, type NetErrorCode } from "./net-error.ts";
import { failure, failureOf } from "./net-error-messages.ts";
import { Operation, OperationQueue, optionsError } from "./operation.ts";
import type { OpOptions, StreamOptions } from "./options.ts";
import type { SocketAddr } from "./socket-addr.ts";
import { SourceStream } from "./source-stream.ts";
import type { StreamSource } from "./stream-source.ts";
import type { TcpListener } from "./tcp-listener.ts";
import type { TcpStream } from "./tcp-stream.ts";
import { systemTimers } from "./timers.ts";

export class SourceListener implements TcpListener {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  private readonly source: ListenerSource;
  private readonly options: StreamOptions | undefined;
  private readonly queue: OperationQueue;
  private readonly lifetime: Lifetime = new Lifetime();
  private stopped = false;
  private failed: NetError | null = null;

  static {
    Object.defineProperty(SourceListener.prototype, asyncDispose, {
      value(this: SourceListener) {
        return this.close();
      },
    });
  }

  constructor(source: ListenerSource, options?: StreamOptions) {
    this.source = source;
    this.options = options;
    this.queue = new OperationQueue(source.timers ?? systemTimers);
    source.attach({
      acceptable: () => this.queue.run(),
      closed: (error) => this.over(error),
    });
  }

  get localAddr(): SocketAddr {
    return this.source.localAddr;
  }

  get addr(): SocketAddr {
    return this.source.localAddr;
  }

  get published(): SocketAddr | undefined {
    return this.source.published;
  }

  get closed(): Promise<void> {
    return this.lifetime.closed;
  }

  accept(options?: OpOptions): Promise<[TcpStream, SocketAddr]> {
    const wrong = optionsError(options);
    if (wrong !== undefined) return Promise.reject(wrong.error);
    if (this.failed !== null) return Promise.reject(this.told(this.failed));
    if (this.stopped) return Promise.reject(this.error("ERR_SOCKET_CLOSED"));
    return this.queue.start(new Accept(this, options));
  }

  incoming(options?: OpOptions): AsyncIterableIterator<TcpStream> {
    return this.iterate(options, () => Promise.resolve());
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<TcpStream> {
    return this.iterate(undefined, () => this.close());
  }

  close(): Promise<void> {
    if (!this.stopped) {
      this.stopped = true;
      this.queue.fail(this.error("ERR_SOCKET_CLOSED"));
      this.source.close();
    }
    return new Promise((resolve) => this.lifetime.whenOver(resolve));
  }

  ref(): this {
    this.queue.holdTimer(true);
    this.source.ref?.();
    return this;
  }

  unref(): this {
    this.queue.holdTimer(false);
    this.source.unref?.();
    return this;
  }

  /** The next connection as a stream, or undefined. For Accept. */
  take(): TcpStream | undefined {
    let source: StreamSource | undefined;
    try {
      source = this.source.accept();
    } catch (error) {
      throw NetError.is(error) ? this.told(error) : error;
    }
    return source && new SourceStream(source, this.options);
  }

  /** The error of an accept. */
  error(code: NetErrorCode): NetError {
    return failure(code, { op: "accept", localAddr: this.source.localAddr });
  }

  private told(error: NetError): NetError {
    return failureOf(error, { op: "accept", localAddr: this.source.localAddr });
  }

  private over(error: NetError | null): void {
    this.stopped = true;
    this.failed ??= error;
    this.lifetime.end(error === null ? null : this.told(error));
    this.queue.fail(error === null ? this.error("ERR_SOCKET_CLOSED") : this.told(error));
  }

  private iterate(
    options: OpOptions | undefined,
    leave: () => Promise<void>,
  ): AsyncIterableIterator<TcpStream> {
    let isDone = false;
    const done = (): IteratorResult<TcpStream> => {
      isDone = true;
      return { done: true, value: undefined };
    };
    return {
      next: async () => {
        if (isDone) return done();
        try {
          const [stream] = await this.accept(options);
          return { done: false, value: stream };
        } catch (error) {
          // Closed on this side: the loop ends quietly.
          if (this.stopped && NetError.is(error, "ERR_SOCKET_CLOSED")) return done();
          isDone = true;
          throw error;
        }
      },
      return: async () => {
        const ended = done();
        await leave();
        return ended;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

class Accept extends Operation<[TcpStream, SocketAddr]> {
  private readonly listener: SourceListener;

  constructor(listener: SourceListener, options: OpOptions | undefined) {
    super(options);
    this.listener = listener;
  }

  attempt(): boolean {
    const stream = this.listener.take();
    return stream !== undefined && this.resolve([stream, stream.peerAddr]);
  }

  expired(): NetError {
    return this.listener.error("ETIMEDOUT");
  }
}
