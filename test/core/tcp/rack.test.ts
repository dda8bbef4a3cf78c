// RACK alone, RFC 8985 §6.2: records sent and delivered by hand.

import { describe, expect, it } from "vitest";
import { Rack } from "../../../src/core/tcp/rack.ts";
import { RecordPool, type SentRecord, SentRecords } from "../../../src/core/tcp/sent-records.ts";

const MS = 1000;

function sent(count: number, gap = 0): { rack: Rack; records: SentRecords; list: SentRecord[] } {
  const records = new SentRecords(new RecordPool());
  const list: SentRecord[] = [];
  for (let index = 0; index < count; index++)
    list.push(records.push(index * 10, index * 10 + 10, false, index * gap, 1));
  return { rack: new Rack(1000, "adaptive"), records, list };
}

function deliver(rack: Rack, records: SentRecords, record: SentRecord, now: number): void {
  rack.delivered(record, now, false, false);
  records.markSacked(record);
}

describe("Rack", () => {
  it("judges nothing before anything was delivered", () => {
    const { rack, records } = sent(5);
    expect(rack.detect(records, 1e9, 100 * MS, false)).toBe(0);
    expect(records.lostBytes).toBe(0);
  });

  it("waits a quarter of the least round trip, and a tick of the clock", () => {
    const { rack, records, list } = sent(2, MS);
    deliver(rack, records, list[1], 101 * MS);
    // The first left 1 ms earlier: round trip 100, window 25 + 1.
    expect(rack.detect(records, 101 * MS, 100 * MS, false)).toBe(25 * MS);
    expect(records.lostBytes).toBe(0);
    expect(rack.detect(records, 126 * MS, 100 * MS, false)).toBe(0);
    expect(list[0].lost).toBe(true);
  });

  it("waits for nothing once three were delivered behind it, or in recovery, while no reordering was seen", () => {
    for (const recovering of [false, true]) {
      const { rack, records, list } = sent(5, MS);
      const delivered = recovering ? [list[4]] : list.slice(2);
      for (const record of delivered) deliver(rack, records, record, 104 * MS);
      rack.detect(records, 104 * MS, 100 * MS, recovering);
      expect(list[0].lost).toBe(true);
    }
  });

  it("once reordering was seen, it always waits (RFC 8985 §6.2 step 4)", () => {
    const { rack, records, list } = sent(8, MS);
    for (const index of [3, 1]) deliver(rack, records, list[index], 103 * MS);
    expect(rack.reorderings).toBe(1);
    for (const index of [4, 5, 6, 7]) deliver(rack, records, list[index], 107 * MS);
    expect(rack.detect(records, 107 * MS, 100 * MS, true)).toBeGreaterThan(0);
    expect(records.lostBytes).toBe(0);
  });

  it("a resent record delivered early gives no round trip, and had been overtaken (RFC 8985 §6.2 step 2)", () => {
    const { rack, records, list } = sent(3, MS);
    deliver(rack, records, list[2], 102 * MS);
    records.markRecordLost(list[0]);
    records.resent(list[0], 110 * MS, 1);
    // Three milliseconds later: the answer is to the first sending.
    deliver(rack, records, list[0], 113 * MS);
    expect([rack.rtt, rack.minRtt.value]).toEqual([100 * MS, 100 * MS]);
    // It was late: of what later ones overtook, that is.
    expect(rack.reorderings).toBe(1);
  });

  it("records sent after the latest delivered are never judged", () => {
    const { rack, records, list } = sent(6, MS);
    deliver(rack, records, list[2], 102 * MS);
    rack.detect(records, 500 * MS, 100 * MS, true);
    expect(list.map((record) => record.lost)).toEqual([true, true, false, false, false, false]);
  });

  it("of records sent in one burst the order of the stream decides", () => {
    const { rack, records, list } = sent(4, 0);
    deliver(rack, records, list[2], 100 * MS);
    rack.detect(records, 500 * MS, 100 * MS, true);
    expect(list.map((record) => record.lost)).toEqual([true, true, false, false]);
  });

  it("a coarse clock does not make of one tick a loss", () => {
    const { rack, records, list } = sent(2, 0);
    rack.delivered(list[1], 0, false, false);
    records.markSacked(list[1]);
    // Round trip zero: both events in one tick.
    expect(rack.detect(records, 0, 1, false)).toBe(1 * MS);
    expect(list[0].lost).toBe(false);
  });

  it("the window is never wider than the smoothed round trip", () => {
    const { rack, records, list } = sent(2, MS);
    deliver(rack, records, list[1], 101 * MS);
    expect(rack.reorderingWindow(records, 10 * MS, false)).toBe(10 * MS);
  });

  it("widens its window once in a round trip with DSACKs, up to the smoothed round trip (RFC 8985 §6.2 step 4)", () => {
    const { rack, records, list } = sent(4, MS);
    for (const index of [3, 1]) deliver(rack, records, list[index], 103 * MS);
    const quarter = 25 * MS;
    expect(rack.reorderingWindow(records, 1000 * MS, true)).toBe(quarter + MS);
    rack.duplicateSeen(0, 40);
    rack.duplicateSeen(0, 40);
    rack.duplicateSeen(39, 50);
    expect(rack.reorderingWindow(records, 1000 * MS, true)).toBe(2 * quarter + MS);
    rack.duplicateSeen(40, 60);
    expect(rack.reorderingWindow(records, 1000 * MS, true)).toBe(3 * quarter + MS);
    expect(rack.reorderingWindow(records, 60 * MS, true)).toBe(60 * MS);
  });

  it("forgets what DSACKs told after sixteen recoveries without one (RFC 8985 §6.2 step 4)", () => {
    const { rack, records, list } = sent(4, MS);
    for (const index of [3, 1]) deliver(rack, records, list[index], 103 * MS);
    rack.duplicateSeen(0, 40);
    for (let recovery = 0; recovery < 15; recovery++) rack.recovered();
    expect(rack.reorderingWindow(records, 1000 * MS, true)).toBe(51 * MS);
    rack.duplicateSeen(40, 60);
    for (let recovery = 0; recovery < 15; recovery++) rack.recovered();
    expect(rack.reorderingWindow(records, 1000 * MS, true)).toBe(76 * MS);
    rack.recovered();
    expect(rack.reorderingWindow(records, 1000 * MS, true)).toBe(26 * MS);
  });

  it("may be told to keep to a quarter, or to wait for nothing", () => {
    for (const [mode, window] of [
      ["fixed", 26 * MS],
      ["none", 0],
    ] as const) {
      const { records, list } = sent(4, MS);
      const rack = new Rack(1000, mode);
      for (const index of [3, 1]) deliver(rack, records, list[index], 103 * MS);
      rack.duplicateSeen(0, 40);
      expect(rack.reorderingWindow(records, 1000 * MS, false)).toBe(window);
    }
  });

  it("with a finer clock waits a finer tick", () => {
    const { records, list } = sent(2, MS);
    const rack = new Rack(1, "adaptive");
    deliver(rack, records, list[1], 101 * MS);
    expect(rack.detect(records, 101 * MS, 100 * MS, false)).toBe(24 * MS + 1);
  });
});
