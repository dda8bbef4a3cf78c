import { describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../../src/core/link/index.ts";

describe("systemClock", () => {
  it("never runs a task before its time", async () => {
    const at = systemClock.now() + 5_000;
    await new Promise<void>((resolve) => systemClock.schedule(at, resolve));
    expect(systemClock.now()).toBeGreaterThanOrEqual(at);
  });

  it("forgets a cancelled task, and takes a second cancel", async () => {
    let ran = false;
    const handle = systemClock.schedule(systemClock.now() + 1_000, () => {
      ran = true;
    });
    systemClock.cancel(handle);
    systemClock.cancel(handle);
    await new Promise<void>((resolve) => systemClock.schedule(systemClock.now() + 10_000, resolve));
    expect(ran).toBe(false);
  });

  it("takes times beyond what setTimeout can wait for", async () => {
    let ran = false;
    const handle = systemClock.schedule(systemClock.now() + 2_600_000_000_000, () => {
      ran = true;
    });
    await new Promise<void>((resolve) => systemClock.schedule(systemClock.now() + 5_000, resolve));
    expect(ran).toBe(false);
    systemClock.unref?.(handle);
    systemClock.ref?.(handle);
    systemClock.cancel(handle);
  });

  it("runs deferred tasks in order, after the microtasks of the turn", async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      systemClock.defer(() => order.push("first"));
      systemClock.defer(() => {
        order.push("second");
        resolve();
      });
      void Promise.resolve().then(() => order.push("microtask"));
    });
    expect(order).toEqual(["microtask", "first", "second"]);
  });
});

describe("systemRandom", () => {
  it("fills more than getRandomValues takes at once", () => {
    const bytes = new Uint8Array(200_000);
    systemRandom(bytes);
    for (let at = 0; at < bytes.length; at += 50_000) {
      expect(bytes.subarray(at, at + 64).some((byte) => byte !== 0)).toBe(true);
    }
  });
});
