// A relay on Node's HTTP server and the npm package ws. The same port may serve pages. Names Node; what is common to
// the runtimes is in relay-core.ts.
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { webSocketLink } from "../adapters/websocket/index.ts";
import type { Link } from "../core/link/link.ts";
import { asyncDispose } from "../core/net/async-dispose.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { SocketAddr, type SocketAddrLike } from "../core/net/socket-addr.ts";
import { RelayCore, type UpgradeRefusal } from "./relay-core.ts";
import type { DrainOptions, RelayOptions } from "./relay-options.ts";
import { type RunningRelay, readPath, relayUrl } from "./relay-types.ts";
import { systemPlatform } from "./serve-platform.ts";

export interface ServeOptions extends RelayOptions {
  /** Answers requests that open no WebSocket: a page on the same port. Default: 404. */
  readonly request?: http.RequestListener | undefined;
  /** Where tunnels are opened: begins with "/". Requests for WebSockets elsewhere get 404. Default: "/". */
  readonly path?: string | undefined;
  /** Key and certificate: the relay then speaks wss. */
  readonly tls?: https.ServerOptions | undefined;
}

/** A relay in Node. */
export interface Relay extends RunningRelay {
  /**
   * For the "upgrade" event of a server that is not the relay's. The relay owns the socket from here on, and refuses
   * it if it must.
   */
  handleUpgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void;
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
  const answer = options.request ?? notFound;
  const server =
    options.tls === undefined ? http.createServer(answer) : https.createServer(options.tls, answer);
  server.headersTimeout = Math.min(core.limits.handshakeTime, 60_000);
  const relay = new NodeRelay(core, server, path, options.tls !== undefined);
  server.on("upgrade", (request, socket, head) => relay.handleUpgrade(request, socket, head));
  relay.addr = await listen(server, wanted);
  return relay;
}

/** A relay without a server: give its handleUpgrade() the "upgrade" events of yours. */
export function create(options: ServeOptions = {}): Relay {
  const path = options.path === undefined ? null : readPath(options.path);
  const core = new RelayCore(options, systemPlatform());
  // Where that server listens is not known here, so it is taken for public.
  core.requireSafe("");
  return new NodeRelay(core, null, path, false);
}

class NodeRelay implements Relay {
  /** Kept, because a closed server has forgotten it. */
  addr: SocketAddr | undefined;
  private readonly core: RelayCore;
  private readonly server: http.Server | null;
  private readonly path: string | null;
  private readonly isSecure: boolean;
  private readonly sockets: WebSocketServer;
  private closing: Promise<void> | null = null;
  private stopped: Promise<void> | null = null;

  constructor(core: RelayCore, server: http.Server | null, path: string | null, isSecure: boolean) {
    this.core = core;
    this.server = server;
    this.path = path;
    this.isSecure = isSecure;
    this.sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: core.limits.message,
    });
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

  handleUpgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const path = (request.url ?? "/").replace(/\?.*$/, "");
    if (this.path !== null && path !== this.path) {
      refuse(socket, 404, `There is no relay at ${path}`);
      return;
    }
    const { origin, host } = request.headers;
    const { localAddress, remoteAddress } = request.socket;
    const refusal: UpgradeRefusal | null = this.core.check({ origin, host, localAddress, remoteAddress });
    if (refusal !== null) {
      refuse(socket, refusal.status, refusal.text);
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const remote = remoteAddress ?? "";
      this.core.accept(webSocketLink(webSocket, { description: `client ${remote}` }), remote);
    });
  }

  accept(link: Link, remoteAddress?: string): void {
    this.core.acceptAny(link, remoteAddress ?? link.description);
  }

  async drain(options?: DrainOptions): Promise<void> {
    // Whoever comes next may have the port.
    void this.stopListening();
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
    this.sockets.close();
    const { server } = this;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      // Upgraded sockets count too: each is ended within 2 s by its link.
      const timer = setTimeout(resolve, this.core.limits.closeTime);
      void this.stopListening().then(() => {
        clearTimeout(timer);
        resolve();
      });
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
    });
  }

  /** Resolves when the last connection is closed too. */
  private stopListening(): Promise<void> {
    const { server } = this;
    this.stopped ??= new Promise((resolve) => {
      if (server === null) {
        resolve();
        return;
      }
      server.close(() => resolve());
      server.closeIdleConnections();
    });
    return this.stopped;
  }
}

function listen(server: http.Server, wanted: SocketAddr): Promise<SocketAddr> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(failure(error.code ?? "EADDRNOTAVAIL", { op: "bind", localAddr: wanted, cause: error }));
    };
    server.once("error", onError);
    server.listen({ host: wanted.hostname, port: wanted.port }, () => {
      server.off("error", onError);
      const { address, port } = server.address() as AddressInfo;
      resolve(new SocketAddr(address, port));
    });
  });
}

function refuse(socket: Duplex, status: number, text: string): void {
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function notFound(_request: http.IncomingMessage, response: http.ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain; charset=utf-8" });
  response.end("This is a fourtuple relay: open it with Tunnel.open\n");
}
