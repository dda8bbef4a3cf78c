// Segments that no honest peer sends, around the numbers of a live connection, and what has to hold whatever comes: used
// by the tests of robustness and by the fuzzer.

import type { Connection, Listener, Stack } from "../../../src/core/stack/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { writeTcpChecksum } from "../../../src/core/wire/ip-header.ts";
import { Flag, TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { Pair, pattern, readAll, seeded } from "../stack/pair.ts";
import { buildPacket, MINUTE } from "./script.ts";

export type Random = () => number;

export const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)];
export const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1));

/** A number near one that means something, or anywhere. */
function near(random: Random, of: readonly number[]): number {
  const base = pick(random, of);
  const shift = pick(random, [
    0,
    0,
    0,
    1,
    -1,
    2,
    -2,
    100,
    -100,
    1460,
    65_535,
    -65_535,
    1 << 20,
    2 ** 31,
    2 ** 30,
  ]);
  return random() < 0.1 ? (random() * 2 ** 32) >>> 0 : (base + shift) >>> 0;
}

/** A segment as if from b, with numbers around those of a's connection. */
export function forged(random: Random, pair: Pair, target: Connection | null, port: number): Bytes {
  const segment = new TcpSegment();
  segment.sourcePort = target?.remotePort ?? 80;
  segment.destinationPort = target?.localPort ?? port;
  const theirs =
    target === null
      ? [0]
      : [
          target.receiving.irs,
          target.receiving.irs + 1 + target.receiving.next,
          target.receiving.irs + 1 + target.receiving.edge,
        ];
  const ours =
    target === null
      ? [0]
      : [target.sending.isn, target.sending.seq(target.sending.una), target.sending.seq(target.sending.next)];
  segment.seq = near(random, theirs);
  segment.ack = near(random, ours);
  segment.flags = random() < 0.7 ? pick(random, FLAGS) : upTo(random, 255);
  segment.window = pick(random, [0, 1, 100, 1000, 65_535, upTo(random, 65_535)]);
  if (random() < 0.3) segment.mss = pick(random, [0, 1, 47, 48, 536, 1460, 65_535]);
  if (random() < 0.2) segment.windowScale = upTo(random, 14);
  if (random() < 0.2) segment.sackPermitted = true;
  if (random() < 0.5) {
    segment.hasTimestamps = true;
    segment.tsVal = near(random, [target?.tsRecent ?? 0]);
    segment.tsEcr = (random() * 2 ** 32) >>> 0;
  }
  if (random() < 0.3) {
    segment.sackCount = upTo(random, 3);
    for (let edge = 0; edge < 2 * segment.sackCount; edge++) segment.sackEdges[edge] = near(random, ours);
  }
  const length = random() < 0.5 ? 0 : pick(random, [1, 2, 100, 1460, upTo(random, 3000)]);
  return buildPacket(pair.addressB, pair.addressA, segment, pattern(length));
}

export const STATES = [
  "SYN-SENT",
  "SYN-RECEIVED",
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
  "TIME-WAIT",
] as const;

export const FLAGS: readonly number[] = [
  0,
  Flag.ack,
  Flag.ack | Flag.psh,
  Flag.ack | Flag.fin,
  Flag.syn,
  Flag.syn | Flag.ack,
  Flag.syn | Flag.fin,
  Flag.rst,
  Flag.rst | Flag.ack,
  Flag.fin,
  Flag.ack | Flag.urg,
  Flag.syn | Flag.rst | Flag.fin | Flag.ack,
];

/** A packet that is or was on the way, with bytes changed; its checksum mostly made right again. */
export function mutated(random: Random, bytes: Bytes): Bytes {
  const changed = bytes.slice(0, random() < 0.1 ? upTo(random, bytes.length) : bytes.length);
  const header = Math.min(changed.length, 20 + 60);
  for (let count = 1 + upTo(random, 3); count > 0 && header > 20; count--) {
    const at = 20 + upTo(random, header - 21);
    changed[at] = random() < 0.5 ? upTo(random, 255) : changed[at] ^ (1 << upTo(random, 7));
  }
  if (changed.length >= 40 && random() < 0.9) writeTcpChecksum(changed, 0, changed.length);
  return changed;
}

let running = 0;

