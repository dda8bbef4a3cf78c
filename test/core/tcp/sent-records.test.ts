// Records of what was sent, against a recount after every step.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecordPool, type SentRecord, SentRecords } from "../../../src/core/tcp/sent-records.ts";

function all(records: SentRecords): SentRecord[] {
  const list: SentRecord[] = [];
  const { first } = records;
  if (first === null) return list;
  for (let index = records.indexOf(first.start); ; index++) {
    const record = records.at(index);
    if (record === null) return list;
    list.push(record);
  }
}

function bySending(records: SentRecords): SentRecord[] {
  const list: SentRecord[] = [];
  for (let record = records.oldest; record !== null; record = record.newer) list.push(record);
  return list;
}

/** The sums are what a recount gives; the order of sending holds exactly what is in flight. */
function recount(records: SentRecords): void {
  const list = all(records);
  const sum = (of: (record: SentRecord) => boolean): number =>
    list.filter(of).reduce((total, record) => total + record.length, 0);
  expect(records.count).toBe(list.length);
  expect(records.inFlight).toBe(sum((record) => !record.lost && !record.sacked));
  expect(records.lostBytes).toBe(sum((record) => record.lost));
  expect(records.sackedBytes).toBe(sum((record) => record.sacked));
  expect(records.sackedCount).toBe(list.filter((record) => record.sacked).length);
  expect(records.resentBytes).toBe(
    sum((record) => !record.lost && !record.sacked && record.retransmissions > 0),
  );
  expect(records.outstanding).toBe(sum(() => true));
  for (let index = 1; index < list.length; index++) expect(list[index].start).toBe(list[index - 1].end);
  for (const record of list) {
    expect(record.lost && record.sacked).toBe(false);
    expect(record.length).toBeGreaterThan(0);
  }
  const order = bySending(records);
  expect(new Set(order)).toEqual(new Set(list.filter((record) => !record.lost && !record.sacked)));
  expect(order.length).toBe(new Set(order).size);
  for (let index = 1; index < order.length; index++) {
    expect(order[index].sentAt).toBeGreaterThanOrEqual(order[index - 1].sentAt);
    expect(order[index].older).toBe(order[index - 1]);
  }
  expect(records.newest).toBe(order[order.length - 1] ?? null);
  expect(records.nextLost()).toBe(list.find((record) => record.lost) ?? null);
}

function three(): SentRecords {
  const records = new SentRecords(new RecordPool());
  for (let index = 0; index < 3; index++) records.push(index * 100, index * 100 + 100, false, index, 1);
  return records;
}

