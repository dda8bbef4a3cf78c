// Initial sequence numbers, RFC 6528: a clock of 4 us and a hash of the four-tuple; the timestamp's start, RFC 7323 §7.1.

import { describe, expect, it } from "vitest";
import { initialSequence, TimestampOffsets } from "../../../src/core/tcp/isn.ts";
import { SipHash } from "../../../src/core/tcp/siphash.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";

const address = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;
const local = address("10.0.0.1");
const remote = address("10.0.0.2");
const hash = (fill = 1): SipHash => new SipHash(new Uint8Array(16).fill(fill));
const isn = (now: number, key = 1, to = remote, port = 80): number =>
  initialSequence(hash(key), now, local, 5000, to, port);

describe("initialSequence()", () => {
  it("moves by one in 4 us, so that it comes round in 4.8 hours", () => {
    expect((isn(4_000_000) - isn(0)) >>> 0).toBe(1_000_000);
    expect(isn(4 * 2 ** 32)).toBe(isn(0));
    expect(isn(3)).toBe(isn(0));
  });

  it("is an unsigned number of 32 bits at any time", () => {
    for (const now of [0, 1e9, 1e13, 9e15]) {
      const value = isn(now);
      expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true);
    }
  });

  it("differs by key, address and port", () => {
    const values = [isn(0), isn(0, 2), isn(0, 1, address("10.0.0.3")), isn(0, 1, remote, 81)];
    expect(new Set(values).size).toBe(4);
  });

  it("is spread over all numbers", () => {
    const buckets = new Array<number>(16).fill(0);
    for (let port = 0; port < 1600; port++) buckets[isn(0, 1, remote, port) >>> 28]++;
    for (const count of buckets) expect(count).toBeGreaterThan(50);
  });
});

describe("TimestampOffsets", () => {
  it("is one for a pair of hosts, whatever the ports (so that RFC 6191 works), and differs between pairs", () => {
    const other = address("10.0.0.3");
    const offsets = new TimestampOffsets(hash());
    const offset = offsets.of(local, remote);
    expect(offsets.of(local, remote)).toBe(offset);
    expect(offsets.of(local, other)).not.toBe(offset);
    expect(offsets.of(other, remote)).not.toBe(offset);
    expect(offsets.of(address("10.0.0.1"), address("10.0.0.2"))).toBe(offset);
    expect(new TimestampOffsets(hash(9)).of(local, remote)).not.toBe(offset);
  });
});
