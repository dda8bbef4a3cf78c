// What Node, Deno and Bun give a relay alike: real TCP and name lookup through node:net and node:dns. Deno too, because
// Deno.Conn cannot reset, and a truncated stream would look complete.
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { nodeNetwork } from "../adapters/node/index.ts";
import { unzeroed } from "../adapters/node/unzeroed.ts";
import { NetError } from "../core/net/net-error.ts";
import { allocateBy } from "../core/wire/memory.ts";
import type { RelayPlatform } from "./relay-core.ts";

/** With it the core's slabs and messages come from memory that is not zeroed. */
export function systemPlatform(): RelayPlatform {
  allocateBy(unzeroed);
  return platform;
}

const platform: RelayPlatform = {
  network: nodeNetwork,
  resolver: {
    async resolve(host) {
      try {
        // In the resolver's order (RFC 6724), not IPv4 first.
        const found = await lookup(host, { all: true, verbatim: true });
        return found.map(({ address }) => address);
      } catch (error) {
        const code = (error as { readonly code?: unknown }).code === "EAI_AGAIN" ? "EAI_AGAIN" : "ENOTFOUND";
        throw new NetError(code, `Cannot look up "${host}"`, { op: "lookup", cause: error });
      }
    },
  },
  ownAddresses,
};

/** Asked at every dial, so it is remembered for a while. */
function ownAddresses(): readonly string[] {
  const now = performance.now();
  if (known === null || now - knownAt > 30_000) {
    knownAt = now;
    known = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  }
  return known;
}

let known: readonly string[] | null = null;
let knownAt = 0;
