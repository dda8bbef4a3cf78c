// Packets that belong to no connection: resets to unknown four-tuples, ICMP, what TIME-WAIT answers. They are small
// and few; the queue is bounded and the newest gives way.

import type { Bytes } from "../wire/bytes.ts";
import type { Route } from "./route.ts";

export interface StrayPacket {
  readonly bytes: Bytes;
  readonly route: Route;
}

export class StrayPackets {
  private queue: StrayPacket[] = [];
  private head = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get isEmpty(): boolean {
    return this.head === this.queue.length;
  }

  /** False when there was no room. */
  push(bytes: Bytes, route: Route): boolean {
    if (this.queue.length - this.head >= this.limit) return false;
    this.queue.push({ bytes, route });
    return true;
  }

  take(): StrayPacket | null {
    if (this.head === this.queue.length) return null;
    const packet = this.queue[this.head++];
    if (this.head === this.queue.length) {
      this.queue = [];
      this.head = 0;
    }
    return packet;
  }
}
