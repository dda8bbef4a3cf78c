// Memory for slabs and messages, which are written before anyone reads them. Zeroing it first costs a stream of large
// segments some eight percent; a runtime that has memory without that hands it in. May use nothing of the host.

import type { Bytes } from "./bytes.ts";

/** Gives `size` bytes over an ArrayBuffer of their own, of any content. */
export type Allocate = (size: number) => Bytes;

/** @internal Bytes of any content: only for what is overwritten. */
export function allocate(size: number): Bytes {
  return current(size);
}

/**
 * Lets slabs and messages come from `allocate` from now on. The root entries for Node and Bun hand in memory that is
 * not zeroed; with it `chunk.buffer` of what a stream has read may show, behind the chunk, what the process held before.
 */
export function allocateBy(allocate: Allocate): void {
  current = allocate;
}

let current: Allocate = (size) => new Uint8Array(size);
