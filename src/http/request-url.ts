// The URL of a request from its target and Host (RFC 9112 3.2 and 3.3). Two authorities that differ, or none where
// one is due, are refused: a cache and a server could each believe another one.
import type { SocketAddr } from "../core/net/index.ts";
import { fieldValues } from "./framing.ts";
import type { RequestHead } from "./head.ts";
import { HttpError } from "./http-error.ts";

/** @throws HttpError 400 or 501 */
export function requestUrl(head: RequestHead, localAddr: SocketAddr): string {
  if (UNSUPPORTED.has(head.method)) throw new HttpError(501, `The method ${head.method} is not supported`);
  const authority = hostField(head) || localAddr.toString();
  const { target } = head;
  if (target.startsWith("/")) return parse(`http://${authority}${target}`);
  if (target === "*" && head.method === "OPTIONS") return parse(`http://${authority}/*`);
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) throw new HttpError(400, "The request target is neither a path nor an http: URL");
  if ((absolute[1] ?? "").toLowerCase() !== authority.toLowerCase()) {
    throw new HttpError(400, "The request target and Host name different hosts");
  }
  return parse(target);
}

function hostField(head: RequestHead): string {
  const hosts = fieldValues(head.fields, "host");
  if (hosts.length > 1) throw new HttpError(400, "The request has more than one Host field");
  const host = hosts[0];
  if (host === undefined) {
    if (head.minor === 1) throw new HttpError(400, "The request has no Host field");
    return "";
  }
  if (!HOST.test(host)) throw new HttpError(400, "Host is malformed");
  return host;
}

function parse(text: string): string {
  try {
    return new URL(text).href;
  } catch (cause) {
    throw new HttpError(400, "The request target is malformed", { cause });
  }
}

// The Fetch standard forbids these to a Request, and a tunnel through this server is not on offer.
const UNSUPPORTED: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
const ABSOLUTE = /^http:\/\/([^/?#]+)/i;
// RFC 9110 7.2: uri-host and an optional port; no user information.
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9\-._~!$&'()*+,;=%]*)(?::\d{0,5})?$/i;
