// Copying bytes from one array to another. The language copies whole arrays alone, so a part needs a view of it first,
// which costs more than the bytes of a short message do one by one. May use nothing.

/** Below this many bytes a loop is faster than a view. */
const SHORT = 32;

/** Copies `from[start..end)` to `to[at..]`. The arrays share no memory. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start <= SHORT) {
    for (let source = start, target = at; source < end; source++, target++) to[target] = from[source];
  } else if (start === 0 && end === from.length) to.set(from, at);
  else to.set(from.subarray(start, end), at);
}
