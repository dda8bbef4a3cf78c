// Connections of a client by origin: kept for the next request, bounded in number, handed out in order. An origin
// without connections is forgotten.
import { NetError } from "../core/net/net-error.ts";
import type { ClientConnection, ClientConnectionHooks } from "./client-connection.ts";

export interface PoolLimits {
  /** Connections to one origin at once; further requests wait. */
  readonly maxConnectionsPerOrigin: number;
  /** Idle connections kept for one origin. */
  readonly maxIdlePerOrigin: number;
  /** Milliseconds an idle connection is kept, at most. */
  readonly idleTimeout: number;
}

export interface Lease {
  readonly connection: ClientConnection;
  /** It has carried a request before: the server may have closed it just now. */
  readonly reused: boolean;
}

export class ConnectionPool {
  private readonly limits: PoolLimits;
  private readonly origins = new Map<string, Origin>();
  private closed = false;

  constructor(limits: PoolLimits) {
    this.limits = limits;
  }

  /**
   * An idle connection or a new one, once there is room.
   *
   * @param fresh true to leave idle connections alone
   * @throws signal.reason, ERR_SOCKET_CLOSED, or what `open` throws
   */
  async acquire(
    key: string,
    signal: AbortSignal,
    fresh: boolean,
    open: (hooks: ClientConnectionHooks) => Promise<ClientConnection>,
  ): Promise<Lease> {
    const origin = this.origin(key);
    origin.users++;
    try {
      return await this.lease(key, origin, signal, fresh, open);
    } finally {
      origin.users--;
      this.forget(key, origin);
    }
  }

  /** Closes idle connections; the others close with their responses. */
  async close(): Promise<void> {
    this.closed = true;
    const idle = [...this.origins.values()].flatMap((origin) => origin.idleConnections());
    for (const origin of this.origins.values()) origin.wakeAll();
    await Promise.all(idle.map((connection) => connection.close().catch(() => {})));
  }

  private async lease(
    key: string,
    origin: Origin,
    signal: AbortSignal,
    fresh: boolean,
    open: (hooks: ClientConnectionHooks) => Promise<ClientConnection>,
  ): Promise<Lease> {
    for (;;) {
      if (this.closed) throw new NetError("ERR_SOCKET_CLOSED", "Cannot fetch: this fetch was closed");
      signal.throwIfAborted();
      const idle = fresh ? undefined : origin.takeIdle();
      if (idle !== undefined) return { connection: idle, reused: true };
      if (origin.open < this.limits.maxConnectionsPerOrigin) break;
      if (!(fresh && origin.dropIdle())) await origin.room(signal);
    }
    origin.open++;
    try {
      const connection = await open({
        free: (freed) => {
          if (this.closed) void freed.close().catch(() => {});
          else origin.keep(freed, this.limits);
        },
        over: (ended) => {
          origin.forget(ended);
          origin.open--;
          origin.wakeOne();
          this.forget(key, origin);
        },
      });
      return { connection, reused: false };
    } catch (error) {
      origin.open--;
      origin.wakeOne();
      throw error;
    }
  }

  private origin(key: string): Origin {
    const known = this.origins.get(key);
    if (known !== undefined) return known;
    const origin = new Origin();
    this.origins.set(key, origin);
    return origin;
  }

  /** An origin that nobody is connected to, or about to be, costs nothing. */
  private forget(key: string, origin: Origin): void {
    if (origin.open === 0 && origin.users === 0 && this.origins.get(key) === origin) this.origins.delete(key);
  }
}

class Origin {
  /** Connections open or being opened. */
  open = 0;
  /** Requests that look for a connection. */
  users = 0;
  private readonly idle: Map<ClientConnection, ReturnType<typeof setTimeout>> = new Map();
  private readonly waiting: Set<() => void> = new Set();

  idleConnections(): ClientConnection[] {
    return [...this.idle.keys()];
  }

  /** The one used last: the server has the least reason to have closed it. */
  takeIdle(): ClientConnection | undefined {
    const connection = this.idleConnections().at(-1);
    if (connection === undefined) return undefined;
    this.forget(connection);
    connection.wake();
    return connection;
  }

  dropIdle(): boolean {
    const connection = this.idle.keys().next().value;
    if (connection === undefined) return false;
    void connection.close().catch(() => {});
    return true;
  }

  keep(connection: ClientConnection, limits: PoolLimits): void {
    // A second before the server would close it, so that no request meets the FIN.
    const hint = (connection.keepAliveHint ?? Number.POSITIVE_INFINITY) - 1000;
    const time = Math.min(limits.idleTimeout, hint);
    const spare = this.waiting.size === 0 && this.idle.size >= limits.maxIdlePerOrigin;
    if (time <= 0 || spare) {
      void connection.close().catch(() => {});
      return;
    }
    const timer = setTimeout(() => void connection.close().catch(() => {}), time);
    // In Node an idle connection does not keep the process alive.
    (timer as { unref?: () => void }).unref?.();
    this.idle.set(connection, timer);
    connection.watch();
    this.wakeOne();
  }

  forget(connection: ClientConnection): void {
    clearTimeout(this.idle.get(connection));
    this.idle.delete(connection);
  }

  /** Waits in order until a connection is free or another may be opened. */
  room(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        signal.removeEventListener("abort", aborted);
        this.waiting.delete(settle);
        resolve();
      };
      const aborted = (): void => {
        this.waiting.delete(settle);
        reject(signal.reason);
      };
      this.waiting.add(settle);
      signal.addEventListener("abort", aborted, { once: true });
    });
  }

  wakeOne(): void {
    this.waiting.values().next().value?.();
  }

  wakeAll(): void {
    for (const wake of [...this.waiting]) wake();
  }
}
