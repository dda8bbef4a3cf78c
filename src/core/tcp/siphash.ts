// SipHash-2-4 (Aumasson and Bernstein, 2012) over 32-bit words, for initial sequence numbers, ports and table keys
// that an outsider must not predict (RFC 6528, RFC 6056). 64-bit arithmetic is done in pairs of int32.
// May use wire's addresses.

import type { IpAddress } from "../wire/ip-address.ts";

/** One message is hashed at a time, from start() to finish(), so all keys share where its words are. */
const words: number[] = [];

export class SipHash {
  private readonly k0l: number;
  private readonly k0h: number;
  private readonly k1l: number;
  private readonly k1h: number;
  /** Words of the message. */
  private count = 0;
  /** High bits of the last hash, unsigned. */
  high = 0;

  /** @param key 16 bytes at `offset` */
  constructor(key: Uint8Array, offset = 0) {
    const view = new DataView(key.buffer, key.byteOffset + offset, 16);
    this.k0l = view.getInt32(0, true);
    this.k0h = view.getInt32(4, true);
    this.k1l = view.getInt32(8, true);
    this.k1h = view.getInt32(12, true);
  }

  start(): this {
    this.count = 0;
    return this;
  }

  /** Takes one 32-bit word, little-endian in the message. */
  word(value: number): this {
    words[this.count++] = value | 0;
    return this;
  }

  /** Takes one word of an IPv4 address and four of an IPv6 address: of either, the messages are of one length. */
  address(address: IpAddress): this {
    if (address.family === 6) this.word(address.w0).word(address.w1).word(address.w2);
    return this.word(address.w3);
  }

  /** Ends the message; the low 32 bits of the hash, unsigned. The high bits follow by `high`. */
  finish(): number {
    const { count } = this;
    // The last block has the length in bytes in its top byte.
    const blocksEnd = (count | 1) + 1;
    words[count] = 0;
    words[blocksEnd - 1] = (count * 4) << 24;
    let v0l = this.k0l ^ 0x70736575;
    let v0h = this.k0h ^ 0x736f6d65;
    let v1l = this.k1l ^ 0x6e646f6d;
    let v1h = this.k1h ^ 0x646f7261;
    let v2l = this.k0l ^ 0x6e657261;
    let v2h = this.k0h ^ 0x6c796765;
    let v3l = this.k1l ^ 0x79746573;
    let v3h = this.k1h ^ 0x74656462;
    let t: number;
    // A block is two words and takes two rounds, so the number of a round is that of a word; four rounds end the hash.
    for (let round = 0; round < blocksEnd + 4; round++) {
      if (round === blocksEnd) v2l ^= 0xff;
      else if ((round & 1) === 0 && round < blocksEnd) {
        v3l ^= words[round];
        v3h ^= words[round + 1];
      }
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
      if ((round & 1) === 1 && round < blocksEnd) {
        v0l ^= words[round - 1];
        v0h ^= words[round];
      }
    }
    this.high = (v0h ^ v1h ^ v2h ^ v3h) >>> 0;
    return (v0l ^ v1l ^ v2l ^ v3l) >>> 0;
  }
}
