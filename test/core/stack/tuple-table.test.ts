// The table of four-tuples against a map of text; both families; one bucket is not to be aimed at.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type TupleEntry, TupleTable } from "../../../src/core/stack/tuple-table.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { Packet } from "../../../src/core/wire/packet.ts";

class Entry implements TupleEntry {
  nextInBucket: TupleEntry | null = null;
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;

  constructor(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number) {
    this.local = local;
    this.localPort = localPort;
    this.remote = remote;
    this.remotePort = remotePort;
  }
}

/** The packet that the remote end of a tuple sends. */
function from(entry: Entry): Packet {
  const packet = new Packet();
  packet.version = entry.remote.family;
  [packet.sourceW0, packet.sourceW1, packet.sourceW2, packet.sourceW3] = words(entry.remote);
  [packet.destinationW0, packet.destinationW1, packet.destinationW2, packet.destinationW3] = words(
    entry.local,
  );
  packet.tcp.sourcePort = entry.remotePort;
  packet.tcp.destinationPort = entry.localPort;
  return packet;
}

function words(address: IpAddress): [number, number, number, number] {
  return [address.w0, address.w1, address.w2, address.w3];
}

const v6 = (w0: number, w1: number, w2: number, w3: number): IpAddress =>
  IpAddress.fromWords(6, w0, w1, w2, w3);
const here = IpAddress.parse("fd00::1") as IpAddress;

describe("TupleTable", () => {
  it("tells all four parts and the family apart", () => {
    const table = new TupleTable(1);
    const four = IpAddress.fromWords(4, 0, 0, 0, 5);
    const six = v6(0, 0, 0, 5);
    const entries = [
      new Entry(four, 1, four, 2),
      new Entry(four, 2, four, 1),
      new Entry(six, 1, six, 2),
      new Entry(four, 1, IpAddress.fromWords(4, 0, 0, 0, 6), 2),
      new Entry(IpAddress.fromWords(4, 0, 0, 0, 6), 1, four, 2),
      new Entry(six, 1, v6(1, 0, 0, 5), 2),
      new Entry(v6(1, 0, 0, 5), 1, six, 2),
    ];
    for (const entry of entries) table.add(entry);
    for (const entry of entries) {
      expect(table.find(from(entry))).toBe(entry);
      expect(table.get(entry.local, entry.localPort, entry.remote, entry.remotePort)).toBe(entry);
    }
    expect([...table].length).toBe(entries.length);
  });

  it("does not find what was taken out, though it was the last one asked for", () => {
    const table = new TupleTable(1);
    const entry = new Entry(here, 1, v6(1, 2, 3, 4), 5);
    table.add(entry);
    expect(table.find(from(entry))).toBe(entry);
    table.remove(entry);
    expect(table.find(from(entry))).toBeNull();
    table.remove(entry);
    expect(table.size).toBe(0);
  });

  it("agrees with a map, whatever is added and removed", () => {
    const small = fc.nat(2);
    const tuple = fc.tuple(fc.boolean(), small, small, small, small);
    const operation = fc.record({ add: fc.boolean(), tuple });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), fc.integer(), (operations, seed) => {
        const table = new TupleTable(seed);
        const model = new Map<string, Entry>();
        for (const { add, tuple: parts } of operations) {
          const [isSix, a, b, c, d] = parts;
          const key = parts.join();
          const address = (value: number): IpAddress =>
            isSix ? v6(value, 0, 0, value) : IpAddress.fromWords(4, 0, 0, 0, value);
          if (add && !model.has(key)) {
            const entry = new Entry(address(a), b, address(c), d);
            table.add(entry);
            model.set(key, entry);
          } else if (!add) {
            const entry = model.get(key);
            if (entry !== undefined) table.remove(entry);
            model.delete(key);
          }
          expect(table.size).toBe(model.size);
          expect(new Set(table)).toEqual(new Set(model.values()));
          for (const entry of model.values()) expect(table.find(from(entry))).toBe(entry);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("spreads tuples that differ in one part only, an IPv6 prefix too: nobody can aim at a bucket", () => {
    const vary: ((index: number) => Entry)[] = [
      (index) => new Entry(here, 80, v6(index, 0, 0, 1), 5000),
      (index) => new Entry(here, 80, v6(0x2001_0db8, index << 16, 0, 1), 5000),
      (index) => new Entry(here, 80, v6(1, 2, index, 4), 5000),
      (index) => new Entry(here, 80, v6(1, 2, 3, index), 5000),
      (index) => new Entry(here, 80, v6(1, 2, 3, 4), index),
      (index) => new Entry(here, index, v6(1, 2, 3, 4), 5000),
    ];
    for (const [part, make] of vary.entries()) {
      const table = new TupleTable(12_345);
      for (let index = 0; index < 2000; index++) table.add(make(index));
      let longest = 0;
      for (const entry of table) {
        let length = 0;
        for (let at: TupleEntry | null = entry; at !== null; at = at.nextInBucket) length++;
        longest = Math.max(longest, length);
      }
      // Two thousand thrown at random into as many buckets: one holds six or seven.
      expect([part, longest <= 8]).toEqual([part, true]);
    }
  });
});
