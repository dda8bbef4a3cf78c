import { afterEach, describe, expect, it, vi } from "vitest";
import { Stack } from "../../../src/core/stack/index.ts";
import { ReceiveSide } from "../../../src/core/tcp/receive-side.ts";
import { SendBuffer } from "../../../src/core/tcp/send-buffer.ts";
import { Timer, Timers } from "../../../src/core/tcp/timers.ts";
import { addToSum } from "../../../src/core/wire/checksum.ts";
import { type Mode, runWorld } from "./world.ts";

// The invariants find faults that are put in on purpose: a check that cannot fail would show here.

afterEach(() => {
  vi.restoreAllMocks();
});

/** What the first failing world says. */
function found(mode: Mode): string {
  for (let seed = 1; seed <= 40; seed++) {
    try {
      runWorld(seed, mode, 250);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return "nothing";
}

describe("The invariants of random worlds find", () => {
  it.each(["retransmit", "persist"] as const)("a %s timer that is never set", (timer) => {
    const set = Timers.prototype.set;
    vi.spyOn(Timers.prototype, "set").mockImplementation(function (this: Timers, which, at) {
      if (which !== Timer[timer]) set.call(this, which, at);
    });
    expect(found("unreliable")).toContain("without a timer");
  });

  it("a window whose right edge moves left", () => {
    const advertise = ReceiveSide.prototype.advertise;
    vi.spyOn(ReceiveSide.prototype, "advertise").mockImplementation(function (this: ReceiveSide, mss) {
      const window = advertise.call(this, mss);
      return this.buffer.length > 0 ? window >> 1 : window;
    });
    expect(found("unreliable")).toContain("the window's edge moved");
  });

  it("a dead link that the stack is told of neither by its end nor by the answers of the others", () => {
    vi.spyOn(Stack.prototype, "linkDied").mockImplementation(() => {});
    vi.spyOn(Stack.prototype, "linksAnswered").mockImplementation(() => {});
    expect(found("reliable")).not.toBe("nothing");
  });

  it("a thaw that wakes nobody", () => {
    vi.spyOn(Stack.prototype, "thaw").mockImplementation((_now, route) => {
      route.frozen = false;
    });
    expect(found("reliable")).not.toBe("nothing");
  });

  it("bytes that are read from the wrong place of the send buffer", () => {
    const copyTo = SendBuffer.prototype.copyTo;
    vi.spyOn(SendBuffer.prototype, "copyTo").mockImplementation(function (
      this: SendBuffer,
      out,
      at,
      offset,
      length,
    ) {
      copyTo.call(this, out, at, offset, length);
      if (offset > 20_000) out[at] ^= 1;
      return addToSum(0, out, at, at + length);
    });
    expect(found("reliable")).toContain("instead of");
  });
});
