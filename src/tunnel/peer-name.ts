// The name of a tunnel on its network: one DNS label in lower case (RFC 1035 §2.3.1, digits first allowed as in
// RFC 1123 §2.1). Dialled as NAME.peer.

/** Suffix under which tunnels are dialled by name. */
export const peerSuffix = ".peer" as const;

/** Whether `name` may name a tunnel: a-z, 0-9 and inner hyphens, 1 to 63 characters. */
export function isPeerName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
}

/** The NAME of a host written NAME.peer in any case, with or without a final dot; null for other hosts. */
export function peerNameOf(host: string): string | null {
  const lower = host.toLowerCase().replace(/\.$/, "");
  if (!lower.endsWith(peerSuffix)) return null;
  return lower.slice(0, -peerSuffix.length);
}
