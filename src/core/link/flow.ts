// What the scheduler schedules: one flow, a connection or a source from outside, in at most one ring at a time.
// Flows link themselves into lists, so that scheduling a packet allocates nothing.

import type { Connection, Stack } from "../stack/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { Micros } from "./clock.ts";
import type { ConnectionSource } from "./connection-source.ts";
import type { FlowRing } from "./deficit-round-robin.ts";
import type { LinkPort } from "./link-port.ts";
import type { RouteState } from "./route-state.ts";
import type { TransmitSource } from "./transmit-source.ts";

/** Where in its ring a flow waits. */
export const Place = { none: 0, urgent: 1, fresh: 2, old: 3 } as const;
export type Place = (typeof Place)[keyof typeof Place];

export abstract class Flow {
  // What follows belongs to the ring.
  next: Flow | null = null;
  ring: FlowRing | null = null;
  place: Place = Place.none;
  /** Bytes it may still send in this turn; a debt is taken into the next. */
  deficit: number = 0;
  /** It has been given the quantum of the turn that it is in. */
  isInTurn: boolean = false;
  /** The round of its ring in which it last went first for being fresh. */
  freshRound: number = -1;

  abstract readonly urgent: boolean;
  /** It has nothing to send but what may wait a moment for company. */
  abstract readonly canWait: boolean;
  /** Payload bytes that its next packet has at most, where it can tell: memory is found for them first. */
  abstract readonly backlog: number;
  /** See TransmitSource.transmit(). */
  abstract transmit(
    now: Micros,
    out: Bytes,
    at: number,
    room: number,
    linkId: number,
    segmentLimit: number,
  ): number;
}

/** A connection of the stack. Kept in its `user` slot from the first packet on, accepted or not. */
export class ConnectionFlow extends Flow {
  readonly connection: Connection;
  readonly state: RouteState;
  /** The port that a connection on an unreliable route stays on. */
  port: LinkPort | null = null;
  /** What its user holds; null before accept(). */
  source: ConnectionSource | null = null;
  private readonly stack: Stack;

  constructor(stack: Stack, connection: Connection, state: RouteState) {
    super();
    this.stack = stack;
    this.connection = connection;
    this.state = state;
  }

  get urgent(): boolean {
    return this.connection.urgent;
  }

  get canWait(): boolean {
    return this.state.route.reliable && this.connection.canAckLater;
  }

  get backlog(): number {
    return this.connection.unacknowledged;
  }

  transmit(now: Micros, out: Bytes, at: number, room: number, linkId: number, segmentLimit: number): number {
    const limit = this.state.route.reliable ? segmentLimit : UNLIMITED;
    return this.stack.transmit(this.connection, now, out, at, room, linkId, limit);
  }

  /** Puts the ACK that it owes into the port's message, whatever the order of the ring. False: it does not go now. */
  acknowledge(port: LinkPort, now: Micros): boolean {
    const { connection, stack } = this;
    if (!connection.ackPending) return true;
    if (port.allowance(Place.urgent) < LONGEST_ACK) return false;
    const { writer } = port;
    while (writer.room < LONGEST_ACK) if (!writer.grow()) port.send(now);
    const length = stack.acknowledge(connection, now, writer.slab, writer.at, writer.room, port.id);
    writer.at += length;
    port.packetBytes += length;
    return true;
  }
}

/** A source from outside the stack. */
export class SourceFlow extends Flow {
  private readonly source: TransmitSource;

  constructor(source: TransmitSource) {
    super();
    this.source = source;
  }

  get urgent(): boolean {
    return this.source.urgent;
  }

  get canWait(): boolean {
    return false;
  }

  get backlog(): number {
    return 0;
  }

  transmit(now: Micros, out: Bytes, at: number, room: number, linkId: number, segmentLimit: number): number {
    return this.source.transmit(now, out, at, room, linkId, segmentLimit);
  }
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

/** An unreliable route has its path's packet size; a link never cuts below it. */
const UNLIMITED = 65_535;

/** IPv6, TCP and all the room for options. */
const LONGEST_ACK = 100;
