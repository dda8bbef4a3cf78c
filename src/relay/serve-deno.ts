// A relay on Deno.serve and its WebSockets. Names Deno; its gateway and its published ports use node:net, because
// Deno.Conn cannot reset (see serve-platform.ts).
import { webSocketLink } from "../adapters/websocket/index.ts";
import type { WebSocketLike } from "../adapters/websocket/web-socket-like.ts";
import type { Link } from "../core/link/link.ts";
import { asyncDispose } from "../core/net/async-dispose.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { SocketAddr, type SocketAddrLike } from "../core/net/socket-addr.ts";
import { RelayCore } from "./relay-core.ts";
import type { DrainOptions, RelayOptions } from "./relay-options.ts";
import { type RunningRelay, readPath, relayUrl } from "./relay-types.ts";
import { systemPlatform } from "./serve-platform.ts";

interface DenoAddr {
  readonly hostname: string;
  readonly port: number;
}

interface DenoServer {
  readonly addr: DenoAddr;
  shutdown(): Promise<void>;
}

interface DenoServeInit {
  readonly hostname: string;
  readonly port: number;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  onListen(): void;
}

/** The part of Deno's namespace that is used. */
interface DenoNamespace {
  serve(
    options: DenoServeInit,
    handler: (request: Request, info: { readonly remoteAddr: DenoAddr }) => Response | Promise<Response>,
  ): DenoServer;
  upgradeWebSocket(
    request: Request,
    options: { readonly idleTimeout: number },
  ): { readonly socket: WebSocketLike; readonly response: Response };
}

export interface ServeOptions extends RelayOptions {
  /** Answers requests that open no WebSocket: a page on the same port. Default: 404. */
  readonly request?: ((request: Request) => Response | Promise<Response>) | undefined;
  /** Where tunnels are opened: begins with "/". Requests for WebSockets elsewhere get 404. Default: "/". */
  readonly path?: string | undefined;
  /** Key and certificate, as PEM: the relay then speaks wss. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** A relay in Deno. */
export interface Relay extends RunningRelay {
  /**
   * For the handler of a server that is not the relay's: the response to a request that opens a WebSocket, or the
   * refusal.
   */
  handleUpgrade(
    request: Request,
    info: { readonly remoteAddr: DenoAddr; readonly localAddr?: DenoAddr },
  ): Response;
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
  const relay = new DenoRelay(core, path, options.tls !== undefined);
  const answer = options.request ?? notFound;
  try {
    relay.server = deno().serve(
      {
        hostname: wanted.hostname,
        port: wanted.port,
        ...(options.tls === undefined ? {} : { cert: options.tls.cert, key: options.tls.key }),
        onListen: () => {},
      },
      (request, { remoteAddr }) =>
        isUpgrade(request)
          ? relay.handleUpgrade(request, { remoteAddr, localAddr: { hostname: wanted.hostname, port: 0 } })
          : answer(request),
    );
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    throw failure(typeof code === "string" ? code : "EADDRNOTAVAIL", {
      op: "bind",
      localAddr: wanted,
      cause: error,
    });
  }
  relay.addr = new SocketAddr(relay.server.addr.hostname, relay.server.addr.port);
  return relay;
}

/** A relay without a server: give its handleUpgrade() the requests of yours. */
export function create(options: ServeOptions = {}): Relay {
  const path = options.path === undefined ? null : readPath(options.path);
  const core = new RelayCore(options, systemPlatform());
  core.requireSafe("");
  return new DenoRelay(core, path, false);
}

class DenoRelay implements Relay {
  addr: SocketAddr | undefined;
  server: DenoServer | null = null;
  private readonly core: RelayCore;
  private readonly path: string | null;
  private readonly isSecure: boolean;
  private closing: Promise<void> | null = null;

  constructor(core: RelayCore, path: string | null, isSecure: boolean) {
    this.core = core;
    this.path = path;
    this.isSecure = isSecure;
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

  handleUpgrade(
    request: Request,
    info: { readonly remoteAddr: DenoAddr; readonly localAddr?: DenoAddr },
  ): Response {
    const { pathname } = new URL(request.url);
    if (this.path !== null && pathname !== this.path) {
      return new Response(`There is no relay at ${pathname}\n`, { status: 404 });
    }
    const remoteAddress = info.remoteAddr.hostname;
    const refusal = this.core.check({
      origin: request.headers.get("origin") ?? undefined,
      host: request.headers.get("host") ?? undefined,
      localAddress: info.localAddr?.hostname,
      remoteAddress,
    });
    if (refusal !== null) return new Response(`${refusal.text}\n`, { status: refusal.status });
    // The session finds dead links itself.
    const { socket, response } = deno().upgradeWebSocket(request, { idleTimeout: 0 });
    socket.binaryType = "arraybuffer";
    const { message } = this.core.limits;
    socket.addEventListener("open", () => {
      const link = webSocketLink(socket, { description: `client ${remoteAddress}`, maxMessage: message });
      this.core.accept(link, remoteAddress);
    });
    return response;
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
    if (this.server === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.core.limits.closeTime);
    });
    await Promise.race([this.server.shutdown(), limit]);
    clearTimeout(timer);
  }
}

function isUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

function notFound(): Response {
  return new Response("This is a fourtuple relay: open it with Tunnel.open\n", { status: 404 });
}

function deno(): DenoNamespace {
  return (globalThis as unknown as { readonly Deno: DenoNamespace }).Deno;
}
