// Who sends next on a link: deficit round robin by bytes (Shreedhar and Varghese 1995), with the two lists of FQ-CoDel
// (RFC 8290 §4.2) in front. Urgent flows (pure ACKs, SYN, RST) first; then flows that come fresh, once a round, so that
// a keystroke does not wait for every bulk transfer; then the rest in turn. All operations take constant time.

import { type Flow, FlowList, Place } from "./flow.ts";

export class FlowRing {
  readonly urgent: FlowList = new FlowList();
  readonly fresh: FlowList = new FlowList();
  readonly old: FlowList = new FlowList();
  /** Counts how often all old flows have had their turn. */
  private round: number = 0;
  private turnsLeft: number = 0;

  get isEmpty(): boolean {
    return this.urgent.head === null && this.fresh.head === null && this.old.head === null;
  }

  /** Whether all that is in it may wait a moment. Many flows are not looked at. */
  get canWait(): boolean {
    if (this.fresh.head !== null || this.old.head !== null || this.urgent.count > MOST_WAITING) return false;
    for (let flow = this.urgent.head; flow !== null; flow = flow.next) if (!flow.canWait) return false;
    return true;
  }

  /** Puts a flow in; harmless when it is in a ring already. */
  add(flow: Flow): void {
    if (flow.ring !== null) return;
    flow.ring = this;
    flow.isInTurn = false;
    if (flow.urgent) this.put(flow, Place.urgent);
    else this.queue(flow);
  }

  /** After a packet of the flow that was at the head of its list. */
  served(flow: Flow, bytes: number): void {
    flow.deficit -= bytes;
    if (flow.place === Place.urgent) {
      if (flow.urgent) return;
      this.urgent.shift();
      this.queue(flow);
    } else if (flow.deficit <= 0) {
      this.rotate(flow);
    }
  }

  /** Ends the turn of the flow at the head of its list. */
  rotate(flow: Flow): void {
    flow.isInTurn = false;
    this.takeHead(flow);
    this.put(flow, Place.old);
  }

  /** The flow at the head of its list has nothing to send. */
  leave(flow: Flow): void {
    this.takeHead(flow);
    flow.ring = null;
    flow.place = Place.none;
    flow.isInTurn = false;
    if (flow.deficit > 0) flow.deficit = 0;
  }

  /** Any flow, taken out; null when there is none. */
  takeAny(): Flow | null {
    const flow = this.urgent.shift() ?? this.fresh.shift() ?? this.old.shift();
    if (flow === null) return null;
    flow.ring = null;
    flow.place = Place.none;
    return flow;
  }

  private queue(flow: Flow): void {
    if (this.old.head === null) this.round++;
    if (flow.freshRound === this.round) {
      this.put(flow, Place.old);
    } else {
      flow.freshRound = this.round;
      this.put(flow, Place.fresh);
    }
  }

  private put(flow: Flow, place: Place): void {
    flow.place = place;
    if (place === Place.urgent) this.urgent.push(flow);
    else if (place === Place.fresh) this.fresh.push(flow);
    else this.old.push(flow);
  }

  private takeHead(flow: Flow): void {
    if (flow.place === Place.urgent) {
      this.urgent.shift();
    } else if (flow.place === Place.fresh) {
      this.fresh.shift();
    } else {
      this.old.shift();
      if (--this.turnsLeft <= 0) {
        this.round++;
        this.turnsLeft = this.old.count;
      }
    }
  }
}

/** The rings that one port draws on: its own, and those of the routes that it shares with other ports. */
export class RingSet {
  readonly rings: FlowRing[];
  private turn: number = 0;
  /** Turns of old flows that the ring at `turn` still has, one for each flow in it: fair between flows, not rings. */
  private credit: number = 0;

  constructor(rings: FlowRing[]) {
    this.rings = rings;
  }

  /** The flow to serve next, with something left in its turn; null when all rings are empty. */
  next(quantum: number): Flow | null {
    const { rings } = this;
    for (let i = 0; i < rings.length; i++) {
      const { head } = rings[i].urgent;
      if (head !== null) return head;
    }
    for (let i = 0; i < rings.length; i++) {
      const ring = rings[i];
      for (let flow = ring.fresh.head; flow !== null; flow = ring.fresh.head) {
        if (beginTurn(flow, quantum)) return flow;
        ring.rotate(flow);
      }
    }
    return this.nextOld(quantum);
  }

  private nextOld(quantum: number): Flow | null {
    const { rings } = this;
    if (this.turn >= rings.length) this.turn = 0;
    const current = rings[this.turn].old.head;
    if (current?.isInTurn) return current;
    for (let empty = 0; empty < rings.length; ) {
      if (this.credit === 0) {
        this.turn = (this.turn + 1) % rings.length;
        this.credit = Math.max(1, rings[this.turn].old.count);
      }
      const ring = rings[this.turn];
      const flow = ring.old.head;
      if (flow === null) {
        this.credit = 0;
        empty++;
        continue;
      }
      empty = 0;
      this.credit--;
      if (beginTurn(flow, quantum)) return flow;
      ring.rotate(flow);
    }
    return null;
  }
}

/** False: the flow owes more than this turn's quantum and has to wait for another. */
function beginTurn(flow: Flow, quantum: number): boolean {
  if (flow.isInTurn) return true;
  flow.deficit += quantum;
  flow.isInTurn = flow.deficit > 0;
  return flow.isInTurn;
}

const MOST_WAITING = 8;
