// The request a handler gets: a Request whose `headers` has every field. A browser's own drops Cookie, Host, Origin
// and Referer (Fetch standard, "forbidden request-header"), and in Firefox and Safari it takes no stream as a body:
// there the body methods go through a Response, which takes one everywhere.
import type { Bytes } from "../core/net/index.ts";

export interface HttpRequestInit {
  readonly method: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Bytes> | null;
  /** Called when somebody asks for `signal`. */
  readonly signal: () => AbortSignal;
  /** Whether this runtime's Request takes a stream: `requestTakesStream()`. */
  readonly streams: boolean;
}

/** @throws TypeError for a method that the Fetch standard forbids (CONNECT, TRACE, TRACK) */
export function httpRequest(url: string, init: HttpRequestInit): Request {
  // The fields a browser does keep are given to it too: `new Request(request)` then carries at least those.
  const native: NativeInit = { method: init.method, headers: init.headers };
  if (init.body === null) return dress(new Request(url, native), null, init.headers, init.signal);
  if (init.streams) {
    native.body = init.body;
    native.duplex = "half";
    return dress(new Request(url, native), null, init.headers, init.signal);
  }
  const type = init.headers.get("content-type");
  const carrier = new Response(init.body, type === null ? {} : { headers: { "content-type": type } });
  return dress(new Request(url, native), carrier, init.headers, init.signal);
}

/** Whether `new Request` takes a stream as a body: Firefox and Safari make text of it. */
export function requestTakesStream(): boolean {
  const probe: NativeInit = { method: "POST", body: new ReadableStream(), duplex: "half" };
  try {
    return new Request("http://localhost/", probe).headers.get("content-type") === null;
  } catch {
    return false;
  }
}

function dress(
  native: Request,
  carrier: Response | null,
  headers: Headers,
  signal: () => AbortSignal,
): Request {
  const clone = (): Request =>
    dress(Request.prototype.clone.call(native), carrier?.clone() ?? null, new Headers(headers), signal);
  const own: PropertyDescriptorMap = {
    headers: { value: headers, enumerable: true },
    signal: { get: signal, enumerable: true },
    // `new Request(url, request)` reads a request as a dictionary, where a stream needs this member beside it.
    duplex: { value: "half", enumerable: true },
    clone: { value: clone, enumerable: false },
  };
  if (carrier !== null) {
    own["body"] = { get: () => carrier.body, enumerable: true };
    own["bodyUsed"] = { get: () => carrier.bodyUsed, enumerable: true };
    for (const name of BODY_METHODS) {
      // Response.bytes() is younger than the others.
      if (typeof carrier[name] === "function")
        own[name] = { value: () => carrier[name](), enumerable: false };
    }
  }
  return Object.defineProperties(native, own);
}

/** lib.dom does not know `duplex` yet. */
type NativeInit = RequestInit & { duplex?: "half" };

const BODY_METHODS = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;
