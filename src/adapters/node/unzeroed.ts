// Memory that Node does not zero, for slabs and messages.

import { Buffer } from "node:buffer";
import type { Bytes } from "../../core/net/index.ts";

/** Plain arrays: a Buffer's slice() is a view and not a copy. Below a page or so zeroing costs less than the detour. */
export function unzeroed(size: number): Bytes {
  if (size < WORTH_THE_DETOUR) return new Uint8Array(size);
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer);
}

const WORTH_THE_DETOUR = 4_096;
