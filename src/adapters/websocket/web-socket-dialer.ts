// Opens WebSockets to relays: several URLs are tried in order. A browser never tells why a WebSocket failed; ws does,
// and then the error says it.
import type { Link, LinkDialer } from "../../core/link/link.ts";
import { failure, NetError, SocketAddr } from "../../core/net/index.ts";
import { closeText } from "./close-codes.ts";
import {
  isNodeWebSocket,
  type WebSocketConstructor,
  type WebSocketEventLike,
  type WebSocketLike,
} from "./web-socket-like.ts";
import { type WebSocketLinkOptions, webSocketLink } from "./web-socket-link.ts";

export interface WebSocketDialerOptions {
  /** The class to use. Default: the global one; in Node before 22 there is none. */
  readonly WebSocket?: WebSocketConstructor | undefined;
}

/**
 * A dialer of links over WebSockets.
 *
 * @param urls "wss://relay.example/"; https: and http: are read as wss: and ws:. Of several, the first that answers.
 * @throws {TypeError} for what is no such URL, or holds a user name or password: secrets do not belong into URLs.
 * @throws {NetError} ENOTSUP when there is no WebSocket class.
 */
export function webSocketDialer(
  urls: string | readonly string[],
  options: WebSocketDialerOptions = {},
): LinkDialer {
  const places = (typeof urls === "string" ? [urls] : urls).map(readUrl);
  if (places.length === 0) throw new TypeError("Cannot make a dialer: the list of URLs is empty");
  const Constructor =
    options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor | undefined }).WebSocket;
  if (Constructor === undefined) {
    throw new NetError(
      "ENOTSUP",
      "This runtime has no WebSocket: pass the class of the package ws as { WebSocket }",
    );
  }
  return {
    description: places.map(describe).join(", "),
    async dial({ signal }) {
      let last: unknown;
      for (const place of places) {
        signal.throwIfAborted();
        try {
          return await open(Constructor, place, signal);
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          last = error;
        }
      }
      throw last;
    },
  };
}

function open(Constructor: WebSocketConstructor, url: URL, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    const socket = construct(Constructor, url);
    // Before it is open, or an early message would come as a Blob.
    socket.binaryType = isNodeWebSocket(socket) ? "nodebuffer" : "arraybuffer";
    const options: WebSocketLinkOptions = { description: describe(url) };
    let cause: unknown;
    const done = (): void => {
      signal.removeEventListener("abort", onAbort);
      socket.removeEventListener("open", onOpen);
      socket.removeEventListener("error", onError);
      socket.removeEventListener("close", onClose);
    };
    const onOpen = (): void => {
      done();
      resolve(webSocketLink(socket, options));
    };
    const onError = (event: WebSocketEventLike): void => {
      cause = event.error ?? event;
    };
    const onClose = (event: WebSocketEventLike): void => {
      done();
      reject(refused(url, event.code ?? 1006, event.reason ?? "", cause));
    };
    const onAbort = (): void => {
      done();
      // ws reports an attempt that is given up as an error.
      socket.addEventListener("error", () => {});
      socket.close();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.addEventListener("open", onOpen);
    socket.addEventListener("error", onError);
    socket.addEventListener("close", onClose);
  });
}

function construct(Constructor: WebSocketConstructor, url: URL): WebSocketLike {
  // Only ws takes options, and only its class can terminate(): its statics are missing when it is imported by name.
  // Packets do not compress, and waiting for zlib would cost each of them a turn.
  const { prototype } = Constructor as { readonly prototype?: { readonly terminate?: unknown } };
  if (typeof prototype?.terminate === "function") {
    const Class = Constructor as unknown as new (
      url: string,
      protocols: string[],
      options: object,
    ) => WebSocketLike;
    return new Class(url.href, [], {
      perMessageDeflate: false,
      maxPayload: maxMessage,
      ...(isPrivate(url) ? { generateMask: () => {} } : {}),
    });
  }
  return new Constructor(url.href);
}

/**
 * Whether nothing between here and the relay can read frames. Masks keep proxies that do not know WebSockets from taking
 * a payload for a request (RFC 6455, 10.3); where none can look, ws is given the mask 0 and both ends skip it: that
 * is most of what sending costs. Browsers always mask.
 */
function isPrivate(url: URL): boolean {
  if (url.protocol === "wss:") return true;
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
}

function refused(url: URL, closeCode: number, closeReason: string, cause: unknown): NetError {
  const { code, reason } = explain(url, closeCode, closeReason, cause);
  const port = url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : Number(url.port);
  return failure(code, {
    op: "connect",
    peerAddr: new SocketAddr(url.hostname, port),
    target: `the relay at ${describe(url)}`,
    reason,
    cause,
  });
}

function explain(
  url: URL,
  closeCode: number,
  closeReason: string,
  cause: unknown,
): { code: string; reason: string } {
  const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  // ws: "Unexpected server response: 403".
  const status =
    typeof message === "string" ? /^Unexpected server response: (\d{3})$/.exec(message)?.[1] : undefined;
  if (status !== undefined) return explainStatus(Number(status));
  // Certificates' codes begin with no E: DEPTH_ZERO_SELF_SIGNED_CERT.
  if (typeof code === "string" && /^[A-Z][A-Z_]+$/.test(code)) {
    if (code === "ECONNREFUSED") return { code, reason: "connection refused: is the relay running?" };
    if (url.protocol === "wss:" && notTls.test(`${message}`)) {
      return { code: "EPROTO", reason: "no TLS there: use ws://" };
    }
    if (url.protocol === "ws:" && message === "socket hang up") {
      return { code, reason: "it hung up: if it speaks TLS, use wss://" };
    }
    return { code, reason: `${message}` };
  }
  const detail = closeReason === "" ? closeText(closeCode) : closeReason;
  // A page is not told that its origin was refused (HTTP 403): to it this looks as if nothing were there.
  const { location } = globalThis as { readonly location?: { readonly origin: string } | undefined };
  const lets = location === undefined ? "" : `, and that it lets pages of ${location.origin} in`;
  return {
    code: "ECONNREFUSED",
    reason: `it did not open (${detail}): check the address and that the relay runs${lets}`,
  };
}

function explainStatus(status: number): { code: string; reason: string } {
  if (status === 401 || status === 403) {
    return { code: "EACCES", reason: `it refused the request (HTTP ${status}): is this origin allowed?` };
  }
  if (status === 429 || status === 503)
    return { code: "ERR_LIMIT", reason: `it takes no more (HTTP ${status})` };
  return { code: "ECONNREFUSED", reason: `there is no relay at this path (HTTP ${status})` };
}

function readUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError(`Cannot dial "${text}": expected a URL such as wss://relay.example/`);
  }
  if (url.protocol === "https:" || url.protocol === "http:") {
    url = new URL(`ws${url.href.slice(4)}`);
  }
  if (url.protocol !== "wss:" && url.protocol !== "ws:") {
    throw new TypeError(
      `Cannot dial "${url.protocol}//${url.host}": expected a URL such as wss://relay.example/`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(
      `Cannot dial ${url.protocol}//${url.host}/: a URL is no place for secrets, pass { token }`,
    );
  }
  url.hash = "";
  return url;
}

/** Without the query, which may hold what is nobody's business. */
function describe(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** OpenSSL's words for an answer that is no TLS record; the first are Node's and Bun's, the others of some versions. */
const notTls = /wrong version number|packet length too long|http request/i;
/** What a relay may send in one message: MAX_MESSAGE, and room for later. */
const maxMessage = 1_048_576;
