// What a TUN device says where it cannot be had: without koffi, which is not beside the sources. The rest needs root and
// is in test/kernel.

import { describe, expect, it } from "vitest";
import { openTun } from "../../../src/adapters/node/index.ts";

describe("openTun()", () => {
  it("says what to do where koffi or Linux is missing: ENOTSUP", async () => {
    const advice = process.platform === "linux" ? /koffi is not installed: npm install koffi/ : /only Linux/;
    await expect(openTun({ name: "ft0" })).rejects.toMatchObject({
      code: "ENOTSUP",
      message: expect.stringMatching(advice),
    });
  });

  it("refuses a name that the system would cut or take for a path", async () => {
    for (const name of ["", "a".repeat(16), "a/b", "a b", "..", "é".repeat(8)]) {
      await expect(openTun({ name })).rejects.toThrow(TypeError);
    }
  });
});
