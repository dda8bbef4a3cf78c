// Where a redirect leads and what goes there (Fetch standard, "HTTP-redirect fetch"; RFC 9110 15.4).
import { NetError } from "../core/net/net-error.ts";
import { fieldValues } from "./framing.ts";
import type { Field, ResponseHead } from "./head.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";

/**
 * The request to make instead, or null if the response is no redirect.
 *
 * @throws NetError EPROTO for a target that cannot be fetched, or a body that cannot be sent again
 */
export function redirected(request: OutgoingRequest, head: ResponseHead): OutgoingRequest | null {
  const location = fieldValues(head.fields, "location")[0];
  if (!REDIRECTS.has(head.status) || location === undefined) return null;
  if (request.redirect !== "follow") return request;
  const url = target(request.url, location);
  const toGet =
    (head.status === 303 && request.method !== "GET" && request.method !== "HEAD") ||
    ((head.status === 301 || head.status === 302) && request.method === "POST");
  const content = toGet ? null : request.content;
  if (content !== null && !content.replayable) {
    throw new NetError(
      "EPROTO",
      `Cannot follow the redirect to ${url.href}: the request's body is a stream, sent already`,
    );
  }
  const drop = new Set<string>();
  // Secrets for one host are none of another's business.
  if (url.origin !== request.url.origin) for (const name of PRIVATE_FIELDS) drop.add(name);
  if (toGet) for (const name of CONTENT_FIELDS) drop.add(name);
  const fields: Field[] = request.fields.filter(([name]) => !drop.has(name.toLowerCase()));
  return { ...request, url, content, fields, method: toGet ? "GET" : request.method };
}

function target(base: URL, location: string): URL {
  let url: URL;
  try {
    url = new URL(location, base);
  } catch (cause) {
    throw new NetError("EPROTO", `Cannot follow the redirect of ${base.href}: its Location is malformed`, {
      cause,
    });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new NetError("EPROTO", `Cannot follow the redirect of ${base.href} to ${url.protocol}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new NetError(
      "EPROTO",
      `Cannot follow the redirect of ${base.href}: its Location has a password in it`,
    );
  }
  if (url.hash === "") url.hash = base.hash;
  return url;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const PRIVATE_FIELDS: readonly string[] = ["authorization", "cookie", "host", "proxy-authorization"];
const CONTENT_FIELDS: readonly string[] = [
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
  "expect",
];
