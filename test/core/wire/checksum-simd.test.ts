import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { wordSumBySimd } from "../../../src/core/wire/checksum-simd.ts";

interface Wabt {
  parseWat(
    name: string,
    text: string,
    features: object,
  ): { toBinary(options: object): { buffer: Uint8Array } };
}

const source = fileURLToPath(new URL("../../../src/core/wire/checksum-simd.wat", import.meta.url));
const require = createRequire(new URL("../../runtimes/package.json", import.meta.url));

afterEach(() => vi.unstubAllGlobals());

describe("wordSumBySimd()", () => {
  it("runs what checksum-simd.wat says", async () => {
    const wabt = await (require("wabt") as () => Promise<Wabt>)();
    const assembled = wabt
      .parseWat("sum", await readFile(source, "utf8"), { simd: true })
      .toBinary({}).buffer;
    let used: Uint8Array | null = null;
    const { Module, Instance } = WebAssembly;
    vi.stubGlobal("WebAssembly", {
      Instance,
      Module: class extends Module {
        constructor(bytes: Uint8Array<ArrayBuffer>) {
          super(bytes);
          used = bytes;
        }
      },
    });
    expect(wordSumBySimd()).not.toBeNull();
    expect(used).toEqual(new Uint8Array(assembled));
  });

  it("sums little-endian words whatever was summed before", () => {
    const sum = wordSumBySimd();
    expect(sum?.(new Uint8Array(65_536).fill(0xff))).toBe(32_768 * 0xffff);
    expect(sum?.(Uint8Array.of(1, 2, 3))).toBe(0x0201 + 3);
    expect(sum?.(new Uint8Array(0))).toBe(0);
  });

  it("is null where there is no WebAssembly, and where a policy forbids to compile", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(wordSumBySimd()).toBeNull();
    vi.stubGlobal("WebAssembly", {
      Module: class {
        constructor() {
          throw new Error("Refused to compile WebAssembly");
        }
      },
    });
    expect(wordSumBySimd()).toBeNull();
  });
});
