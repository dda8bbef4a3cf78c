// serve(): an HTTP/1.1 server on any listener. It accepts no more than it has room for, looks after the deadlines of
// all its connections with one timer, and closes gracefully.
import { asyncDispose } from "../core/net/async-dispose.ts";
import type { TcpListener, TcpStream } from "../core/net/index.ts";
import { NetError } from "../core/net/net-error.ts";
import { SocketAddr } from "../core/net/socket-addr.ts";
import { HttpError } from "./http-error.ts";
import { requestTakesStream } from "./http-request.ts";
import type { Handler, ResponseLike, ServeLimits, ServeOptions } from "./serve-options.ts";
import { resolveLimits } from "./serve-options.ts";
import { ServerConnection, type ServerContext } from "./server-connection.ts";

export interface ServerCounters {
  /** Connections accepted. */
  readonly accepted: number;
  /** Requests that were read. */
  readonly requests: number;
  /** Messages refused before they were requests, by status: 400, 408, 413, 414, 417, 431, 501, 505. */
  readonly refused: { readonly [status: string]: number };
}

export interface HttpServer extends AsyncDisposable {
  readonly addr: SocketAddr;
  /** `http://` and where to reach it: at the relay, if the listener is published there. */
  readonly url: string;
  /** Connections open now. */
  readonly connections: number;
  readonly counters: ServerCounters;
  /** Resolves once the server is closed; rejects with NetError if its listener failed. Never an unhandled rejection. */
  readonly finished: Promise<void>;
  /**
   * Stops listening, closes idle connections, lets requests under way finish, then resets what is left. Idempotent.
   *
   * @param options.timeout milliseconds for requests under way. Default 5,000.
   */
  close(options?: { readonly timeout?: number | undefined }): Promise<void>;
}

/**
 * Serves HTTP/1.1 on a listener, which the server owns from now on.
 *
 * ```ts
 * const server = serve(await tunnel.bind(":80", { publish: ":8080" }), () => new Response("hello from a tab"));
 * ```
 *
 * @param handler gets a Request with all header fields, and returns a Response or `{ status, headers, body }`
 * @throws RangeError for a limit that is not a number above 0
 */
export function serve(listener: TcpListener, handler: Handler, options: ServeOptions = {}): HttpServer {
  return new Server(listener, handler, options);
}

class Server implements HttpServer {
  readonly finished: Promise<void>;
  readonly counters = { accepted: 0, requests: 0, refused: {} as Record<string, number> };
  private readonly listener: TcpListener;
  private readonly limits: ServeLimits;
  private readonly context: ServerContext;
  private readonly open = new Set<ServerConnection>();
  private readonly closing: AbortController = new AbortController();
  private timer: ReturnType<typeof setInterval> | undefined;
  private roomMade: (() => void) | null = null;
  private closed: Promise<void> | null = null;

  constructor(listener: TcpListener, handler: Handler, options: ServeOptions) {
    this.listener = listener;
    this.limits = resolveLimits(options);
    this.context = this.makeContext(handler, options);
    this.finished = this.accept();
    this.finished.catch(() => {});
  }

  get addr(): SocketAddr {
    return this.listener.localAddr;
  }

  get url(): string {
    const { hostname, port } = this.listener.published ?? this.listener.localAddr;
    // All addresses of a machine are told as one of them, which browsers and Windows can open.
    const host = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
    return `http://${new SocketAddr(host, port)}/`;
  }

  get connections(): number {
    return this.open.size;
  }

