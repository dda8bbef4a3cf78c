// Between two tunnels, one of them behind a slow link: the switch marks what waited (RFC 3168 §5), the sender slows down
// by ECN, and the queue stays short without a single packet dropped. In virtual time.

import { describe, expect, test } from "vitest";
import type { Network } from "../../src/core/net/index.ts";
import { Random, SimClock, SimStream } from "../../src/core/sim/index.ts";
import type { Bytes } from "../../src/core/wire/bytes.ts";
import { RelayCore } from "../../src/relay/relay-core.ts";
import type { Resolver } from "../../src/relay/resolver.ts";
import { Tunnel } from "../../src/tunnel/index.ts";

const MS = 1_000;

const nowhere: Network & Resolver = {
  connect: () => Promise.reject(new Error("the relay dials nobody here")),
  bind: () => Promise.reject(new Error("the relay listens nowhere here")),
  resolve: () => Promise.resolve([]),
} as unknown as Network & Resolver;

interface Run {
  readonly goodput: number;
  /** Milliseconds that what leaves the switch has waited in it: sorted, after the first second. */
  readonly waits: readonly number[];
  readonly marked: number;
  readonly dropped: number;
  readonly ecn: boolean;
  readonly retransmits: number;
}

/** Alice, near and fast, sends to Bob, whose link has this rate (bytes a second) and delay. */
async function bulk(rate: number, delay: number, seconds: number): Promise<Run> {
  const clock = new SimClock();
  const generator = new Random(`short queue ${rate} ${delay}`);
  const random = (bytes: Bytes): void => generator.fill(bytes);
  const relay = new RelayCore(
    {},
    { network: nowhere, resolver: nowhere, ownAddresses: () => [], clock, random },
  );
  const open = (name: string, stream: { rate: number; delay: number }): Promise<Tunnel> => {
    const wire = new SimStream({ clock, random: generator.fork(), stream });
    const dialer = {
      description: `sim ${name}`,
      dial: () => {
        relay.accept(wire.b, name);
        return Promise.resolve(wire.a);
      },
    };
    return Tunnel.open(dialer, { name, clock, random });
  };
  const work = async (): Promise<Run> => {
    const alice = await open("alice", { rate: 25_000_000, delay: 2 * MS });
    const bob = await open("bob", { rate, delay });
    const listener = await bob.bind(":7");
    const stream = await alice.connect("bob.peer:7");
    const [accepted] = await listener.accept();
    let received = 0;
    const reading = (async () => {
      const buffer = new Uint8Array(1 << 16);
      for (let count = await accepted.read(buffer); count !== null; count = await accepted.read(buffer))
        received += count;
    })();
    const sending = (async () => {
      const chunk = new Uint8Array(1 << 16);
      while (clock.now() < seconds * 1_000_000) await stream.writeAll(chunk);
    })();
    const outlet = [...relay["hub"].sessions.all()]
      .filter((session) => session.name === "bob")
      .flatMap((session) => session["links"].live.map((link) => link.outlet))[0];
    const waits: number[] = [];
    const look = (): void => {
      if (clock.now() > 1_000_000) waits.push((outlet.bytes / rate) * 1_000);
      if (clock.now() < seconds * 1_000_000) clock.schedule(clock.now() + 5 * MS, look);
    };
    look();
    await sending;
    const goodput = received / (clock.now() / 1_000_000);
    const info = stream.info();
    stream.abort();
    await reading.catch(() => {});
    waits.sort((a, b) => a - b);
    return {
      goodput,
      waits,
      marked: relay.counters.peerMarked,
      dropped: relay.counters.peerDropped,
      ecn: info?.options?.ecn === true,
      retransmits: info?.retransmits ?? -1,
    };
  };
  return clock.drive(work());
}

describe("A bulk transfer between two tunnels through a slow link", () => {
  test.each([
    [2_500_000, 5 * MS],
    [1_250_000, 40 * MS],
  ])(
    "of %d bytes a second with a delay of %d us keeps the queue short and loses nothing",
    async (rate, delay) => {
      const run = await bulk(rate, delay, 5);
      const median = run.waits[run.waits.length >> 1];
      const seen = JSON.stringify({ ...run, waits: median });
      expect(run.ecn, seen).toBe(true);
      expect(run.dropped, seen).toBe(0);
      expect(run.retransmits, seen).toBe(0);
      expect(run.marked, seen).toBeGreaterThan(0);
      expect(median, seen).toBeLessThanOrEqual(5);
      expect(run.goodput, seen).toBeGreaterThan(0.8 * rate);
    },
  );
});
