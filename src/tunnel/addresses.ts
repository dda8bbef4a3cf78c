// The overlay addresses of a network (docs/protocol.md §3): one ULA /48 (RFC 4193) derived from the network's
// name, cut into disjoint prefixes. A peer's address is a hash of network and name, so a name has the same
// address on every relay of the network, without a table.
import { sha256 } from "@noble/hashes/sha2.js";
import { readInt32 } from "../core/wire/big-endian.ts";
import { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";

/** The prefixes and addresses that a relay tells in `welcome`. */
export interface NetworkAddresses {
  /** Tunnels, by name: a /64. */
  readonly peers: Prefix;
  /** Names to dial, bound by `resolve`: a /64, scoped to the session. */
  readonly handles: Prefix;
  /** IPv4 destinations: a /96. */
  readonly ipv4: Prefix;
  /** The gateway's own address, from which it dials into tunnels. */
  readonly gateway: IpAddress;
}

/** Derives the prefixes of the network called `network`. */
export function networkAddresses(network: string): NetworkAddresses {
  const digest = sha256(utf8.encode(`fourtuple network\0${network}`));
  const site = new Uint8Array(16);
  site[0] = 0xfd;
  site.set(digest.subarray(0, 5), 1);
  return {
    peers: subnet(site, 1, 64),
    handles: subnet(site, 2, 64),
    gateway: withLow(subnet(site, 3, 64).address, 0, 1),
    ipv4: subnet(site, 4, 96),
  };
}

/** The address of the tunnel `name` on `network` inside `peers`. */
export function peerAddress(network: string, peers: Prefix, name: string): IpAddress {
  const digest = sha256(utf8.encode(`fourtuple peer\0${network}\0${name}`));
  return withLow(peers.address, readInt32(digest, 0), readInt32(digest, 4));
}

/** The handle with this number, from 1. */
export function handleAddress(handles: Prefix, index: number): IpAddress {
  return withLow(handles.address, 0, index);
}

function subnet(site: Uint8Array, number: number, length: number): Prefix {
  const address = IpAddress.fromBytes(site, 0, 6);
  return Prefix.of(IpAddress.fromWords(6, address.w0, address.w1 | number, 0, 0), length);
}

function withLow(prefix: IpAddress, high: number, low: number): IpAddress {
  return IpAddress.fromWords(6, prefix.w0, prefix.w1, high, low);
}

const utf8 = new TextEncoder();
