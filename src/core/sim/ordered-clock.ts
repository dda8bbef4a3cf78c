// A path's clock over a runtime's: whatever the timers of the runtime do, what is due earlier comes earlier. Runtimes
// keep a list for each delay, and would let packets overtake each other by a millisecond.

import type { Clock, Micros, TimerHandle } from "../link/index.ts";
import { type Task, TaskHeap } from "./task-heap.ts";

export class OrderedClock implements Clock {
  private readonly clock: Clock;
  private readonly heap: TaskHeap = new TaskHeap();
  private timer: TimerHandle | null = null;
  private timerAt: Micros = Number.POSITIVE_INFINITY;
  private readonly fire: () => void;

  constructor(clock: Clock) {
    this.clock = clock;
    this.fire = () => {
      this.timer = null;
      this.timerAt = Number.POSITIVE_INFINITY;
      const now = clock.now();
      while (this.heap.nextAt() <= now) this.heap.pop().run?.();
      this.arm();
    };
  }

  now(): Micros {
    return this.clock.now();
  }

  schedule(at: Micros, task: () => void): TimerHandle {
    const entry = this.heap.push(at, task, false);
    this.arm();
    return entry;
  }

  cancel(handle: TimerHandle): void {
    (handle as Task).run = null;
  }

  defer(task: () => void): void {
    this.clock.defer(task);
  }

  private arm(): void {
    const next = this.heap.nextAt();
    if (next >= this.timerAt) return;
    if (this.timer !== null) this.clock.cancel(this.timer);
    this.timerAt = next;
    this.timer = this.clock.schedule(next, this.fire);
  }
}
