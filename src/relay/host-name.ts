// Names of hosts as a tunnel may ask for them: what a resolver would take for an address is read as one first, so
// that policy never sees a name where the system would see 127.0.0.1.
import { IpAddress, parseLegacyIpv4 } from "../core/wire/ip-address.ts";

export type Target =
  | { readonly host: string; readonly address: null }
  | { readonly host: null; readonly address: IpAddress };

/**
 * Reads what a tunnel asked to dial: an address in any notation, or a name in canonical form (lower case, no final
 * dot). A string says what is wrong with it.
 */
export function readTarget(text: string): Target | string {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const address = IpAddress.parse(bare) ?? parseLegacyIpv4(bare);
  if (address !== null) {
    if (address.zone !== null) return `the zone of ${address} means nothing at the relay`;
    return { host: null, address };
  }
  const host = bare.toLowerCase().replace(/\.$/, "");
  if (host.length === 0 || host.length > 253) return "a host name has 1 to 253 characters";
  const labels = host.split(".");
  if (!labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) {
    return `"${text.slice(0, 64)}" is not a host name: write other than ASCII names in their xn-- form`;
  }
  // The URL standard's "ends in a number": resolvers differ in what they make of it.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels[labels.length - 1]))
    return `"${host}" is neither a name nor an address`;
  return { host, address: null };
}

/** Whether `pattern` is a name, "*" or "*.name". */
export function isHostPattern(pattern: string): boolean {
  if (pattern === "*") return true;
  const target = readTarget(pattern.startsWith("*.") ? pattern.slice(2) : pattern);
  return typeof target !== "string" && target.host !== null;
}

/** "*" is every name, "*.example.com" every name below it and not example.com itself. */
export function matchesHost(pattern: string, host: string): boolean {
  if (pattern === "*") return true;
  if (pattern.startsWith("*.")) return host.endsWith(pattern.slice(1)) && host.length >= pattern.length;
  return pattern === host;
}
