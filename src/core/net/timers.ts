// The clock of API timeouts and deadlines. These follow real time also while the timers of TCP are frozen in an
// outage. A network in virtual time supplies its own through StreamSource.timers.

export interface Timers {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `task` once, `delay` milliseconds from now or later. */
  set(delay: number, task: () => void): unknown;
  clear(handle: unknown): void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  // A longer delay (24 days) would fire at once in every runtime.
  set: (delay, task) => setTimeout(task, Math.min(delay, longestDelay)),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

const longestDelay = 2 ** 31 - 1;
