// Who may open a WebSocket at all (docs/relay.md §3): a browser's Origin must be this host or one that a rule
// allows; on loopback the Host header is checked too, against pages that rebind their name to 127.0.0.1.
import { IpAddress } from "../core/wire/ip-address.ts";

/** What the HTTP server knows of a request to open a WebSocket. */
export interface IngressRequest {
  /** The Origin header; undefined: none, so no browser. */
  readonly origin: string | undefined;
  readonly host: string | undefined;
  /** The address the request came to, and the one it came from. */
  readonly localAddress: string | undefined;
  readonly remoteAddress: string | undefined;
}

export interface IngressRules {
  /** Origins allowed beside the same host: "https://app.example", "null", "*". */
  readonly origins: readonly string[];
  /** Hosts allowed on loopback beside loopback's own names: "relay.example". */
  readonly hosts: readonly string[];
}

export type IngressRefusal = { readonly kind: "origin" | "host"; readonly text: string };

export function checkIngress(request: IngressRequest, rules: IngressRules): IngressRefusal | null {
  const host = request.host === undefined ? null : hostnameOf(request.host);
  if (isLoopback(request.localAddress) && !isHostAllowed(host, rules.hosts)) {
    return {
      kind: "host",
      text: `The host "${short(request.host)}" is not one of this relay: add it to the option hosts`,
    };
  }
  const { origin } = request;
  if (origin === undefined || rules.origins.includes("*")) return null;
  const lower = origin.toLowerCase();
  if (rules.origins.some((allowed) => allowed.toLowerCase() === lower)) return null;
  if (lower !== "null" && request.host !== undefined && hostOfOrigin(lower) === request.host.toLowerCase()) {
    return null;
  }
  return {
    kind: "origin",
    text: `The origin "${short(origin)}" is not allowed: serve the page from this host or add it to the option origins`,
  };
}

/** Host and port of an origin, as a Host header has them; null when it is none. */
function hostOfOrigin(origin: string): string | null {
  const match = /^(https?):\/\/([^/?#@\s]+)$/.exec(origin);
  return match === null ? null : match[2];
}

/** The host without its port: "[::1]:80" is "::1". */
function hostnameOf(host: string): string {
  const lower = host.toLowerCase();
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(lower);
  return bracketed === null ? lower.replace(/:\d*$/, "").replace(/\.$/, "") : bracketed[1];
}

function isHostAllowed(host: string | null, hosts: readonly string[]): boolean {
  if (host === null) return false;
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (IpAddress.parse(host)?.isLoopback === true) return true;
  return hosts.some((allowed) => allowed === "*" || allowed.toLowerCase() === host);
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return true;
  const parsed = IpAddress.parse(address);
  return (parsed?.toIpv4() ?? parsed)?.isLoopback ?? true;
}

function short(text: string | undefined): string {
  return (text ?? "").replace(/[^\x20-\x7e]/g, "?").slice(0, 128);
}