describe("SentRecords", () => {
  it("pops what an ACK covers, and trims what it covers in part", () => {
    const records = three();
    expect(records.popAcknowledged(150)?.start).toBe(0);
    expect(records.popAcknowledged(150)).toBeNull();
    records.trimFirst(150);
    expect(records.first).toMatchObject({ start: 150, end: 200 });
    recount(records);
  });

  it("finds a record by any offset in it", () => {
    const records = three();
    for (const [offset, start] of [
      [0, 0],
      [99, 0],
      [100, 100],
      [299, 200],
    ])
      expect(records.at(records.indexOf(offset))?.start).toBe(start);
  });

  it("a lost record goes again and is then the latest sent", () => {
    const records = three();
    records.markRecordLost(all(records)[0]);
    recount(records);
    const lost = records.nextLost() as SentRecord;
    records.resent(lost, 10, 2);
    expect(records.newest).toBe(lost);
    expect(lost).toMatchObject({ retransmissions: 1, sentAt: 10, linkId: 2, lost: false });
    recount(records);
  });

  it("a split record keeps what it was, and FIN stays with its end", () => {
    const records = new SentRecords(new RecordPool());
    const record = records.push(0, 101, true, 5, 3);
    records.markRecordLost(record);
    records.split(record, 40);
    const [head, tail] = all(records);
    expect(head).toMatchObject({ start: 0, end: 40, fin: false, lost: true });
    expect(tail).toMatchObject({ start: 40, end: 101, fin: true, lost: true, sentAt: 5, linkId: 3 });
    recount(records);
  });

  it("only what left on a link is lost with it", () => {
    const records = new SentRecords(new RecordPool());
    for (let index = 0; index < 6; index++) records.push(index, index + 1, false, index, index % 2);
    expect(records.markLinkLost(1)).toBe(true);
    expect(all(records).map((record) => record.lost)).toEqual([false, true, false, true, false, true]);
    expect(records.markLinkLost(1)).toBe(false);
    expect(records.markLinkLost(9)).toBe(false);
    recount(records);
  });

  it("what left before a moment is lost on all links", () => {
    const records = new SentRecords(new RecordPool());
    for (let index = 0; index < 6; index++) records.push(index, index + 1, false, index, index % 2);
    expect(records.markLostBefore(3)).toBe(true);
    expect(all(records).map((record) => record.lost)).toEqual([true, true, true, true, false, false]);
    expect(records.markLostBefore(3)).toBe(false);
    recount(records);
  });

  it("reneged(): what was SACKed is lost, the rest as it was (RFC 2018 §8)", () => {
    const records = three();
    records.markSacked(all(records)[0]);
    records.markSacked(all(records)[2]);
    records.reneged();
    expect(all(records).map((record) => record.lost)).toEqual([true, false, true]);
    recount(records);
  });

  it("clear() forgets all; records are used again without their past", () => {
    const pool = new RecordPool();
    const records = new SentRecords(pool);
    const record = records.push(0, 10, true, 1, 7);
    records.markSacked(record);
    records.clear();
    recount(records);
    const again = records.push(50, 60, false, 2, 8);
    expect(again).toMatchObject({
      sacked: false,
      lost: false,
      fin: false,
      retransmissions: 0,
      older: null,
      newer: null,
    });
    recount(records);
  });

  it("its sums equal a recount after whatever is done", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    const operation = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant("push" as const), size: fc.integer({ min: 1, max: 50 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("sack" as const), at: share, many: fc.nat(4) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("lose" as const), at: share }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("resend" as const), cut: share }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("acknowledge" as const), at: share }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("loseAll" as const),
          before: fc.option(fc.nat(10), { nil: null }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("restore" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("probe" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("loseLink" as const), link: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("loseBefore" as const), age: fc.nat(9) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("loseLarge" as const), size: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("renege" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 50 }), (operations) => {
        const records = new SentRecords(new RecordPool());
        let now = 0;
        let end = 0;
        const pick = (at: number): SentRecord | undefined => {
          const list = all(records);
          return list[Math.floor(at * list.length)];
        };
        for (const step of operations) {
          now++;
          switch (step.kind) {
            case "push":
              records.push(end, end + step.size, false, now, now % 3);
              end += step.size;
              break;
            case "sack": {
              const list = all(records);
              const from = Math.floor(step.at * list.length);
              for (const record of list.slice(from, from + step.many))
                if (!record.sacked) records.markSacked(record);
              break;
            }
            case "lose": {
              const record = pick(step.at);
              if (record !== undefined) records.markRecordLost(record);
              break;
            }
            case "resend": {
              const lost = records.nextLost();
              if (lost === null) break;
              const size = 1 + Math.floor(step.cut * lost.length);
              if (size < lost.length) records.split(lost, lost.start + size);
              records.resent(lost, now, now % 3);
              break;
            }
            case "acknowledge": {
              const { first } = records;
              if (first === null) break;
              const ack = first.start + Math.floor(step.at * (end - first.start + 1));
              for (
                let record = records.popAcknowledged(ack);
                record !== null;
                record = records.popAcknowledged(ack)
              )
                records.recycle(record);
              records.trimFirst(ack);
              break;
            }
            case "loseAll":
              records.markAllLost(step.before === null ? undefined : now - step.before);
              break;
            case "restore":
              records.restoreLost();
              expect(records.lostBytes).toBe(0);
              break;
            case "probe": {
              const { last } = records;
              if (last !== null && !last.sacked) records.resent(last, now, now % 3);
              break;
            }
            case "loseLink":
              records.markLinkLost(step.link);
              break;
            case "loseBefore":
              records.markLostBefore(now - step.age);
              break;
            case "loseLarge":
              records.markLargerLost(step.size);
              break;
            case "renege":
              records.reneged();
              break;
            case "clear":
              records.clear();
              break;
          }
          recount(records);
        }
      }),
      { numRuns: 150 },
    );
  });
});
