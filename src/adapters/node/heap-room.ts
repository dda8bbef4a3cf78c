// Room for V8's heap to grow into. Every read of a socket is new memory outside of the heap, and V8 answers a few MiB
// of that by marking the whole heap, once that is above 8 MiB: a busy relay spends a third of its time so. Told that
// the heap may grow by more before the next marking, it marks as much less often.

import { constants, PerformanceObserver } from "node:perf_hooks";
import v8 from "node:v8";
import { isNode } from "./runtime.ts";

/**
 * Lets the heap grow by about `bytes` between two full collections of V8, as long as this process lives or until the
 * function that it returns is called. For programs that move much data: relays, proxies, bulk transfers. It costs up to
 * that much memory, and more for a while when a small heap grows at once. It is a setting of the whole process: programs
 * call it, libraries do not; the last call counts. Does nothing in Bun and Deno, nor for a heap larger than `bytes`,
 * where V8's own rule allows as much.
 *
 * @param bytes Default 64 MiB.
 * @throws {RangeError} when it is not above 0.
 */
export function keepHeapRoom(bytes: number = DEFAULT_ROOM): () => void {
  if (!(bytes > 0))
    throw new RangeError(`Cannot keep ${bytes} bytes of heap free: expected a number above 0`);
  if (!isNode()) return () => {};
  const adjust = (): void => setGrowth(bytes / v8.getHeapStatistics().used_heap_size);
  collections?.disconnect();
  // Only after a full collection the heap is as large as what lives in it; that is the size that V8 multiplies.
  const own = new PerformanceObserver((list) => {
    if (list.getEntries().some(isFullCollection)) adjust();
  });
  own.observe({ type: "gc" });
  collections = own;
  adjust();
  return () => {
    if (own !== collections) return;
    own.disconnect();
    collections = null;
    setGrowth(0);
  };
}

function isFullCollection(entry: object): boolean {
  const { kind } = (entry as { readonly detail?: { readonly kind?: number } }).detail ?? {};
  return kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

/** What the heap may grow by, as a part of its size; 0 brings back V8's own rule, a factor of 1.1 to 4. */
function setGrowth(part: number): void {
  const percent = part < 1 ? 0 : Math.round(100 * Math.min(part, MOST_GROWTH));
  if (percent !== current) v8.setFlagsFromString(`--heap-growing-percent=${percent}`);
  current = percent;
}

let collections: PerformanceObserver | null = null;
let current = 0;

const DEFAULT_ROOM = 64 << 20;
/** What a heap that was small at one collection and is not at the next may grow by once. */
const MOST_GROWTH = 8;
