// The heap of deadlines against a plain list.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeadlineHeap, type HeapItem } from "../../../src/core/stack/deadline-heap.ts";

class Item implements HeapItem {
  heapIndex = -1;
  heapDeadline: number = Number.POSITIVE_INFINITY;
}

describe("DeadlineHeap", () => {
  it("is infinitely far away when empty", () => {
    const heap = new DeadlineHeap<Item>();
    expect([heap.earliest, heap.size, heap.pop()]).toEqual([Number.POSITIVE_INFINITY, 0, null]);
    heap.remove(new Item());
    heap.advance(new Item(), Number.POSITIVE_INFINITY);
    expect(heap.size).toBe(0);
  });

  it("moves an item forward, never back", () => {
    const heap = new DeadlineHeap<Item>();
    const [one, two] = [new Item(), new Item()];
    heap.advance(one, 100);
    heap.advance(two, 50);
    heap.advance(two, 500);
    expect(heap.earliest).toBe(50);
    heap.advance(one, 10);
    expect(heap.earliest).toBe(10);
    expect(heap.pop()).toBe(one);
    expect(heap.pop()).toBe(two);
    // Out of it, an item may have any deadline.
    heap.advance(two, 700);
    expect(heap.earliest).toBe(700);
  });

  it("pops in the order of deadlines, whatever was put in, moved and taken out", () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("advance" as const), item: fc.nat(30), at: fc.nat(1000) }),
      fc.record({ kind: fc.constant("remove" as const), item: fc.nat(30) }),
      fc.record({ kind: fc.constant("pop" as const) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const heap = new DeadlineHeap<Item>();
        const items = Array.from({ length: 31 }, () => new Item());
        const model = new Map<Item, number>();
        for (const step of operations) {
          if (step.kind === "advance") {
            const item = items[step.item];
            heap.advance(item, step.at);
            model.set(item, Math.min(step.at, model.get(item) ?? step.at));
          } else if (step.kind === "remove") {
            heap.remove(items[step.item]);
            model.delete(items[step.item]);
          } else {
            const earliest = Math.min(Number.POSITIVE_INFINITY, ...model.values());
            const item = heap.pop();
            if (item === null) expect(model.size).toBe(0);
            else {
              expect(model.get(item)).toBe(earliest);
              model.delete(item);
              expect(item.heapIndex).toBe(-1);
            }
          }
          expect(heap.size).toBe(model.size);
          expect(heap.earliest).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.values()));
        }
      }),
    );
  });
});
