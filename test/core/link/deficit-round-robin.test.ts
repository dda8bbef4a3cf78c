import { describe, expect, it } from "vitest";
import { FlowRing, RingSet } from "../../../src/core/link/deficit-round-robin.ts";
import { Flow } from "../../../src/core/link/flow.ts";
import { Random } from "../../../src/core/sim/index.ts";

/** A flow with packets of one size. */
class TestFlow extends Flow {
  urgent = false;
  readonly canWait = false;
  readonly backlog = 0;
  packets: number;
  readonly size: number;
  sent = 0;

  constructor(size: number, packets = Number.POSITIVE_INFINITY) {
    super();
    this.size = size;
    this.packets = packets;
  }

  transmit(): number {
    if (this.packets === 0) return 0;
    this.packets--;
    this.sent += this.size;
    return this.size;
  }
}

/** Serves one packet, or takes note that a flow has none; the flow, or null. */
function serve(set: RingSet, quantum = 1_500): TestFlow | null {
  const flow = set.next(quantum) as TestFlow | null;
  if (flow === null) return null;
  const length = flow.transmit();
  if (length > 0) flow.ring?.served(flow, length);
  else flow.ring?.leave(flow);
  return flow;
}

function run(set: RingSet, bytes: number, quantum?: number): void {
  for (let sent = 0; sent < bytes; ) sent += serve(set, quantum)?.size ?? bytes;
}

describe("Deficit round robin", () => {
  it("shares by bytes, whatever the sizes of packets", () => {
    const ring = new FlowRing();
    const set = new RingSet([ring]);
    const flows = [new TestFlow(1_500), new TestFlow(60), new TestFlow(700), new TestFlow(9_000)];
    for (const flow of flows) ring.add(flow);
    run(set, 10_000_000);
    for (const flow of flows) {
      expect(flow.sent).toBeGreaterThan(2_480_000);
      expect(flow.sent).toBeLessThan(2_520_000);
    }
  });

  it("shares between flows, not rings: nine in one ring and one in another get a tenth each", () => {
    const rings = [new FlowRing(), new FlowRing(), new FlowRing()];
    const set = new RingSet(rings);
    const many = Array.from({ length: 9 }, () => new TestFlow(1_000));
    const one = new TestFlow(1_000);
    for (const flow of many) rings[0].add(flow);
    rings[2].add(one);
    run(set, 10_000_000);
    for (const flow of [...many, one]) {
      expect(flow.sent).toBeGreaterThan(980_000);
      expect(flow.sent).toBeLessThan(1_020_000);
    }
  });

  it("serves urgent flows before all others", () => {
    const rings = [new FlowRing(), new FlowRing()];
    const set = new RingSet(rings);
    const bulk = new TestFlow(1_500);
    rings[0].add(bulk);
    run(set, 15_000);
    const ack = new TestFlow(60, 1);
    ack.urgent = true;
    rings[1].add(ack);
    expect(set.next(1_500)).toBe(ack);
    ack.urgent = false;
    expect(serve(set)).toBe(ack);
    expect(ack.sent).toBe(60);
  });

  it("serves a flow that comes fresh before those that are at it, once in a round", () => {
    const ring = new FlowRing();
    const set = new RingSet([ring]);
    const bulk = Array.from({ length: 10 }, () => new TestFlow(1_500));
    for (const flow of bulk) ring.add(flow);
    run(set, 60_000);
    const keys = new TestFlow(60, 1);
    ring.add(keys);
    expect(serve(set)).toBe(keys);
    expect(serve(set)).toBe(keys);
    expect(keys.ring).toBeNull();
    // Again in the same round: behind the others.
    keys.packets = 1;
    ring.add(keys);
    expect(serve(set)).not.toBe(keys);
    run(set, 30_000);
    expect(keys.packets).toBe(0);
  });

  it("is not starved by flows that come and go", () => {
    const ring = new FlowRing();
    const set = new RingSet([ring]);
    const bulk = new TestFlow(1_500);
    ring.add(bulk);
    const restless = Array.from({ length: 5 }, () => new TestFlow(1_500, 0));
    let total = 0;
    for (let i = 0; i < 20_000; i++) {
      for (const flow of restless) {
        if (flow.packets === 0) flow.packets = 1;
        ring.add(flow);
      }
      const served = serve(set);
      total += served === null ? 0 : served.size;
    }
    // A sixth is its share; flows that left get what they had no use for in their turn not twice.
    expect(bulk.sent / total).toBeGreaterThan(0.14);
  });

  it("lets a debt be paid: one packet of 64 KiB waits until the others have had as much", () => {
    const ring = new FlowRing();
    const set = new RingSet([ring]);
    const large = new TestFlow(65_000);
    const small = new TestFlow(500);
    ring.add(large);
    ring.add(small);
    run(set, 6_500_000, 1_320);
    expect(large.sent / small.sent).toBeGreaterThan(0.95);
    expect(large.sent / small.sent).toBeLessThan(1.05);
  });

  it("keeps a flow in one ring only, and gives all flows back", () => {
    const rings = [new FlowRing(), new FlowRing()];
    const flow = new TestFlow(100);
    rings[0].add(flow);
    rings[1].add(flow);
    rings[0].add(flow);
    expect(flow.ring).toBe(rings[0]);
    expect(rings[1].takeAny()).toBeNull();
    expect(rings[0].takeAny()).toBe(flow);
    expect(flow.ring).toBeNull();
    expect(rings[0].isEmpty).toBe(true);
  });

  it("loses and doubles no flow in random operation", () => {
    const random = new Random(3);
    const rings = [new FlowRing(), new FlowRing()];
    const set = new RingSet(rings);
    const flows = Array.from({ length: 30 }, () => new TestFlow(random.integer(40, 9_000), 0));
    for (let i = 0; i < 100_000; i++) {
      const flow = random.pick(flows);
      if (random.chance(0.3)) {
        flow.packets = random.integer(1, 5);
        flow.urgent = random.chance(0.1);
        random.pick(rings).add(flow);
      } else {
        const served = serve(set);
        if (served !== null) served.urgent = false;
      }
    }
    while (serve(set) !== null) {}
    expect(flows.every((flow) => flow.packets === 0 && flow.ring === null)).toBe(true);
    expect(rings.every((ring) => ring.isEmpty)).toBe(true);
  });
});
