// Spare slabs for send buffers. A slab is written by `send`, copied into messages, and free again once its bytes are
// acknowledged: nobody outside ever sees a view of it, so it can be used anew. One pool a stack. May use nothing.

import type { Bytes } from "../wire/bytes.ts";
import { allocate } from "../wire/memory.ts";

export const SLAB_SIZE: number = 64 << 10;
/** A first slab this small keeps connections that say little cheap. */
export const FIRST_SLAB_SIZE: number = 2 << 10;
const MAX_SPARE = 32;

export class SlabPool {
  private readonly spare: Bytes[] = [];
  private readonly spareFirst: Bytes[] = [];

  take(): Bytes {
    return this.spare.pop() ?? allocate(SLAB_SIZE);
  }

  /** For the first bytes of a connection. */
  takeFirst(): Bytes {
    return this.spareFirst.pop() ?? allocate(FIRST_SLAB_SIZE);
  }

  give(slab: Bytes): void {
    const spare = slab.length === SLAB_SIZE ? this.spare : this.spareFirst;
    if (spare.length < MAX_SPARE) spare.push(slab);
  }
}
