// The small tables of a tunnel: handles by name.
import { describe, expect, test } from "vitest";
import { networkAddresses } from "../../src/tunnel/addresses.ts";
import { HandleTable } from "../../src/tunnel/handles.ts";

describe("Handles", () => {
  const { handles } = networkAddresses("example");

  test("stand for one name each, told once, until the least recently used is needed again", () => {
    const table = new HandleTable(handles, 2);
    const a = table.take("a");
    const b = table.take("b");
    expect([a.isNew, b.isNew]).toEqual([true, true]);
    expect(table.take("a")).toEqual({ handle: a.handle, isNew: false });
    const c = table.take("c");
    expect(c.isNew).toBe(true);
    expect(c.handle.equals(b.handle)).toBe(true);
    expect(table.take("b").handle.equals(a.handle)).toBe(true);
  });

  test("whose binding was refused are told again, and stay within the limit", () => {
    const table = new HandleTable(handles, 3);
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const name = `name-${i % 5}`;
      const { handle, isNew } = table.take(name);
      expect(isNew).toBe(true);
      seen.add(`${handle}`);
      table.forget(name);
    }
    expect(seen.size).toBeLessThanOrEqual(3);
  });
});
