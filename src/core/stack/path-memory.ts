// What is known of paths smaller than their route, by destination: RFC 1191 §6.3 and RFC 8201 §5.2 have it kept and
// forgotten after ten minutes. Bounded: what was learned longest ago gives way.

import { TRY_AGAIN } from "../tcp/pmtu.ts";
import type { IpAddress } from "../wire/ip-address.ts";

/** Bytes of an IP packet, and until when they hold. */
export interface KnownPath {
  readonly mtu: number;
  readonly until: number;
}

export class PathMemory {
  private readonly paths: Map<string, KnownPath> = new Map();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.paths.size;
  }

  of(now: number, destination: IpAddress): KnownPath | null {
    if (this.paths.size === 0) return null;
    const key = destination.toString();
    const known = this.paths.get(key);
    if (known === undefined) return null;
    if (known.until > now) return known;
    this.paths.delete(key);
    return null;
  }

  learn(now: number, destination: IpAddress, mtu: number): void {
    if (this.limit === 0) return;
    const key = destination.toString();
    this.paths.delete(key);
    if (this.paths.size >= this.limit) {
      for (const oldest of this.paths.keys()) {
        this.paths.delete(oldest);
        break;
      }
    }
    this.paths.set(key, { mtu, until: now + TRY_AGAIN });
  }
}
