// The Internet checksum as slowly and plainly as RFC 1071 §1 words it: the reference for the fast one.

export function naiveSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += bytes[at] * 256 + (at + 1 < bytes.length ? bytes[at + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

export function naiveChecksum(bytes: Uint8Array): number {
  return 0xffff - naiveSum(bytes);
}
