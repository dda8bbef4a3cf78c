// Another stack that has a driver's address towards a prefix: packets go to it and come from it, elsewhere nothing changes.

import { describe, expect, it } from "vitest";
import { type Link, PacketBridge } from "../../../src/core/link/index.ts";
import { SimClock, SimPath } from "../../../src/core/sim/index.ts";
import { address, Host, prefix } from "./hosts.ts";

const PEERS = "fd00:0:0:1::/64";

/** `own` is the driver's host, `other` the stack behind the bridge, with the same address; `peer` is at the far end. */
function world(queue?: number) {
  const clock = new SimClock();
  const route = { reliable: false, mtu: 1_500 };
  const own = new Host("fd00:0:0:1::a", { clock, route });
  const other = new Host("fd00:0:0:1::a", { clock, route, seed: 2 });
  const peer = new Host("fd00:0:0:1::b", { clock, route });
  const outside = new SimPath({ clock, path: { delay: 1_000 } });
  const inside = new SimPath({ clock });
  own.attach(outside.a);
  peer.attach(outside.b);
  other.attach(inside.b);
  let closed = 0;
  const bridge = new PacketBridge({
    link: inside.a,
    address: address("fd00:0:0:1::a"),
    prefix: prefix(PEERS),
    queue,
    closed: () => closed++,
  });
  return { clock, own, other, peer, bridge, outside, inside, closings: () => closed };
}

type World = ReturnType<typeof world>;

async function exchange({ clock }: World, from: Host, to: Host, target: string): Promise<number> {
  return clock.drive(
    (async () => {
      const listener = await to.network.bind(":7");
      const accepting = listener.accept();
      const stream = await from.network.connect(target, { timeout: 5_000 });
      const [accepted] = await accepting;
      const writing = stream.writeAll(new Uint8Array(100_000)).then(() => stream.closeWrite());
      const { length } = await accepted.readToEnd();
      await writing;
      await accepted.close();
      listener.close();
      return length;
    })(),
  );
}

describe("PacketBridge", () => {
  it("gives the other stack the address towards the prefix, both ways", async () => {
    const all = world();
    all.bridge.join(all.own.driver);
    expect(await exchange(all, all.other, all.peer, "[fd00:0:0:1::b]:7")).toBe(100_000);
    expect(await exchange(all, all.peer, all.other, "[fd00:0:0:1::a]:7")).toBe(100_000);
    const { toOther, fromOther, strange, dropped } = all.bridge.counters;
    expect([toOther > 50, fromOther > 50, strange, dropped]).toEqual([true, true, 0, 0]);
    expect(all.own.stack.counters.packetsReceived).toBe(0);
  });

  it("gives the packets back to the driver's own stack when it leaves", async () => {
    const all = world();
    all.bridge.join(all.own.driver);
    all.bridge.leave();
    expect(await exchange(all, all.peer, all.own, "[fd00:0:0:1::a]:7")).toBe(100_000);
  });

  it("joins another driver after one that is gone", async () => {
    const all = world();
    const gone = new Host("fd00:0:0:1::a", { clock: all.clock });
    all.bridge.join(gone.driver);
    gone.driver.close();
    all.bridge.join(all.own.driver);
    expect(await exchange(all, all.other, all.peer, "[fd00:0:0:1::b]:7")).toBe(100_000);
  });

  it("uses another port of the route when its own is gone", async () => {
    const all = world();
    all.bridge.join(all.own.driver);
    expect(await exchange(all, all.other, all.peer, "[fd00:0:0:1::b]:7")).toBe(100_000);
    all.outside.cut();
    all.clock.run(all.clock.now() + 1);
    const way = new SimPath({ clock: all.clock });
    all.own.attach(way.a);
    all.peer.attach(way.b);
    expect(await exchange(all, all.other, all.peer, "[fd00:0:0:1::b]:7")).toBe(100_000);
  });

  it("lets nothing out with another source or to elsewhere", async () => {
    const all = world();
    all.bridge.join(all.own.driver);
    const elsewhere = all.other.network.connect("[fd00:0:0:2::b]:7", { timeout: 100 });
    await expect(all.clock.drive(elsewhere)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    const liar = new Host("fd00:0:0:1::c", { clock: all.clock, route: { reliable: false, mtu: 1_500 } });
    all.bridge.leave();
    const path = new SimPath({ clock: all.clock });
    const other = new PacketBridge({ link: path.a, address: all.own.ip, prefix: prefix(PEERS) });
    liar.attach(path.b);
    other.join(all.own.driver);
    const lie = liar.network.connect("[fd00:0:0:1::b]:7", { timeout: 100 });
    await expect(all.clock.drive(lie)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect([all.bridge.counters.strange > 0, other.counters.strange > 0]).toEqual([true, true]);
    expect(all.peer.stack.counters.packetsReceived).toBe(0);
  });

  it("drops what its queue does not hold, and TCP sends it again", async () => {
    const all = world(3_000);
    // A narrow way out: packets wait in the bridge.
    const way = new SimPath({ clock: all.clock, path: { delay: 1_000 } });
    all.outside.cut();
    all.clock.run(all.clock.now() + 1);
    const slow: Link = {
      framed: true,
      packetsOnly: true,
      description: "takes nothing for half of the time",
      get buffered() {
        return all.clock.now() % 10_000 < 5_000 ? 1 << 30 : 0;
      },
      start: (handler) => way.a.start(handler),
      send: (message) => way.a.send(message),
      close: () => way.a.close(),
    };
    all.own.attach(slow);
    all.peer.attach(way.b);
    all.bridge.join(all.own.driver);
    const beat = (): void => {
      all.own.driver.wake();
      all.clock.schedule(all.clock.now() + 1_000, beat);
    };
    beat();
    expect(await exchange(all, all.other, all.peer, "[fd00:0:0:1::b]:7")).toBe(100_000);
    expect(all.bridge.counters.dropped).toBeGreaterThan(0);
  });

  it("tells when its link ends", () => {
    const all = world();
    all.bridge.join(all.own.driver);
    all.inside.cut();
    all.clock.run(all.clock.now() + 1);
    expect([all.closings(), all.own.driver.transit]).toEqual([1, null]);
  });
});
