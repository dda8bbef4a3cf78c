// Time that only moves when it is told to: a Clock for tests, with an event loop of its own. A turn is like a
// runtime's: what is due, in order of time and then of asking; microtasks, when driven by drive(); then what was deferred.

import { type Clock, type Micros, systemClock, type TimerHandle } from "../link/index.ts";
import { type Task, TaskHeap } from "./task-heap.ts";

export interface SimClockOptions {
  /** Where time begins. Default 0. */
  readonly start?: Micros;
  /** Turns without time passing, and turns of one run, that count as a livelock. Defaults 10,000 and 10,000,000. */
  readonly mostTurnsAtOnce?: number;
  readonly mostTurns?: number;
}

export class SimClock implements Clock {
  private time: Micros;
  private readonly heap: TaskHeap = new TaskHeap();
  private deferred: (() => void)[] = [];
  private readonly mostTurnsAtOnce: number;
  private readonly mostTurns: number;
  private turnsAtOnce: number = 0;
  /** The time of the last turn. */
  private turnAt: Micros = -1;
  private isBlocked: boolean = false;

  constructor(options: SimClockOptions = {}) {
    this.time = options.start ?? 0;
    this.mostTurnsAtOnce = options.mostTurnsAtOnce ?? 10_000;
    this.mostTurns = options.mostTurns ?? 10_000_000;
  }

  now(): Micros {
    return this.time;
  }

  schedule(at: Micros, task: () => void): TimerHandle {
    return this.push(at, task, false);
  }

  /** As schedule(), for what arrives from outside: after a blocked loop, timers go before it, as in Node. */
  arrive(at: Micros, task: () => void): TimerHandle {
    return this.push(at, task, true);
  }

  cancel(handle: TimerHandle): void {
    // The empty task stays in the heap until its time: cancelling is frequent, waiting tasks are few.
    (handle as Task).run = null;
  }

  defer(task: () => void): void {
    this.deferred.push(task);
  }

  /** When the next task is due; `now()` when something is deferred, Infinity when nothing waits. */
  nextAt(): Micros {
    if (this.deferred.length > 0) return this.time;
    return this.heap.nextAt();
  }

  /** Runs one turn, moving on to the next task when nothing is due. False: nothing waits. */
  step(): boolean {
    const tasks = this.beginTurn();
    if (tasks === null) return false;
    for (const task of tasks) task.run?.();
    for (const task of this.takeDeferred()) task();
    return true;
  }

  /** Runs everything up to a time, and stops there. */
  run(until: Micros): void {
    for (let turns = 0; this.nextAt() <= until; turns++) {
      this.checkTurns(turns);
      this.step();
    }
    this.time = Math.max(this.time, until);
  }

  /** Runs until nothing waits. Throws when that does not happen within `mostTurns` turns. */
  runUntilIdle(): void {
    for (let turns = 0; this.step(); turns++) this.checkTurns(turns);
  }

  /**
   * Runs turns, with the microtasks of each, until the promise settles, and gives its result. For code that awaits:
   * `await clock.drive(talk())`. Rejects when nothing is left to run and the promise has not settled.
   *
   * Cancel safety: none; whatever is under way goes on with the next call.
   */
  async drive<Result>(work: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    work.then(settle, settle);
    for (let turns = 0; ; turns++) {
      await microtasks();
      if (isSettled) return work;
      this.checkTurns(turns);
      const tasks = this.beginTurn();
      if (tasks === null) {
        throw new Error(
          `Deadlock at ${this.time} us: the work waits, and nothing is scheduled that could wake it`,
        );
      }
      for (const task of tasks) {
        task.run?.();
        await microtasks();
      }
      for (const task of this.takeDeferred()) {
        task();
        await microtasks();
      }
    }
  }

  /** As run(), with microtasks. */
  async driveUntil(until: Micros): Promise<void> {
    await this.drive(new Promise<void>((resolve) => this.schedule(until, resolve)));
  }

  /** The loop is busy for so long: time passes and nothing runs. Then timers that are late run before arrivals. */
  block(duration: Micros): void {
    this.time += duration;
    this.isBlocked = true;
  }

  /** Everything due at this time, or else at the next; null when nothing waits at all. */
  private beginTurn(): Task[] | null {
    const next = this.nextAt();
    if (next === Number.POSITIVE_INFINITY) return null;
    this.time = Math.max(this.time, next);
    if (this.time !== this.turnAt) {
      this.turnAt = this.time;
      this.turnsAtOnce = 0;
    } else if (++this.turnsAtOnce > this.mostTurnsAtOnce) {
      throw new Error(`Livelock: ${this.mostTurnsAtOnce} turns at ${this.time} us without time passing`);
    }
    const due: Task[] = [];
    while (this.heap.nextAt() <= this.time) due.push(this.heap.pop());
    if (!this.isBlocked) return due;
    this.isBlocked = false;
    return [...due.filter((task) => !task.isArrival), ...due.filter((task) => task.isArrival)];
  }

  private takeDeferred(): (() => void)[] {
    const { deferred } = this;
    this.deferred = [];
    return deferred;
  }

  private checkTurns(turns: number): void {
    if (turns <= this.mostTurns) return;
    throw new Error(`Livelock: more than ${this.mostTurns} turns, at ${this.time} us and still not idle`);
  }

  private push(at: Micros, run: () => void, isArrival: boolean): Task {
    return this.heap.push(Math.max(at, this.time), run, isArrival);
  }
}

/** All microtasks, however many follow from each other: a turn of the real loop is what comes after them. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => systemClock.defer(resolve));
}