  close(options: { readonly timeout?: number | undefined } = {}): Promise<void> {
    this.closed ??= this.closeOnce(options.timeout ?? CLOSE_TIMEOUT);
    return this.closed;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  private async accept(): Promise<void> {
    const { signal } = this.closing;
    try {
      while (!signal.aborted) await this.acceptOne();
    } catch (error) {
      if (signal.aborted) return;
      this.closing.abort();
      for (const connection of this.open) connection.finish();
      await this.listener.close().catch(() => {});
      throw error;
    }
  }

  private async acceptOne(): Promise<void> {
    const { signal } = this.closing;
    let stream: TcpStream;
    try {
      [stream] = await this.listener.accept({ signal });
    } catch (error) {
      if (!NetError.is(error) || !PASSING.has(error.code)) throw error;
      // One connection was lost, or there is no room in the system just now: the listener goes on.
      await pause(ACCEPT_PAUSE, signal);
      return;
    }
    this.counters.accepted++;
    while (this.open.size >= this.limits.maxConnections && !signal.aborted) await this.room();
    if (signal.aborted) {
      void stream.close().catch(() => {});
      return;
    }
    const connection = new ServerConnection(stream, this.context);
    this.open.add(connection);
    this.timer ??= sweepTimer(() => this.sweep());
    void connection.run().then(() => this.ended(connection));
  }

  /** Waits until a connection ends, and sees to it that one does if any of them is idle. */
  private async room(): Promise<void> {
    const now = this.context.now();
    let longest: ServerConnection | null = null;
    for (const connection of this.open) {
      if (connection.idleSince < (longest?.idleSince ?? now)) longest = connection;
    }
    longest?.finish();
    await new Promise<void>((resolve) => {
      this.roomMade = resolve;
    });
  }

  private ended(connection: ServerConnection): void {
    this.open.delete(connection);
    this.roomMade?.();
    this.roomMade = null;
    if (this.open.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private sweep(): void {
    const now = this.context.now();
    for (const connection of this.open) connection.sweep(now);
    // Connections that became idle since make room as well as ones that ended.
    this.roomMade?.();
    this.roomMade = null;
  }

  private async closeOnce(timeout: number): Promise<void> {
    this.closing.abort();
    this.roomMade?.();
    for (const connection of this.open) connection.finish();
    await this.listener.close();
    await this.finished.catch(() => {});
    const deadline = this.context.now() + timeout;
    while (this.open.size > 0) {
      const left = deadline - this.context.now();
      if (left <= 0) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.roomMade = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const reason = new NetError("ERR_SOCKET_CLOSED", "The server was closed");
    for (const connection of [...this.open]) {
      connection.abort(reason);
      // Its handler may go on for ever; the server does not wait for it.
      this.ended(connection);
    }
  }

  private makeContext(handler: Handler, options: ServeOptions): ServerContext {
    const { counters, closing, limits } = this;
    return {
      handler,
      limits,
      abortOnHalfClose: options.abortOnHalfClose ?? false,
      streams: requestTakesStream(),
      get closing() {
        return closing.signal.aborted;
      },
      onError: options.onError ?? report,
      now: () => performance.now(),
      date: cachedDate(),
      counted(refusal) {
        if (refusal === null) counters.requests++;
        else counters.refused[refusal] = (counters.refused[refusal] ?? 0) + 1;
      },
    };
  }
}

function report(error: unknown, request: Request): Response | ResponseLike | undefined {
  if (error instanceof HttpError && error.status < 500) return undefined;
  // A handler's bug that nobody hears of is found by users: what every server does when it is told nothing else.
  // biome-ignore lint/suspicious/noConsole: the documented default of onError
  console.error(`Cannot answer ${request.method} ${request.url}:`, error);
  return undefined;
}

/** RFC 9110 5.6.7, made once a second. */
function cachedDate(): () => string {
  let text = "";
  let second = 0;
  return () => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}

function sweepTimer(sweep: () => void): ReturnType<typeof setInterval> {
  const timer = setInterval(sweep, SWEEP_INTERVAL);
  // In Node the connections keep the process alive, this need not.
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

function pause(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

const PASSING: ReadonlySet<string> = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ERR_LIMIT",
]);
const SWEEP_INTERVAL = 250;
const ACCEPT_PAUSE = 100;
const CLOSE_TIMEOUT = 5_000;
