// Ephemeral ports, RFC 6056 §3.3.3 (algorithm 3).

import { describe, expect, it } from "vitest";
import { EphemeralPorts } from "../../../src/core/stack/ports.ts";
import { SipHash } from "../../../src/core/tcp/siphash.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";

const local = IpAddress.parse("10.0.0.1") as IpAddress;
const remote = IpAddress.parse("10.0.0.2") as IpAddress;
const ports = (key: number, range: [number, number] = [49_152, 65_535]): EphemeralPorts =>
  new EphemeralPorts(range, new SipHash(new Uint8Array(16).fill(key)));

describe("EphemeralPorts", () => {
  it("stays in its range, both ends included", () => {
    const some = ports(1, [5000, 5003]);
    const seen = new Set<number>();
    for (let count = 0; count < 20; count++) seen.add(some.choose(local, remote, 80, () => true));
    expect([...seen].sort()).toEqual([5000, 5001, 5002, 5003]);
  });

  it("does not come back to a port before it has been through all", () => {
    const some = ports(1);
    const seen = new Set<number>();
    for (let count = 0; count < 16_384; count++) seen.add(some.choose(local, remote, 80, () => true));
    expect(seen.size).toBe(16_384);
  });

  it("skips what is not free, and says 0 when nothing is", () => {
    const some = ports(1, [5000, 5009]);
    expect(some.choose(local, remote, 80, (port) => port === 5007)).toBe(5007);
    expect(some.choose(local, remote, 80, () => false)).toBe(0);
  });

  it("begins elsewhere for each destination and each key", () => {
    const starts = new Set<number>();
    for (let port = 1; port <= 20; port++) starts.add(ports(1).choose(local, remote, port, () => true));
    for (let key = 2; key <= 20; key++) starts.add(ports(key).choose(local, remote, 1, () => true));
    expect(starts.size).toBeGreaterThan(35);
  });

  it("gives each destination its own sequence, whichever was asked for before", () => {
    const others = [IpAddress.parse("10.0.0.3") as IpAddress, IpAddress.parse("fd00::2") as IpAddress, null];
    const destinations = [
      [remote, 80] as const,
      [remote, 81] as const,
      ...others.map((to) => [to, 80] as const),
    ];
    const some = ports(1, [1, 60_000]);
    const from = [local, IpAddress.parse("10.0.0.9") as IpAddress];
    const offsets = new Map<string, number>();
    for (let step = 0; step < 100; step++) {
      const [to, port] = destinations[(step * 7) % destinations.length];
      const source = from[step % 2];
      const offset = (some.choose(source, to, port, () => true) - step + 60_000) % 60_000;
      const name = `${source} ${to} ${port}`;
      expect(offsets.get(name) ?? offset, name).toBe(offset);
      offsets.set(name, offset);
    }
    expect(new Set(offsets.values()).size).toBe(10);
  });

  it("chooses without a destination too, for a listener", () => {
    expect(ports(1).choose(local, null, 0, () => true)).toBeGreaterThanOrEqual(49_152);
  });
});
