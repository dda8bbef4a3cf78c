// What is to happen, in order of time and then of asking: a binary heap.

import type { Micros } from "../link/index.ts";

export interface Task {
  readonly at: Micros;
  /** Breaks ties: what was asked for first goes first. */
  readonly order: number;
  /** Arrival of something from outside, not a timer. */
  readonly isArrival: boolean;
  run: (() => void) | null;
}

export class TaskHeap {
  private readonly heap: Task[] = [];
  private order: number = 0;

  get length(): number {
    return this.heap.length;
  }

  /** What comes next, cancelled or not. */
  get first(): Task | undefined {
    return this.heap[0];
  }

  push(at: Micros, run: () => void, isArrival: boolean): Task {
    const task: Task = { at, order: this.order++, isArrival, run };
    const { heap } = this;
    let place = heap.push(task) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(task, heap[parent])) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = task;
    return task;
  }

  /** Only when there is one. */
  pop(): Task {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop() ?? first;
    if (heap.length === 0) return first;
    let place = 0;
    for (let child = 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = last;
    return first;
  }

  /** The time of the next task that was not cancelled; infinity when there is none. */
  nextAt(): Micros {
    while (this.heap.length > 0 && this.heap[0].run === null) this.pop();
    return this.heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
