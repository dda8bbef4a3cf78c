// SipHash-2-4 (Aumasson and Bernstein, 2012) over 32-bit words, for initial sequence numbers, ports and table keys
// that an outsider must not predict (RFC 6528, RFC 6056). 64-bit arithmetic is done in pairs of int32.
// May use nothing.

export class SipHash {
  private readonly k0l: number;
  private readonly k0h: number;
  private readonly k1l: number;
  private readonly k1h: number;
  private v0l = 0;
  private v0h = 0;
  private v1l = 0;
  private v1h = 0;
  private v2l = 0;
  private v2h = 0;
  private v3l = 0;
  private v3h = 0;
  private pending = 0;
  private count = 0;

  /** @param key 16 bytes at `offset` */
  constructor(key: Uint8Array, offset = 0) {
    const word = (at: number): number =>
      key[offset + at] |
      (key[offset + at + 1] << 8) |
      (key[offset + at + 2] << 16) |
      (key[offset + at + 3] << 24);
    this.k0l = word(0);
    this.k0h = word(4);
    this.k1l = word(8);
    this.k1h = word(12);
  }

  start(): this {
    this.v0l = this.k0l ^ 0x70736575;
    this.v0h = this.k0h ^ 0x736f6d65;
    this.v1l = this.k1l ^ 0x6e646f6d;
    this.v1h = this.k1h ^ 0x646f7261;
    this.v2l = this.k0l ^ 0x6e657261;
    this.v2h = this.k0h ^ 0x6c796765;
    this.v3l = this.k1l ^ 0x79746573;
    this.v3h = this.k1h ^ 0x74656462;
    this.count = 0;
    return this;
  }

  /** Takes one 32-bit word, little-endian in the message. */
  word(value: number): this {
    if ((this.count++ & 1) === 0) this.pending = value;
    else this.block(this.pending, value);
    return this;
  }

  /** Ends the message; the low 32 bits of the hash, unsigned. The high bits follow by `high`. */
  finish(): number {
    const length = this.count * 4;
    if ((this.count & 1) === 0) this.block(0, length << 24);
    else this.block(this.pending, length << 24);
    this.v2l ^= 0xff;
    for (let round = 0; round < 4; round++) this.round();
    return (this.v0l ^ this.v1l ^ this.v2l ^ this.v3l) >>> 0;
  }

  get high(): number {
    return (this.v0h ^ this.v1h ^ this.v2h ^ this.v3h) >>> 0;
  }

  private block(low: number, high: number): void {
    this.v3l ^= low;
    this.v3h ^= high;
    this.round();
    this.round();
    this.v0l ^= low;
    this.v0h ^= high;
  }

  private round(): void {
    let { v0l, v0h, v1l, v1h, v2l, v2h, v3l, v3h } = this;
    let t: number;
    // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
    t = (v0l >>> 0) + (v1l >>> 0);
    v0h = (v0h + v1h + (t > 0xffffffff ? 1 : 0)) | 0;
    v0l = t | 0;
    t = (v1l << 13) | (v1h >>> 19);
    v1h = (v1h << 13) | (v1l >>> 19);
    v1l = t ^ v0l;
    v1h ^= v0h;
    t = v0l;
    v0l = v0h;
    v0h = t;
    // v2 += v3; v3 = rotl(v3, 16) ^ v2
    t = (v2l >>> 0) + (v3l >>> 0);
    v2h = (v2h + v3h + (t > 0xffffffff ? 1 : 0)) | 0;
    v2l = t | 0;
    t = (v3l << 16) | (v3h >>> 16);
    v3h = (v3h << 16) | (v3l >>> 16);
    v3l = t ^ v2l;
    v3h ^= v2h;
    // v0 += v3; v3 = rotl(v3, 21) ^ v0
    t = (v0l >>> 0) + (v3l >>> 0);
    v0h = (v0h + v3h + (t > 0xffffffff ? 1 : 0)) | 0;
    v0l = t | 0;
    t = (v3l << 21) | (v3h >>> 11);
    v3h = (v3h << 21) | (v3l >>> 11);
    v3l = t ^ v0l;
    v3h ^= v0h;
    // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
    t = (v2l >>> 0) + (v1l >>> 0);
    v2h = (v2h + v1h + (t > 0xffffffff ? 1 : 0)) | 0;
    v2l = t | 0;
    t = (v1l << 17) | (v1h >>> 15);
    v1h = (v1h << 17) | (v1l >>> 15);
    v1l = t ^ v2l;
    v1h ^= v2h;
    t = v2l;
    v2l = v2h;
    v2h = t;
    this.v0l = v0l;
    this.v0h = v0h;
    this.v1l = v1l;
    this.v1h = v1h;
    this.v2l = v2l;
    this.v2h = v2h;
    this.v3l = v3l;
    this.v3h = v3h;
  }
}
