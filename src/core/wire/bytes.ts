// The one type of byte array that fourtuple keeps, hands over or writes into: a view of an ArrayBuffer of its
// own. Functions that only look at bytes take a plain Uint8Array, which may also be a view of shared memory.

/** A byte array over a (not shared) ArrayBuffer. */
export type Bytes = Uint8Array<ArrayBuffer>;
