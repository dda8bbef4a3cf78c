// A route with several links (DESIGN §3): packets of a reliable route go by the least-queued one; when one dies only
// what it carried is sent again; standing still is no loss, wherever the ACK stands still.

import { describe, expect, it } from "vitest";
import { Flow, run, SeveralLinks } from "./several-links.ts";

describe("several links on a reliable route", () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`stand still for 0 to 5 s, and nothing is sent twice, seed ${seed}`, () => {
      const world = new SeveralLinks(seed, [
        { delay: 10_000, rate: 2e6 },
        { delay: 3_000, rate: 5e6, jitter: 2_000 },
        { delay: 1_000 },
      ]);
      const [dialled, accepted] = world.connect();
      const [quiet, echo] = world.connect(8);
      const flows = [
        new Flow(dialled, accepted, 2_000_000),
        new Flow(accepted, dialled, 1_000_000, 20_000),
        // A few bytes now and then: their ACK is often the only thing on its link.
        new Flow(quiet, echo, 1_000, 20),
        new Flow(echo, quiet, 1_000, 20),
      ];
      const { random } = world;
      run(world.clock, flows, () => {
        if (random.next() > 0.001) return;
        const link = world.links[random.integer(0, world.links.length - 1)];
        link.stream.stall(random.next() * 5_000_000);
      });
      expect(world.retransmissions).toBe(0);
    });
  }
});

describe("a link of a reliable route that goes on after it stood still", () => {
  it("brings the ACKs before the pong, though the data that would carry them waits for the budget", () => {
    const world = new SeveralLinks(1, [{ delay: 100_000, rate: 1e6 }]);
    const [dialled, accepted] = world.connect();
    const flows = [new Flow(dialled, accepted, 200_000, 2_000), new Flow(accepted, dialled, 6_000_000)];
    let turns = 0;
    run(world.clock, flows, () => {
      if (++turns % 4_000 === 1_500) world.links[0].stream.stall(3_000_000);
    });
    expect(turns).toBeGreaterThan(10_000);
    expect(world.retransmissions).toBe(0);
  });
});

describe("the goodput of several links", () => {
  const total = 3_000_000;

  it("is the sum of their rates", () => {
    const slow = { delay: 20_000, rate: 1e6 };
    const alone = new SeveralLinks(1, [slow]);
    const [from, to] = alone.connect();
    const one = run(alone.clock, [new Flow(from, to, total)]);
    const both = new SeveralLinks(1, [slow, { ...slow, delay: 30_000 }]);
    const [dialled, accepted] = both.connect();
    const two = run(both.clock, [new Flow(dialled, accepted, total)]);
    expect(one / two).toBeGreaterThan(1.8);
    expect(both.retransmissions).toBe(0);
  });

  it("is what is left while one of them stands still", () => {
    const rate = 2e6;
    const world = new SeveralLinks(2, [
      { delay: 5_000, rate },
      { delay: 5_000, rate },
    ]);
    const [dialled, accepted] = world.connect();
    run(world.clock, [new Flow(dialled, accepted, 1_000_000)]);
    world.links[0].stream.stall(2_000_000);
    // Each its own stream: one that has bytes on the link that stands still waits for it, the others need not.
    const streams = Array.from({ length: 10 }, (_, i) => world.connect(100 + i));
    const took = run(
      world.clock,
      streams.map(([near, far]) => new Flow(near, far, 100_000)),
    );
    expect(took).toBeLessThan((1.2 * 1_000_000 * 1_000_000) / rate);
    expect(world.retransmissions).toBe(0);
  });

  it("goes by the quick link while that is enough", () => {
    const world = new SeveralLinks(3, [
      { delay: 100_000, rate: 1e6 },
      { delay: 5_000, rate: 1e6 },
    ]);
    const [dialled, accepted] = world.connect();
    run(world.clock, [new Flow(dialled, accepted, 10_000, 1_000)]);
    const [slow, quick] = world.links.map(({ portA }) => portA);
    const before = slow.bytesSent;
    run(world.clock, [new Flow(accepted, dialled, 30_000, 1_000)]);
    expect(slow.bytesSent - before).toBe(0);
    expect(quick.bytesSent).toBeGreaterThan(0);
  });
});

describe("a link that dies beside others", () => {
  for (const seed of [1, 2, 3]) {
    it(`costs what it carried and nothing else, seed ${seed}`, () => {
      const world = new SeveralLinks(seed, [
        { delay: 20_000, rate: 1e6 },
        { delay: 20_000, rate: 1e6 },
        { delay: 20_000, rate: 1e6 },
      ]);
      const [dialled, accepted] = world.connect();
      let carried = 0;
      let step = 0;
      let longestPause = 0;
      let lastAt = 0;
      let received = 0;
      const flow = new Flow(dialled, accepted, 2_000_000);
      run(world.clock, [flow], () => {
        if (flow.received !== received) {
          longestPause = Math.max(longestPause, world.clock.now() - lastAt);
          lastAt = world.clock.now();
          received = flow.received;
        }
        if (++step !== 300) return;
        longestPause = 0;
        const [link] = world.links;
        carried = link.portA.inFlight;
        link.stream.cut();
      });
      expect(carried).toBeGreaterThan(0);
      const again = dialled.connection.info(world.clock.now()).bytesRetransmitted;
      expect(again).toBeGreaterThan(0);
      expect(again).toBeLessThanOrEqual(carried);
      expect(dialled.connection.info(world.clock.now())).toMatchObject({ timeouts: 0, backoffs: 0 });
      // What was on it goes again at once, by the others: their delay, and what they had queued.
      expect(longestPause).toBeLessThan(150_000);
    });
  }

  it("leaves streams alone that had nothing on it", () => {
    const world = new SeveralLinks(5, [{ delay: 10_000 }, { delay: 10_000 }]);
    const [dialled, accepted] = world.connect();
    run(world.clock, [new Flow(dialled, accepted, 100_000)]);
    world.clock.run(world.clock.now() + 1_000_000);
    world.links[0].stream.cut();
    run(world.clock, [new Flow(accepted, dialled, 100_000)]);
    expect(world.retransmissions).toBe(0);
  });
});

describe("several links on an unreliable route", () => {
  it("a connection stays on one link while that lives, and connections spread", () => {
    const world = new SeveralLinks(4, [{ delay: 5_000 }, { delay: 5_000 }], { reliable: false, mtu: 9_000 });
    const streams = Array.from({ length: 4 }, (_, i) => world.connect(100 + i));
    for (const { portA } of world.links) expect(portA.bytesSent).toBeGreaterThan(0);
    const [dialled, accepted] = streams[0];
    const sent = (): number[] => world.links.map(({ portA }) => portA.bytesSent);
    const before = sent();
    run(world.clock, [new Flow(dialled, accepted, 500_000)]);
    expect(sent().filter((bytes, link) => bytes - before[link] > 1_000)).toHaveLength(1);
    const used = sent().findIndex((bytes, link) => bytes - before[link] > 1_000);
    world.links[used].stream.cut();
    run(
      world.clock,
      streams.map(([near, far], i) => new Flow(near, far, i === 0 ? 500_000 : 10_000)),
    );
    expect(world.a.stack.counters.timeouts).toBe(0);
  });
});
