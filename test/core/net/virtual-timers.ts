// The clock of API timeouts under the test's hand.

import type { Timers } from "../../../src/core/net/index.ts";

export class VirtualTimers implements Timers {
  /** How often a timer was set. */
  timersSet = 0;
  private time = 0;
  private readonly pending = new Map<number, { at: number; task: () => void }>();

  now(): number {
    return this.time;
  }

  set(delay: number, task: () => void): unknown {
    const handle = ++this.timersSet;
    this.pending.set(handle, { at: this.time + delay, task });
    return handle;
  }

  clear(handle: unknown): void {
    this.pending.delete(handle as number);
  }

  /** Timers that are set now. */
  get active(): number {
    return this.pending.size;
  }

  /** Lets time pass, timers fire in order, and promises settle between them. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      const due = [...this.pending].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      const [handle, { at, task }] = due;
      this.pending.delete(handle);
      this.time = Math.max(this.time, at);
      task();
      await turn();
    }
    this.time = end;
    await turn();
  }
}

/** Lets every promise that can settle do so. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
