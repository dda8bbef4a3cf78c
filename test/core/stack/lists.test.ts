// The lists that connections stand on, and the bounded queue of stray packets.

import { describe, expect, it } from "vitest";
import { ChangedList, ReadyList } from "../../../src/core/stack/connection-lists.ts";
import type { Route } from "../../../src/core/stack/index.ts";
import { StrayPackets } from "../../../src/core/stack/stray-packets.ts";
import type { Connection } from "../../../src/core/tcp/connection.ts";

function connection(name: string): Connection {
  return {
    name,
    isReady: false,
    nextReady: null,
    isChanged: false,
    nextChanged: null,
  } as unknown as Connection;
}

for (const [name, make] of [
  ["ReadyList", () => new ReadyList()],
  ["ChangedList", () => new ChangedList()],
] as const) {
  describe(name, () => {
    it("is first in, first out, and holds a connection once", () => {
      const list = make();
      const [a, b, c] = ["a", "b", "c"].map(connection);
      for (const one of [a, b, a, c, b]) list.push(one);
      expect([list.take(), list.take()]).toEqual([a, b]);
      list.push(a);
      expect([list.take(), list.take(), list.take()]).toEqual([c, a, null]);
      list.push(b);
      expect([list.take(), list.take()]).toEqual([b, null]);
    });
  });
}

describe("StrayPackets", () => {
  it("is first in, first out; when it is full the newest gives way", () => {
    const strays = new StrayPackets(2);
    const route = {} as Route;
    const packets = [1, 2, 3].map((byte) => Uint8Array.of(byte));
    expect(packets.map((bytes) => strays.push(bytes, route))).toEqual([true, true, false]);
    expect(strays.take()?.bytes[0]).toBe(1);
    expect(strays.push(packets[2], route)).toBe(true);
    expect([strays.take()?.bytes[0], strays.take()?.bytes[0], strays.take()]).toEqual([2, 3, null]);
  });
});
