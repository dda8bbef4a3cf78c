// What a connection needs of the stack that holds it: pools, lists to put itself on, and what must outlive it.
// None of these calls back into a user. May use this room's types.

import type { IpAddress } from "../wire/ip-address.ts";
import type { Packet } from "../wire/packet.ts";
import type { Connection } from "./connection.ts";
import type { MemoryBudget } from "./memory.ts";
import type { Route } from "./route.ts";
import type { SegmentObserver } from "./segment-event.ts";
import type { RecordPool } from "./sent-records.ts";
import type { SlabPool } from "./slab-pool.ts";

export interface Host {
  readonly slabs: SlabPool;
  readonly records: RecordPool;
  readonly memory: MemoryBudget;
  readonly observer: SegmentObserver | null;
  readonly counters: ConnectionCounters;
  /** The connection may have a segment to send. */
  ready(connection: Connection): void;
  /** It has events for its user. */
  changed(connection: Connection): void;
  /** Its earliest deadline may have moved. */
  rearm(connection: Connection): void;
  /** On a reliable route: progress is overdue, so the links of the route should be asked. */
  wantPing(connection: Connection): void;
  /** Whether the stack's budget has one more ACK for a segment that fits nowhere. */
  mayAnswer(now: number): boolean;
  /** Answers a segment that fits no connection by a reset (RFC 9293 §3.5.2), unless it is a reset itself. */
  refuse(packet: Packet, route: Route): void;
  /** The largest packet that is known to reach this destination, and until when that holds; null: the route's. */
  pathMtu(now: number, remote: IpAddress): { readonly mtu: number; readonly until: number } | null;
  rememberPathMtu(now: number, remote: IpAddress, mtu: number): void;
  /** It reached ESTABLISHED from a listener's or a forwarder's SYN. False refuses for now: the accept queue is full. */
  established(connection: Connection): boolean;
  /** It reached TIME-WAIT: a small record takes its place (RFC 9293 §3.3.2). */
  timeWait(now: number, connection: Connection): void;
  /** It reached CLOSED: the four-tuple is free. */
  closed(connection: Connection): void;
}

/** Counted over all connections of a stack. */
export interface ConnectionCounters {
  segmentsReceived: number;
  segmentsSent: number;
  retransmissions: number;
  timeouts: number;
  challenges: number;
  /** ACKs to segments that fit nowhere, not given because the stack had given its share of this second. */
  withheld: number;
  /** Unacceptable segments: out of window, old, failed PAWS. */
  unacceptable: number;
  reassemblyDrops: number;
  /** Times that large segments were given up because only silence answered them. */
  blackHoles: number;
  resetsSent: number;
  resetsReceived: number;
}
