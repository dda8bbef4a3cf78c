// A relay on Bun.serve and its WebSockets, whose events come to the server and not to the socket. Names Bun; its
// gateway and its published ports use node:net (see serve-platform.ts).
import { BunServerLink, type BunServerWebSocket } from "../adapters/websocket/index.ts";
import type { Link } from "../core/link/link.ts";
import { asyncDispose } from "../core/net/async-dispose.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { SocketAddr, type SocketAddrLike } from "../core/net/socket-addr.ts";
import { RelayCore } from "./relay-core.ts";
import type { DrainOptions, RelayOptions } from "./relay-options.ts";
import { type RunningRelay, readPath, relayUrl } from "./relay-types.ts";
import { systemPlatform } from "./serve-platform.ts";

interface SocketData {
  readonly remoteAddress: string;
  link: BunServerLink | null;
}

interface BunSocket extends BunServerWebSocket {
  readonly data: SocketData;
}

/** The part of Bun's Server that is used. */
export interface BunServer {
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  upgrade(request: Request, options: { readonly data: unknown }): boolean;
  requestIP(request: Request): { readonly address: string } | null;
  stop(closeActiveConnections?: boolean): Promise<void> | void;
}

/** The `websocket` member of Bun.serve's options. */
export interface BunWebSocketHandlers {
  readonly maxPayloadLength: number;
  readonly perMessageDeflate: boolean;
  readonly backpressureLimit: number;
  readonly closeOnBackpressureLimit: boolean;
  readonly idleTimeout: number;
  open(socket: unknown): void;
  message(socket: unknown, data: unknown): void;
  drain(socket: unknown): void;
  close(socket: unknown, code: number, reason: string): void;
}

interface BunNamespace {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly tls?: { readonly cert: string; readonly key: string } | undefined;
    readonly websocket: BunWebSocketHandlers;
    fetch(request: Request, server: BunServer): Response | Promise<Response> | undefined;
  }): BunServer;
}

export interface ServeOptions extends RelayOptions {
  /** Answers requests that open no WebSocket: a page on the same port. Default: 404. */
  readonly request?: ((request: Request) => Response | Promise<Response>) | undefined;
  /** Where tunnels are opened: begins with "/". Requests for WebSockets elsewhere get 404. Default: "/". */
  readonly path?: string | undefined;
  /** Key and certificate, as PEM: the relay then speaks wss. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** A relay in Bun. */
export interface Relay extends RunningRelay {
  /**
   * For the fetch() of a server that is not the relay's: undefined when the request has become a WebSocket, else the
   * refusal. That server needs `websocket: relay.websocket`.
   */
  handleUpgrade(request: Request, server: BunServer): Response | undefined;
  readonly websocket: BunWebSocketHandlers;
}

/**
 * Starts a relay.
 *
 * @param addr "127.0.0.1:8080"; port 0 takes a free one; without a host 127.0.0.1.
 * @throws {NetError} EADDRINUSE, EADDRNOTAVAIL, ENOTFOUND, EACCES: also when others could reach it and nobody is asked who they are.
 * @throws {TypeError} for a rule, a token or a path that cannot be one.
 */
export async function serve(addr: SocketAddrLike, options: ServeOptions = {}): Promise<Relay> {
  const wanted = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
  const path = readPath(options.path ?? "/");
  const core = new RelayCore(options, systemPlatform());
  await core.requireUsable(wanted);
  const relay = new BunRelay(core, path, options.tls !== undefined);
  const answer = options.request ?? notFound;
  try {
    relay.server = bun().serve({
      hostname: wanted.hostname,
      port: wanted.port,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      websocket: relay.websocket,
      fetch: (request, server) =>
        request.headers.get("upgrade")?.toLowerCase() === "websocket"
          ? relay.handleUpgrade(request, server)
          : answer(request),
    });
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    throw failure(typeof code === "string" ? code : "EADDRNOTAVAIL", {
      op: "bind",
      localAddr: wanted,
      cause: error,
    });
  }
  relay.addr = new SocketAddr(relay.server.hostname ?? wanted.hostname, relay.server.port ?? wanted.port);
  return relay;
}

/** A relay without a server: give its handleUpgrade() the requests of yours, and that server its `websocket`. */
export function create(options: ServeOptions = {}): Relay {
  const path = options.path === undefined ? null : readPath(options.path);
  const core = new RelayCore(options, systemPlatform());
  core.requireSafe("");
  return new BunRelay(core, path, false);
}

class BunRelay implements Relay {
  addr: SocketAddr | undefined;
  server: BunServer | null = null;
  readonly websocket: BunWebSocketHandlers;
  private readonly core: RelayCore;
  private readonly path: string | null;
  private readonly isSecure: boolean;
  private closing: Promise<void> | null = null;

  constructor(core: RelayCore, path: string | null, isSecure: boolean) {
    this.core = core;
    this.path = path;
    this.isSecure = isSecure;
    const linkOf = (socket: unknown): BunServerLink | null => (socket as BunSocket).data.link;
    this.websocket = {
      maxPayloadLength: core.limits.message,
      perMessageDeflate: false,
      // The link budget keeps the buffer short; what passes this has stopped reading.
      backpressureLimit: 4 * 1_048_576,
      closeOnBackpressureLimit: false,
      // The session finds dead links itself.
      idleTimeout: 0,
      open: (socket) => {
        const { data } = socket as BunSocket;
        data.link = new BunServerLink(socket as BunSocket, `client ${data.remoteAddress}`);
        core.accept(data.link, data.remoteAddress);
      },
      message: (socket, data) => linkOf(socket)?.received(data),
      drain: (socket) => linkOf(socket)?.drained(),
      close: (socket, code, reason) => linkOf(socket)?.closed(code, reason),
    };
  }

  get url(): string {
    const { addr } = this;
    return addr === undefined ? "" : relayUrl(addr, this.path ?? "/", this.isSecure);
  }

  get counters(): Relay["counters"] {
    return this.core.counters;
  }

  get sessions(): Relay["sessions"] {
    return this.core.sessions;
  }

  handleUpgrade(request: Request, server: BunServer): Response | undefined {
    const { pathname } = new URL(request.url);
    if (this.path !== null && pathname !== this.path) {
      return new Response(`There is no relay at ${pathname}\n`, { status: 404 });
    }
    const remoteAddress = server.requestIP(request)?.address ?? "";
    const refusal = this.core.check({
      origin: request.headers.get("origin") ?? undefined,
      host: request.headers.get("host") ?? undefined,
      localAddress: server.hostname === "localhost" ? "127.0.0.1" : server.hostname,
      remoteAddress,
    });
    if (refusal !== null) return new Response(`${refusal.text}\n`, { status: refusal.status });
    const data: SocketData = { remoteAddress, link: null };
    if (server.upgrade(request, { data })) return undefined;
    return new Response("Expected a WebSocket\n", { status: 400 });
  }

  accept(link: Link, remoteAddress?: string): void {
    this.core.acceptAny(link, remoteAddress ?? link.description);
  }

  async drain(options?: DrainOptions): Promise<void> {
    await this.core.drain(options);
    await this.close();
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  private async end(): Promise<void> {
    this.core.end();
    const { server } = this;
    if (server === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.core.limits.closeTime);
    });
    await Promise.race([server.stop(false), limit]);
    clearTimeout(timer);
    await server.stop(true);
  }
}

function notFound(): Response {
  return new Response("This is a fourtuple relay: open it with Tunnel.open\n", { status: 404 });
}

function bun(): BunNamespace {
  return (globalThis as unknown as { readonly Bun: BunNamespace }).Bun;
}
