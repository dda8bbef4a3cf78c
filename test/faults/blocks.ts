// The bytes that are moved, in whichever runtime: a stream's number says all of them.

export const BLOCK: number = 256 << 10;

/** Bytes of which none stands where another one could. */
export function* blocks(seed: number, count: number): Generator<Uint8Array<ArrayBuffer>> {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let left = count; left > 0; left -= BLOCK) {
    const block = new Uint8Array(Math.min(BLOCK, (left + 3) & ~3));
    const words = new Uint32Array(block.buffer);
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    yield left < BLOCK ? block.subarray(0, left) : block;
  }
}
