// Initial sequence numbers, RFC 6528: a 4-microsecond clock plus a keyed hash of the four-tuple, so that a new
// incarnation starts above the old one and nobody else can guess where. Also the timestamp offset (RFC 7323 §7.1).
// May use wire's addresses; the clock is an argument, the key comes from the stack's owner.

import type { IpAddress } from "../wire/ip-address.ts";
import type { SipHash } from "./siphash.ts";

export function initialSequence(
  hash: SipHash,
  now: number,
  local: IpAddress,
  localPort: number,
  remote: IpAddress,
  remotePort: number,
): number {
  return (tupleHash(hash, local, localPort, remote, remotePort) + Math.floor(now / 4)) >>> 0;
}

/**
 * The timestamp clock of a pair of hosts starts at a secret point, the same for all its connections (§7.1 note on PAWS).
 * That of the last pair is remembered: most connections of a host are with one other.
 */
export class TimestampOffsets {
  private readonly hash: SipHash;
  private local: IpAddress | null = null;
  private remote: IpAddress | null = null;
  private offset = 0;

  constructor(hash: SipHash) {
    this.hash = hash;
  }

  of(local: IpAddress, remote: IpAddress): number {
    if (this.local?.equals(local) !== true || this.remote?.equals(remote) !== true) {
      this.local = local;
      this.remote = remote;
      this.offset = tupleHash(this.hash, local, 0, remote, 0);
    }
    return this.offset;
  }
}

function tupleHash(
  hash: SipHash,
  local: IpAddress,
  localPort: number,
  remote: IpAddress,
  remotePort: number,
): number {
  return hash
    .start()
    .address(local)
    .address(remote)
    .word((localPort << 16) | remotePort)
    .finish();
}
