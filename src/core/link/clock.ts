// Where time and randomness enter: the one clock of a driver, and the runtime's own behind it.
// Everything above takes a Clock, so that the whole stack runs in virtual time (core/sim).
// Names no runtime: what may be missing (setImmediate, unref) is looked up by shape, at first use, never at load.

/** Monotonic microseconds. Only differences mean anything. */
export type Micros = number;

/** What schedule() returned; only cancel(), ref() and unref() of the same clock know what it is. */
export type TimerHandle = object | number;

export interface Clock {
  /** Monotonic microseconds. */
  now(): Micros;
  /** Calls `task` once, at or after `at`. */
  schedule(at: Micros, task: () => void): TimerHandle;
  /** Forgets a task that was scheduled; harmless when it has run already. */
  cancel(handle: TimerHandle): void;
  /** Calls `task` at the end of this turn of the event loop, after its I/O and microtasks. Cannot be cancelled. */
  defer(task: () => void): void;
  /** Whether the task keeps the process alive (it does at first). Absent where that means nothing. */
  ref?(handle: TimerHandle): void;
  unref?(handle: TimerHandle): void;
}

/** Fills `into` with random bytes fit for keys. */
export type RandomBytes = (into: Uint8Array<ArrayBuffer>) => void;

interface RuntimeTimer {
  ref?(): void;
  unref?(): void;
}

interface RuntimePort {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
}

/** The part of every runtime's global object that this file needs. */
interface Runtime {
  readonly performance: { now(): number };
  readonly crypto: { getRandomValues(into: Uint8Array<ArrayBuffer>): unknown };
  setTimeout(task: () => void, milliseconds: number): RuntimeTimer | number;
  clearTimeout(timer: RuntimeTimer | number): void;
  setImmediate?(task: () => void): unknown;
  readonly MessageChannel?: new () => { readonly port1: RuntimePort; readonly port2: RuntimePort };
}

const runtime: Runtime = globalThis as unknown as Runtime;

/** The longest delay setTimeout takes; a longer one would fire at once. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

class SystemTimer {
  timer: RuntimeTimer | number | null = null;
  isRef = true;
  readonly at: Micros;
  readonly task: () => void;

  constructor(at: Micros, task: () => void) {
    this.at = at;
    this.task = task;
  }

  arm(): void {
    const delay = Math.min(LONGEST_TIMEOUT_MS, Math.max(0, Math.ceil((this.at - systemNow()) / 1000)));
    this.timer = runtime.setTimeout(() => this.fire(), delay);
    if (!this.isRef) this.setRef(false);
  }

  private fire(): void {
    this.timer = null;
    // Node's timers, rounded to milliseconds, may come before performance.now() has got there.
    if (systemNow() < this.at) this.arm();
    else this.task();
  }

  setRef(on: boolean): void {
    this.isRef = on;
    if (typeof this.timer !== "object" || this.timer === null) return;
    if (on) this.timer.ref?.();
    else this.timer.unref?.();
  }
}

function systemNow(): Micros {
  return Math.round(runtime.performance.now() * 1000);
}

/** Browsers have no setImmediate, and clamp setTimeout(0) to 4 ms: a message to oneself is the next turn. */
let postToSelf: ((task: () => void) => void) | null = null;

function makePostToSelf(): (task: () => void) => void {
  const Channel = runtime.MessageChannel;
  if (Channel === undefined) return (task) => void runtime.setTimeout(task, 0);
  const { port1, port2 } = new Channel();
  const tasks: (() => void)[] = [];
  port1.onmessage = () => tasks.shift()?.();
  return (task) => {
    tasks.push(task);
    port2.postMessage(null);
  };
}

/** The runtime's clock: performance.now, setTimeout, and setImmediate or, where that is missing, a MessageChannel. */
export const systemClock: Clock = {
  now: systemNow,
  schedule(at: Micros, task: () => void): TimerHandle {
    const timer = new SystemTimer(at, task);
    timer.arm();
    return timer;
  },
  cancel(handle: TimerHandle): void {
    const timer = handle as SystemTimer;
    if (timer.timer !== null) runtime.clearTimeout(timer.timer);
    timer.timer = null;
  },
  defer(task: () => void): void {
    if (runtime.setImmediate !== undefined) {
      runtime.setImmediate(task);
      return;
    }
    postToSelf ??= makePostToSelf();
    postToSelf(task);
  },
  ref(handle: TimerHandle): void {
    (handle as SystemTimer).setRef(true);
  },
  unref(handle: TimerHandle): void {
    (handle as SystemTimer).setRef(false);
  },
};

/** crypto.getRandomValues, which works on plain-http pages too; in pieces, for it refuses more than 64 KiB at once. */
export function systemRandom(into: Uint8Array<ArrayBuffer>): void {
  for (let at = 0; at < into.length; at += 65_536) {
    runtime.crypto.getRandomValues(into.subarray(at, at + 65_536));
  }
}
