// fetchOver(): the fetch of the Web over any network, by HTTP/1.1. What differs from a browser's is on one page of
// the docs: no CORS, no cache, no cookie jar, every header field can be set and read.
import { asyncDispose } from "../core/net/async-dispose.ts";
import type { Network, TcpStream } from "../core/net/index.ts";
import { NetError } from "../core/net/net-error.ts";
import {
  ClientConnection,
  type ClientConnectionHooks,
  type ClientLimits,
  type IncomingResponse,
} from "./client-connection.ts";
import { ConnectionPool, type PoolLimits } from "./connection-pool.ts";
import { fieldValues, hasNoBody } from "./framing.ts";
import type { Field } from "./head.ts";
import { hasField } from "./headers.ts";
import { httpResponse } from "./http-response.ts";
import { type FetchInit, type OutgoingRequest, outgoingRequest } from "./outgoing-request.ts";
import { redirected } from "./redirect.ts";

export interface FetchLimits extends ClientLimits, PoolLimits {
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly maxRedirects: number;
}

export interface FetchOptions extends Partial<FetchLimits> {
  /**
   * Makes a TLS client of a connected stream, for `https:` URLs; without it they are refused. In Node:
   * `fromSocket(tls.connect({ socket: toDuplex(stream), servername }))`, both from `fourtuple/node`.
   */
  readonly connectTls?:
    | ((
        stream: TcpStream,
        options: { readonly hostname: string; readonly signal: AbortSignal },
      ) => Promise<TcpStream>)
    | undefined;
  /** Whether to ask for gzip and unpack it. Default: true where the runtime has DecompressionStream. */
  readonly decompress?: boolean | undefined;
}

export interface NetworkFetch extends AsyncDisposable {
  /**
   * Fetches a URL. The response's `headers` has every field, Set-Cookie too.
   *
   * @throws {NetError} ECONNREFUSED and the like; ECONNRESET, EPROTO (not HTTP, or a malformed answer), ETIMEDOUT,
   * ENOTSUP (https: without `connectTls`)
   * @throws TypeError for what cannot be asked for
   * @throws signal.reason
   */
  (input: string | URL | Request, init?: FetchInit): Promise<Response>;
  /** Closes idle connections, the others after their responses; further calls reject with ERR_SOCKET_CLOSED. */
  close(): Promise<void>;
}

/** The defaults. */
export const fetchLimits: Readonly<FetchLimits> = {
  maxHeaderBytes: 64 * 1024,
  maxHeaderCount: 256,
  headersTimeout: 60_000,
  bodyTimeout: 60_000,
  unreadTimeout: 300_000,
  maxConnectionsPerOrigin: 64,
  maxIdlePerOrigin: 8,
  idleTimeout: 10_000,
  connectTimeout: 30_000,
  maxRedirects: 20,
};

/**
 * A `fetch` that connects through a network: a tunnel, a stack, the system's sockets.
 *
 * ```ts
 * const fetch = fetchOver(tunnel);
 * const response = await fetch("http://db.internal:8080/health", { headers: { Cookie: "a=b" } });
 * ```
 */
export function fetchOver(network: Network, options: FetchOptions = {}): NetworkFetch {
  const client = new Client(network, options);
  const run = (input: string | URL | Request, init: FetchInit = {}): Promise<Response> =>
    client.fetch(input, init);
  return Object.assign(run, { close: () => client.close(), [asyncDispose]: () => client.close() });
}

class Client {
  private readonly network: Network;
  private readonly options: FetchOptions;
  private readonly limits: FetchLimits;
  private readonly pool: ConnectionPool;
  private readonly decompress: boolean;

