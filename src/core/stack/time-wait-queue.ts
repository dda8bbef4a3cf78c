// TIME-WAIT records in the order in which they end. Those that wait equally long stand in one queue, the newest last, so
// that coming, starting over and going cost the same however many there are: a busy server holds tens of thousands, which
// in the heap of deadlines would be turned over at every timer of every connection.

import type { TimeWait } from "./time-wait.ts";

export class TimeWaitQueue {
  size = 0;
  /** One for each duration: a stack's routes have one or two. */
  private readonly lines: Line[] = [];

  /** When the first ends; infinity when there is none. */
  get earliest(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { first } of this.lines) {
      if (first !== null && first.until < earliest) earliest = first.until;
    }
    return earliest;
  }

  /** From now on, for as long as its route says. */
  add(now: number, record: TimeWait): void {
    record.until = now + record.duration;
    this.lineOf(record.duration).push(record);
    this.size++;
  }

  remove(record: TimeWait): void {
    this.lineOf(record.duration).remove(record);
    this.size--;
  }

  /** One that ends by `now`, which stays until remove(); null when there is none. */
  due(now: number): TimeWait | null {
    for (const { first } of this.lines) if (first !== null && first.until <= now) return first;
    return null;
  }

  private lineOf(duration: number): Line {
    for (const line of this.lines) if (line.duration === duration) return line;
    const line = new Line(duration);
    this.lines.push(line);
    return line;
  }
}

/** Linked through its records: nothing is allocated for coming and going. */
class Line {
  readonly duration: number;
  first: TimeWait | null = null;
  private last: TimeWait | null = null;

  constructor(duration: number) {
    this.duration = duration;
  }

  push(record: TimeWait): void {
    record.before = this.last;
    if (this.last === null) this.first = record;
    else this.last.after = record;
    this.last = record;
  }

  remove(record: TimeWait): void {
    const { before, after } = record;
    if (before === null) this.first = after;
    else before.after = after;
    if (after === null) this.last = before;
    else after.before = before;
    record.before = null;
    record.after = null;
  }
}
