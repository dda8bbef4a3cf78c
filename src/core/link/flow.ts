// What the scheduler schedules: one flow, a connection or a source from outside, in at most one ring at a time.
// Flows link themselves into lists, so that scheduling a packet allocates nothing.

import type { Bytes } from "../wire/bytes.ts";
import type { Micros } from "./clock.ts";
import type { FlowRing } from "./deficit-round-robin.ts";

/** Where in its ring a flow waits. */
export const Place = { none: 0, urgent: 1, fresh: 2, old: 3 } as const;
export type Place = (typeof Place)[keyof typeof Place];

export abstract class Flow {
  /** What follows belongs to the ring. */
  next: Flow | null = null;
  ring: FlowRing | null = null;
  place: Place = Place.none;
  /** Bytes it may still send in this turn; a debt is taken into the next. */
  deficit: number = 0;
  /** It has been given the quantum of the turn that it waits for or is in. */
  isInTurn: boolean = false;
  /** The round of its ring in which it last went first for being fresh. */
  freshRound: number = -1;

  abstract readonly urgent: boolean;
  /** See TransmitSource.transmit(). */
  abstract transmit(now: Micros, out: Bytes, at: number, room: number, linkId: number, segmentLimit: number): number;
}

/** A queue of flows, linked through them. */
export class FlowList {
  head: Flow | null = null;
  count: number = 0;
  private tail: Flow | null = null;

  push(flow: Flow): void {
    flow.next = null;
    if (this.tail === null) this.head = flow;
    else this.tail.next = flow;
    this.tail = flow;
    this.count++;
  }

  shift(): Flow | null {
    const flow = this.head;
    if (flow === null) return null;
    this.head = flow.next;
    if (this.head === null) this.tail = null;
    flow.next = null;
    this.count--;
    return flow;
  }
}
