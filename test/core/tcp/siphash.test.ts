// SipHash-2-4: the test vectors of its authors (key 00..0f, message 00 01 02 ...), for whole words.

import { describe, expect, it } from "vitest";
import { SipHash } from "../../../src/core/tcp/siphash.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);

describe("SipHash", () => {
  it.each([
    [0, 0x726f_db47, 0xdd0e_0e31],
    [4, 0xcf27_94e0, 0x2771_87b7],
    [8, 0x93f5_f579, 0x9a93_2462],
    [12, 0x751e_8fbc, 0x860e_e5fb],
    [16, 0x3f2a_cc7f, 0x57c2_9bdb],
  ])("gives the authors' hash of %d bytes", (length, high, low) => {
    const hash = new SipHash(KEY).start();
    for (let at = 0; at < length; at += 4)
      hash.word(at | ((at + 1) << 8) | ((at + 2) << 16) | ((at + 3) << 24));
    expect(hash.finish()).toBe(low);
    expect(hash.high).toBe(high);
  });

  it("takes its key from an offset, and begins anew with start()", () => {
    const shifted = new Uint8Array(20);
    shifted.set(KEY, 4);
    const hash = new SipHash(shifted, 4);
    hash.start().word(1).word(2).finish();
    expect(hash.start().finish()).toBe(0xdd0e_0e31);
  });

  it("signed and unsigned words are the same", () => {
    const hash = new SipHash(KEY);
    expect(hash.start().word(-1).finish()).toBe(hash.start().word(0xffff_ffff).finish());
  });
});
