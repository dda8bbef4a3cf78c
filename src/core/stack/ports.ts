// Ephemeral ports, RFC 6056 §3.3.3 (algorithm 3): a keyed hash of the other three of the four-tuple gives each
// destination its own sequence, so that ports are hard to guess and long in coming back.

import type { SipHash } from "../tcp/siphash.ts";
import type { IpAddress } from "../wire/ip-address.ts";

export class EphemeralPorts {
  private readonly first: number;
  private readonly count: number;
  private readonly hash: SipHash;
  private next = 0;

  constructor(range: readonly [number, number], hash: SipHash) {
    this.first = range[0];
    this.count = range[1] - range[0] + 1;
    this.hash = hash;
  }

  /** A port for which `isFree` holds; 0 when there is none. */
  choose(
    local: IpAddress,
    remote: IpAddress | null,
    remotePort: number,
    isFree: (port: number) => boolean,
  ): number {
    const hash = this.hash.start().address(local);
    if (remote !== null) hash.address(remote);
    const offset = hash.word(remotePort).finish();
    for (let tries = 0; tries < this.count; tries++) {
      // As a small integer, which the remainder of a large number is not to V8, whatever its value.
      const port = (this.first + ((offset + this.next++) % this.count)) | 0;
      if (isFree(port)) return port;
    }
    return 0;
  }
}
