// The path between two TUN devices, in a process of its own: what comes from the left goes through a drop-tail queue, a
// line, loss and delay to the right, and back. It sleeps in ppoll(2) until the next packet comes or is due, so it is late
// by microseconds, and asks for a processor before others do.

import { createRequire } from "node:module";
import { constants, setPriority } from "node:os";
import type { Koffi } from "../../../src/adapters/node/system-calls.ts";
import { TunDevice } from "../../../src/adapters/node/tun-device.ts";
import {
  type PathCounters,
  PathDirection,
  type PathOptions,
  Random,
  SimClock,
} from "../../../src/core/sim/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { serveRole } from "../../serving.ts";

export interface PathSettings {
  readonly seed: number;
  /** Each way: bytes per second, microseconds, bytes. */
  readonly rate: number;
  readonly delay: number;
  readonly queue: number;
  /** Probability, for packets from left to right that carry data. */
  readonly loss: number;
}

export interface PathReport {
  readonly forth: PathCounters;
  readonly back: PathCounters;
  /** How long after its time a packet left, microseconds: mean and most. */
  readonly lateness: { readonly mean: number; readonly most: number };
}

export interface EmulatorRole {
  /** The interfaces' names. */
  open(): { readonly left: string; readonly right: string };
  /** A fresh path; what was under way is gone. */
  reset(settings: PathSettings): void;
  report(): PathReport;
}

const library = (createRequire(import.meta.url)("koffi") as Koffi).load(null);
const ppoll = library.func(
  "int ppoll(void *descriptors, unsigned long count, void *timeout, void *mask)",
) as (descriptors: Uint8Array, count: number, timeout: Uint8Array, mask: null) => number;

class Emulator {
  // The names differ from the stack's too, for devices move into one namespace.
  private readonly left = new TunDevice({ name: "left%d" });
  private readonly right = new TunDevice({ name: "right%d" });
  private clock = new SimClock();
  private forth: PathDirection | null = null;
  private back: PathDirection | null = null;
  private loss = 0;
  private losses = new Random(0);
  private late = { sum: 0, count: 0, most: 0 };
  private readonly buffer: Bytes = new Uint8Array(65_536);
  private readonly descriptors = new Uint8Array(16);
  private readonly timeout = new Uint8Array(16);

  constructor() {
    const fields = new Int32Array(this.descriptors.buffer);
    const events = new Int32Array(new Int16Array([POLLIN, 0]).buffer)[0];
    fields.set([this.left.fd, events, this.right.fd, events]);
  }

  get names(): { left: string; right: string } {
    return { left: this.left.name, right: this.right.name };
  }

  reset(settings: PathSettings): void {
    const options: PathOptions = { rate: settings.rate, delay: settings.delay, queue: settings.queue };
    const random = new Random(settings.seed);
    this.clock = new SimClock({ start: now() });
    this.loss = settings.loss;
    // Of its own: the same data packets of the same seed are lost, whatever else passes.
    this.losses = random.fork();
    this.late = { sum: 0, count: 0, most: 0 };
    const make = (to: TunDevice): PathDirection =>
      new PathDirection(
        this.clock,
        random.fork(),
        options,
        (packet) => this.deliver(packet, to),
        () => {},
      );
    this.forth = make(this.right);
    this.back = make(this.left);
  }

  report(): PathReport | null {
    if (this.forth === null || this.back === null) return null;
    const { sum, count, most } = this.late;
    return {
      forth: { ...this.forth.counters },
      back: { ...this.back.counters },
      lateness: { mean: count === 0 ? 0 : sum / count, most },
    };
  }

  /** Runs for a moment, then lets the process answer calls. */
  run(): void {
    const until = now() + SLICE;
    for (let time = now(); time < until; time = now()) {
      this.clock.run(time);
      const taken = this.take(this.left, this.forth, true) + this.take(this.right, this.back, false);
      if (taken === 0) this.sleep(Math.min(this.clock.nextAt(), until) - now());
    }
    setImmediate(() => this.run());
  }

  private take(from: TunDevice, way: PathDirection | null, isLossy: boolean): number {
    let count = 0;
    for (let length = 0; count < BATCH && (length = from.read(this.buffer, 0)) > 0; count++) {
      if (way === null) continue;
      const isLost = isLossy && length > LONGEST_WITHOUT_DATA && this.losses.chance(this.loss);
      way.options.loss = isLost ? 1 : 0;
      way.send(this.buffer.slice(0, length));
    }
    return count;
  }

  private deliver(packet: Bytes, to: TunDevice): void {
    const lateness = now() - this.clock.now();
    this.late.sum += lateness;
    this.late.count++;
    this.late.most = Math.max(this.late.most, lateness);
    to.write(packet);
  }

  private sleep(time: number): void {
    if (time < SHORTEST_SLEEP) return;
    // struct timespec of a 64-bit system: seconds, nanoseconds.
    new BigInt64Array(this.timeout.buffer).set([0n, BigInt(Math.round(time * 1_000))]);
    ppoll(this.descriptors, 2, this.timeout, null);
  }
}

function now(): number {
  return performance.now() * 1_000;
}

const POLLIN = 1;
const SCHED_FIFO = 1;
const BATCH = 32;
const SLICE = 5_000;
/** About what falling asleep and waking costs: below it the loop goes round. */
const SHORTEST_SLEEP = 30;
/** IPv4 and TCP with all their options, and no byte more. */
const LONGEST_WITHOUT_DATA = 120;

runFirst();
let emulator: Emulator | null = null;

/** Before every other process, as a router's hardware would; it sleeps most of the time. */
function runFirst(): void {
  const schedule = library.func("int sched_setscheduler(int pid, int policy, void *parameter)") as (
    pid: number,
    policy: number,
    parameter: Uint8Array,
  ) => number;
  const parameter = new Uint8Array(new Int32Array([10]).buffer);
  if (schedule(0, SCHED_FIFO, parameter) !== 0) setPriority(constants.priority.PRIORITY_HIGHEST);
}

function opened(): Emulator {
  if (emulator === null) throw new Error("The emulator's devices are not open");
  return emulator;
}

serveRole({
  open() {
    emulator = new Emulator();
    emulator.run();
    return emulator.names;
  },
  reset: (settings) => opened().reset(settings),
  report() {
    const report = opened().report();
    if (report === null) throw new Error("The emulator was not reset");
    return report;
  },
} satisfies EmulatorRole);
