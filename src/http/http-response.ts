// A Response whose `headers` has every field, Set-Cookie too, which a browser's own drops ("forbidden response-header"
// in the Fetch standard), and whose `url` can be given. `fetchOver` resolves with one; a handler may return one.
import { type HeadersLike, toFields, toHeaders } from "./headers.ts";

export interface HttpResponseInit {
  /** 200 to 599. Default 200. */
  readonly status?: number | undefined;
  readonly statusText?: string | undefined;
  readonly headers?: HeadersLike | undefined;
  /** Default the empty string. */
  readonly url?: string | undefined;
  readonly redirected?: boolean | undefined;
}

/**
 * A Response that keeps every header field, on every runtime.
 *
 * @throws RangeError for a status outside of 200 to 599
 * @throws TypeError for a header field that HTTP cannot carry, or a body beside 204, 205 or 304
 */
export function httpResponse(body?: BodyInit | null, init: HttpResponseInit = {}): Response {
  const fields = toFields(init.headers);
  const native = new Response(body, {
    status: init.status ?? 200,
    statusText: init.statusText ?? "",
    headers: fields.map(([name, value]): [string, string] => [name, value]),
  });
  const headers = toHeaders(fields);
  // What the runtime derives from the body's type.
  const type = native.headers.get("content-type");
  if (type !== null && !headers.has("content-type")) headers.set("content-type", type);
  return dress(native, headers, init.url ?? "", init.redirected ?? false);
}

function dress(native: Response, headers: Headers, url: string, redirected: boolean): Response {
  const clone = (): Response =>
    dress(Response.prototype.clone.call(native), new Headers(headers), url, redirected);
  return Object.defineProperties(native, {
    headers: { value: headers, enumerable: true },
    url: { value: url, enumerable: true },
    redirected: { value: redirected, enumerable: true },
    clone: { value: clone, enumerable: false },
  });
}
