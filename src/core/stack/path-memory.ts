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
  private paths: Map<string, KnownPath> | null = null;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.paths?.size ?? 0;
  }

  of(now: number, destination: IpAddress): KnownPath | null {
    if (this.paths === null) return null;
    const key = destination.toString();
    const known = this.paths.get(key);
    if (known === undefined) return null;
    if (known.until > now) return known;
    this.paths.delete(key);
    return null;
  }

  learn(now: number, destination: IpAddress, mtu: number): void {
    if (this.limit === 0) return;
    const paths = (this.paths ??= new Map());
    const key = destination.toString();
    paths.delete(key);
    if (paths.size >= this.limit) {
      for (const oldest of paths.keys()) {
        paths.delete(oldest);
        break;
      }
    }
    paths.set(key, { mtu, until: now + TRY_AGAIN });
  }
}
