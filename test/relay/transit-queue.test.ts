import { describe, expect, test } from "vitest";
import type { Bytes } from "../../src/core/wire/bytes.ts";
import { Outlet } from "../../src/relay/transit-queue.ts";

const counters = (): { peerDropped: number; peerMarked: number } => ({ peerDropped: 0, peerMarked: 0 });

/** A packet of this many bytes whose third byte says which it is. */
function packet(size: number, id: number, ecn = 0): Bytes {
  const bytes = new Uint8Array(size);
  bytes.set([0x60, ecn << 4, id]);
  return bytes;
}

/** Takes everything out of a queue, and gives the ids in order. */
function drain(queue: ReturnType<Outlet<string>["add"]>, now = 0, most = 1_000): number[] {
  const out = new Uint8Array(70_000);
  const ids: number[] = [];
  for (let i = 0; i < most; i++) {
    const length = queue.transmit(now, out, 7, 60_000, 1, 65_535);
    if (length === 0) break;
    expect(length).toBeGreaterThan(0);
    ids.push(out[9]);
  }
  return ids;
}

describe("What waits in the switch", () => {
  test("leaves in order, flow by flow in turns", () => {
    const outlet = new Outlet<string>(1 << 20, () => 0, counters());
    const send = (flow: number, id: number, size = 9_000): ReturnType<typeof outlet.add> =>
      outlet.add(0, "a", flow, packet(size, id), 0, size);
    for (const id of [1, 2, 3, 4]) send(1, id);
    const queue = send(2, 10);
    send(2, 11);
    expect(drain(queue)).toEqual([1, 10, 2, 11, 3, 4]);
    expect([outlet.bytes, outlet.pinned]).toEqual([0, 0]);
  });

  test("gives small packets as many bytes as large ones", () => {
    const outlet = new Outlet<string>(1 << 20, () => 0, counters());
    for (let i = 0; i < 90; i++) outlet.add(0, "a", 1, packet(1_000, 1), 0, 1_000);
    const queue = outlet.add(0, "a", 2, packet(9_000, 2), 0, 9_000);
    for (let i = 0; i < 9; i++) outlet.add(0, "a", 2, packet(9_000, 2), 0, 9_000);
    const first = drain(queue, 0, 50);
    const [small, large] = [first.filter((id) => id === 1).length, first.filter((id) => id === 2).length];
    expect(Math.abs(small * 1_000 - large * 9_000)).toBeLessThanOrEqual(9_000);
  });

  test("does not fit: nothing changes", () => {
    const outlet = new Outlet<string>(1 << 20, () => 0, counters());
    const queue = outlet.add(0, "a", 1, packet(500, 1), 0, 500);
    const out = new Uint8Array(600);
    expect(queue.transmit(0, out, 0, 499, 1, 65_535)).toBe(-1);
    expect(queue.transmit(0, out, 0, 500, 1, 65_535)).toBe(500);
    expect(queue.transmit(0, out, 0, 500, 1, 65_535)).toBe(0);
  });

  test("is bounded by bytes: the oldest packet of who has most is dropped", () => {
    const count = counters();
    const outlet = new Outlet<string>(200_000, () => 0, count);
    const light = outlet.add(0, "light", 1, packet(1_000, 99), 0, 1_000);
    let heavy = light;
    for (let i = 0; i < 50; i++) heavy = outlet.add(0, "heavy", 1, packet(9_000, i), 0, 9_000);
    expect(outlet.bytes).toBeLessThanOrEqual(200_000);
    expect(count.peerDropped).toBe(50 - 22);
    expect(drain(light)).toEqual([99]);
    expect(drain(heavy)).toEqual(Array.from({ length: 22 }, (_, index) => 28 + index));
  });

  test("is bounded by 100 ms of the link's rate, but lets a burst be", () => {
    const count = counters();
    const outlet = new Outlet<string>(4 << 20, () => 2_000_000, count);
    for (let i = 0; i < 50; i++) outlet.add(0, "a", 1, packet(9_000, i), 0, 9_000);
    expect(outlet.bytes).toBeLessThanOrEqual(200_000);
    const slow = new Outlet<string>(4 << 20, () => 1_000, count);
    for (let i = 0; i < 10; i++) slow.add(0, "a", 1, packet(9_000, i), 0, 9_000);
    expect(slow.bytes).toBe(90_000);
  });

  test.each([
    [0b00, 5_001, 0b00],
    [0b01, 5_001, 0b11],
    [0b10, 5_001, 0b11],
    [0b11, 5_001, 0b11],
    [0b10, 5_000, 0b10],
  ])("with ECN %i after %i microseconds leaves with ECN %i", (ecn, stayed, expected) => {
    const count = counters();
    const outlet = new Outlet<string>(1 << 20, () => 0, count);
    const original = packet(100, 1, ecn);
    const queue = outlet.add(1_000, "a", 1, original, 0, 100);
    const out = new Uint8Array(100);
    queue.transmit(1_000 + stayed, out, 0, 100, 1, 65_535);
    expect((out[1] >>> 4) & 3).toBe(expected);
    expect(original[1]).toBe(ecn << 4);
    expect(count.peerMarked).toBe(expected === ecn ? 0 : 1);
  });

  test("keeps no more memory alive than four times its bound, however small the packets", () => {
    const outlet = new Outlet<string>(131_072, () => 0, counters());
    for (let i = 0; i < 100; i++) {
      // One small packet out of each large message.
      const message = new Uint8Array(131_072);
      message.set([0x60, 0, i], 1_000);
      outlet.add(0, "a", 1, message, 1_000, 1_100);
    }
    expect(outlet.pinned).toBeLessThanOrEqual(4 * 131_072 + 100 * 100);
    expect(outlet.bytes).toBe(10_000);
  });

  test("a message is charged once however many of its packets wait", () => {
    const outlet = new Outlet<string>(1 << 20, () => 0, counters());
    const message = new Uint8Array(20_000);
    let queue = outlet.add(0, "a", 1, message, 0, 100);
    for (let at = 100; at < 20_000; at += 100) queue = outlet.add(0, "a", at % 3, message, at, at + 100);
    expect(outlet.pinned).toBe(20_000);
    drain(queue);
    expect(outlet.pinned).toBe(0);
  });

  test("is forgotten with the session that sent it", () => {
    const outlet = new Outlet<string>(1 << 20, () => 0, counters());
    const gone = outlet.add(0, "gone", 1, packet(100, 1), 0, 100);
    const stays = outlet.add(0, "stays", 1, packet(100, 2), 0, 100);
    outlet.remove("gone");
    expect(drain(gone)).toEqual([]);
    expect(drain(stays)).toEqual([2]);
    expect(outlet.bytes).toBe(0);
  });
});