  constructor(network: Network, options: FetchOptions) {
    this.network = network;
    this.options = options;
    this.limits = resolve(options);
    this.pool = new ConnectionPool(this.limits);
    this.decompress = options.decompress ?? typeof DecompressionStream === "function";
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  async fetch(input: string | URL | Request, init: FetchInit): Promise<Response> {
    let request = outgoingRequest(input, init);
    request.signal?.throwIfAborted();
    for (let redirects = 0; ; redirects++) {
      const [response, unpack] = await this.attempt(request);
      const next = redirected(request, response.head);
      if (next === null || request.redirect === "manual") {
        return this.makeResponse(request, response, unpack, redirects > 0);
      }
      await discard(response.body);
      if (request.redirect === "error")
        throw new NetError("EPROTO", `${request.url} redirects, which was forbidden`);
      if (redirects >= this.limits.maxRedirects) {
        throw new NetError("EPROTO", `More than ${this.limits.maxRedirects} redirects from ${request.url}`);
      }
      request = next;
    }
  }

  /** One request, on another connection if the one it got turned out to be closed already. */
  private async attempt(asked: OutgoingRequest): Promise<[IncomingResponse, boolean]> {
    const unpack =
      this.decompress && !hasField(asked.fields, "accept-encoding") && !hasField(asked.fields, "range");
    const request = unpack ? { ...asked, fields: [...asked.fields, ACCEPT_GZIP] } : asked;
    const signal = request.signal ?? new AbortController().signal;
    for (let fresh = false; ; fresh = true) {
      const lease = await this.pool.acquire(originOf(request.url), signal, fresh, (hooks) =>
        this.connect(request.url, signal, hooks),
      );
      const { connection } = lease;
      try {
        return [await connection.exchange(request), unpack];
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        // RFC 9112 9.3.1: a kept connection may close at any time, and then only what is safe to do twice is.
        const again = lease.reused && !connection.answered && isRepeatable(request) && !fresh;
        if (!again) throw error;
      }
    }
  }

  private async connect(
    url: URL,
    signal: AbortSignal,
    hooks: ClientConnectionHooks,
  ): Promise<ClientConnection> {
    const { connectTls } = this.options;
    const secure = url.protocol === "https:";
    if (secure && connectTls === undefined) {
      throw new NetError(
        "ENOTSUP",
        `Cannot fetch ${url.origin}: this fetch has no TLS; pass connectTls to fetchOver, or use an http: URL`,
      );
    }
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
    const options = { signal, timeout: this.limits.connectTimeout };
    let stream = await this.network.connect({ hostname, port }, options);
    if (secure && connectTls !== undefined) {
      try {
        stream = await connectTls(stream, { hostname, signal });
      } catch (error) {
        stream.abort(error);
        throw error;
      }
    }
    return new ClientConnection(stream, this.limits, hooks);
  }

  private makeResponse(
    request: OutgoingRequest,
    incoming: IncomingResponse,
    unpack: boolean,
    wasRedirected: boolean,
  ): Response {
    const { head } = incoming;
    if (head.status > 599) throw new NetError("EPROTO", `The server answered with the status ${head.status}`);
    const url = new URL(request.url);
    url.hash = "";
    let body: BodyInit | null = incoming.body;
    const isGzip = fieldValues(head.fields, "content-encoding").join().trim().toLowerCase() === "gzip";
    if (body !== null && unpack && isGzip) {
      body = new Response(body).body?.pipeThrough(new DecompressionStream("gzip")) ?? null;
    }
    return httpResponse(hasNoBody(head.status) || head.status === 205 ? null : body, {
      status: head.status,
      statusText: head.statusText,
      headers: head.fields,
      url: url.href,
      redirected: wasRedirected,
    });
  }
}

function resolve(options: FetchOptions): FetchLimits {
  const limits: { -readonly [Name in keyof FetchLimits]: number } = { ...fetchLimits };
  for (const name of Object.keys(fetchLimits) as (keyof FetchLimits)[]) {
    const value = options[name];
    if (value === undefined) continue;
    const mayBeZero = name === "maxIdlePerOrigin" || name === "maxRedirects";
    if (!(value > 0) && !(mayBeZero && value === 0)) throw new RangeError(`${name} must be a number above 0`);
    limits[name] = value;
  }
  return limits;
}

function originOf(url: URL): string {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`Cannot fetch ${url.href}: only http: and https: URLs can be fetched`);
  }
  return url.origin;
}

/** RFC 9110 9.2.2, and only if the body can be sent again. */
function isRepeatable(request: OutgoingRequest): boolean {
  const idempotent = IDEMPOTENT.has(request.method) || hasField(request.fields, "idempotency-key");
  return idempotent && (request.content === null || request.content.replayable);
}

/** Reads a short body to its end, so that the connection is free again; cancels a long one. */
async function discard(body: IncomingResponse["body"]): Promise<void> {
  if (!(body instanceof ReadableStream)) return;
  const reader = body.getReader();
  for (let total = 0; total < MAX_DISCARD; ) {
    const { done, value } = await reader.read();
    if (done) return;
    total += value.length;
  }
  await reader.cancel();
}

const ACCEPT_GZIP: Field = ["Accept-Encoding", "gzip"];
const MAX_DISCARD = 64 * 1024;
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
