// What `serve` can be told, and the limits of its server with their defaults: each is one line in docs/http.md.
// Times are milliseconds, sizes bytes.
import type { PeerIdentity, SocketAddr } from "../core/net/index.ts";
import type { HeadersLike } from "./headers.ts";

/** What a handler learns beside the request. In Hono it is `c.env`. */
export interface HandlerInfo {
  readonly localAddr: SocketAddr;
  readonly peerAddr: SocketAddr;
  /** The same as `peerAddr`, by its name in Deno. */
  readonly remoteAddr: SocketAddr;
  /** What a relay attests of the client, on listeners of a tunnel. */
  readonly peer: PeerIdentity | undefined;
}

/** A response without the Response class: keeps Set-Cookie in browsers, where `new Response` drops it. */
export interface ResponseLike {
  /** 200 to 599. Default 200. */
  readonly status?: number | undefined;
  readonly statusText?: string | undefined;
  /** Pairs or arrays of values where a name comes more than once. */
  readonly headers?: HeadersLike | undefined;
  readonly body?: BodyInit | AsyncIterable<Uint8Array> | null | undefined;
}

/**
 * Answers one request. A thrown HttpError is answered with its status, anything else with 500.
 * `request.signal` aborts when the client is gone.
 */
export type Handler = (
  request: Request,
  info: HandlerInfo,
) => Response | ResponseLike | Promise<Response | ResponseLike>;

export interface ServeLimits {
  /** The request line. Default 8 KiB; then 414. */
  maxRequestLineBytes: number;
  /** Request line and header fields together. Default 32 KiB; then 431. */
  maxHeaderBytes: number;
  /** Default 100; then 431. */
  maxHeaderCount: number;
  /** Content of one request. Default no limit, as it streams; then 413. */
  maxBodyBytes: number;
  /** Connections at once. Default 1,000; then idle ones are closed, and new ones wait to be accepted. */
  maxConnections: number;
  /** From the connection or the first byte of a head to its last. Default 20,000; then 408. */
  headerTimeout: number;
  /** Without a byte while a body is waited for. Default 30,000; then 408. */
  bodyTimeout: number;
  /** Bytes per second of a body, measured from 10 s of waiting for it. Default 256; then 408. */
  minBodyRate: number;
  /** Between two requests on a connection. Default 30,000; then it is closed. */
  idleTimeout: number;
  /** Without a byte that the client takes. Default 60,000; then the connection is reset. */
  writeTimeout: number;
  /** What is read of a body that the handler left, to keep the connection. Default 256 KiB; then it is closed. */
  maxDrainBytes: number;
}

export interface ServeOptions extends Readonly<Partial<ServeLimits>> {
  /**
   * Makes the answer when a handler throws or a response cannot be sent any further (`request` is then answered
   * already, and the result is ignored). Default: logs to the console and answers 500, or an HttpError's status.
   */
  readonly onError?: ((error: unknown, request: Request) => Response | ResponseLike | undefined) | undefined;
  /** Whether a half close by the client counts as gone. Default false: it still gets its answer. */
  readonly abortOnHalfClose?: boolean | undefined;
}

/** The defaults. */
export const serveLimits: Readonly<ServeLimits> = {
  maxRequestLineBytes: 8 * 1024,
  maxHeaderBytes: 32 * 1024,
  maxHeaderCount: 100,
  maxBodyBytes: Number.POSITIVE_INFINITY,
  maxConnections: 1000,
  headerTimeout: 20_000,
  bodyTimeout: 30_000,
  minBodyRate: 256,
  idleTimeout: 30_000,
  writeTimeout: 60_000,
  maxDrainBytes: 256 * 1024,
};

/** @throws RangeError for a limit that is not a number above 0 (or 0, where that has a meaning) */
export function resolveLimits(options: ServeOptions): ServeLimits {
  const limits = { ...serveLimits };
  for (const name of Object.keys(serveLimits) as (keyof ServeLimits)[]) {
    const value = options[name];
    if (value === undefined) continue;
    const mayBeZero = name === "minBodyRate" || name === "maxDrainBytes" || name === "maxBodyBytes";
    if (!(value > 0) && !(mayBeZero && value === 0)) throw new RangeError(`${name} must be a number above 0`);
    limits[name] = value;
  }
  return limits;
}
