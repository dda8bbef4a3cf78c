// Counts full collections while buffers as Node reads them come and go: without room for the heap, with it, and after.

import { PerformanceObserver } from "node:perf_hooks";
import { keepHeapRoom } from "../../../src/adapters/node/index.ts";

const FULL_COLLECTION = 4;
/** A program loaded and compiled, so that the heap is above what V8 leaves alone. */
const program: object[] = [];
for (let i = 0; i < 200_000; i++) program.push({ i, text: String(i) });

let collections = 0;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if ((entry as { readonly detail?: { readonly kind?: number } }).detail?.kind === FULL_COLLECTION)
      collections++;
  }
});
observer.observe({ entryTypes: ["gc"] });

async function count(): Promise<number> {
  await turn();
  const before = collections;
  const waiting: Uint8Array[] = [];
  for (let i = 0; i < 16_384; i++) {
    waiting[i % 64] = new Uint8Array(65_536);
    if (i % 64 === 0) await turn();
  }
  await turn();
  return collections - before;
}

/** Markings that were begun end in turns of their own. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

// A young process has room until its first full collections.
await count();
globalThis.gc?.();
const before = await count();
const release = keepHeapRoom();
globalThis.gc?.();
const during = await count();
release();
globalThis.gc?.();
const after = await count();
console.log(JSON.stringify({ before, during, after, program: program.length }));
