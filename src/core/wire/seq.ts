// Arithmetic of 32-bit sequence numbers and timestamps (RFC 9293 §3.4, RFC 7323 §5.2): a circle of 2^32
// numbers. Every comparison in fourtuple goes through here. Arguments may be signed or unsigned, any finite
// integer: only their low 32 bits count. Two numbers exactly 2^31 apart have no order; each is then "less"
// than the other, as in Linux's before() and after().

/** True when `a` comes before `b`. */
export function seqLess(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** True when `a` comes before `b` or is `b`. */
export function seqLessEqual(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

/** True when `a` comes after `b`. */
export function seqGreater(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** True when `a` comes after `b` or is `b`. */
export function seqGreaterEqual(a: number, b: number): boolean {
  return ((b - a) | 0) <= 0;
}

/** The signed distance from `b` to `a`, in -2^31 .. 2^31 - 1. */
export function seqDifference(a: number, b: number): number {
  return (a - b) | 0;
}

/** `a` moved forward by `n` (back when negative), in 0 .. 2^32 - 1. */
export function seqAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}