/** What holds of every connection of a stack at every moment. */
export function check(stack: Stack): void {
  let queued = 0;
  for (const connection of stack.connections()) {
    const { sending, receiving, state } = connection;
    const { records } = sending;
    queued += sending.buffer.length + receiving.buffer.length + receiving.reassembly.length;
    const outstanding = records.count === 0 ? 0 : sending.next - sending.una;
    const held = receiving.buffer.length + receiving.reassembly.length;
    must(sending.una <= sending.next, "SND.UNA is not beyond SND.NXT");
    must(Math.min(records.inFlight, records.lostBytes, records.sackedBytes) >= 0, "sums are not negative");
    must(state === "CLOSED" || records.outstanding === outstanding, "what is outstanding is recorded");
    must(receiving.next <= receiving.edge, "RCV.NXT is within what was granted");
    must(held <= connection.options.receiveBuffer + 65_535, "no more is held than was granted");
    const waits = records.count > 0 && state !== "CLOSED";
    must(!waits || connection.timers.next() < Number.POSITIVE_INFINITY, "what is outstanding has a timer");
  }
  // Connections that have ended keep what nobody read yet.
  must(stack.memoryUsed >= queued, "memory is accounted");
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`It does not hold that ${what} (seed ${running})`);
}

/** Brings a connection of a, a dialler or a listener, somewhere by a number of random steps of both users. */
function wander(random: Random, pair: Pair): { ends: Connection[]; listener: Listener } {
  const isDialler = random() < 0.6;
  const [dialler, answerer, remote] = isDialler
    ? [pair.a, pair.b, pair.addressB]
    : [pair.b, pair.a, pair.addressA];
  const listener = answerer.listen(pair.now, { address: null, port: 80, backlog: 4 });
  const ends = [dialler.connect(pair.now, { remote, remotePort: 80 })];
  for (let steps = upTo(random, 20); steps > 0; steps--) {
    const accepted = listener.accept();
    if (accepted !== null) ends.push(accepted);
    const end = pick(random, ends);
    const what = random();
    if (what < 0.2) end.send(pair.now, pattern(upTo(random, 20_000)));
    else if (what < 0.35) end.finish(pair.now);
    else if (what < 0.4) for (const each of ends) each.finish(pair.now);
    else if (what < 0.42) end.release(pair.now);
    else if (what < 0.43) end.abort(pair.now);
    else if (what < 0.5) readAll(pair, end);
    else pair.step();
  }
  if (random() < 0.15) {
    // Both at once.
    for (const each of ends) each.finish(pair.now);
    pair.step();
  }
  return { ends, listener };
}

/** How a stack was battered. */
export interface Battering {
  readonly segments: number;
  readonly states: ReadonlySet<string>;
}

/** Throws forged segments at a stack whose users do something, and sees that all ends when they let go. */
export function batter(seed: number, count: number): Battering {
  const random = seeded(seed);
  const states = new Set<string>();
  running = seed;
  const small = {
    tcp: { receiveBuffer: pick(random, [1000, 20_000, 1 << 20]), timestamps: random() < 0.5 },
  };
  const pair = new Pair({ a: small, latency: 1000 });
  const captured: Bytes[] = [];
  pair.filter = (flight) => {
    if (flight.to === "a") captured.push(flight.bytes);
    return true;
  };
  const { ends, listener } = wander(random, pair);
  for (let at = 0; at < count; at++) {
    for (const state of STATES) if (pair.a.countByState()[state] > 0) states.add(state);
    const target = [...pair.a.connections()][0] ?? ends[0];
    const bytes =
      captured.length > 0 && random() < 0.5
        ? mutated(random, pick(random, captured))
        : forged(random, pair, target, target.localPort);
    pair.inject("a", bytes);
    check(pair.a);
    check(pair.b);
    if (random() < 0.2) pair.step();
  }
  listener.close(pair.now);
  for (const end of [...ends, ...pair.a.connections(), ...pair.b.connections()]) end.release(pair.now);
  pair.drive(undefined, 60 * MINUTE, 20_000);
  for (const stack of [pair.a, pair.b]) {
    check(stack);
    must(stack.connectionCount === 0, "all connections have ended");
    must(stack.countByState()["TIME-WAIT"] === 0, "nothing waits any more");
    must(stack.memoryUsed === 0, "no memory is kept");
  }
  return { segments: count, states };
}
