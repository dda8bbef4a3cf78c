// The initial window, RFC 6928 §2; after an idle time also the restart window (RFC 5681 §4.1). May use nothing.

/** Bytes: ten segments, but no more than 14,600 bytes or two segments when those are large. */
export function initialWindow(mss: number, segments: number): number {
  return Math.min(segments * mss, Math.max(2 * mss, segments * 1460));
}
