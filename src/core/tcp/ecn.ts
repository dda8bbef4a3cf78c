// Explicit congestion notification, RFC 3168: agreed by the SYNs, ECT(0) on new data alone, the mark of a queue on the
// way echoed (ECE) until the sender says that it has slowed down (CWR). A BBR sender, which would not, marks nothing
// as capable, but echoes for its peer. May use this room's types.

import { Flag, type TcpSegment } from "../wire/tcp-segment.ts";
import type { Connection } from "./connection.ts";
import type { TcpOptions } from "./options.ts";
import { reduce } from "./recovery.ts";
import type { Route } from "./route.ts";

/** Offers ECN in our SYN; never; or only agrees when the peer offers it, as Linux does. */
export type EcnMode = "on" | "off" | "passive";

/** The two low bits of the traffic class, RFC 3168 §5. */
export const Ecn = { notCapable: 0, ect1: 1, ect0: 2, congestion: 3, mask: 3 } as const;

/** What a connection knows of it. */
export class EcnState {
  /** Both SYNs said so. */
  readonly isAgreed: boolean;
  /** Congestion was seen, and the peer has not said CWR yet. */
  mustEcho = false;
  /** The window went down: the next new data says so. */
  owesCwr = false;
  /** End of the data that said CWR: echoes up to there are of the congestion that was answered. */
  answeredTo = -1;

  constructor(isAgreed: boolean) {
    this.isAgreed = isAgreed;
  }

  /** After a loss too: the peer may stop echoing. */
  windowReduced(): void {
    if (this.isAgreed) this.owesCwr = true;
  }
}

/** Nothing was agreed, so nothing is ever noted: one for all connections without it. */
export const NO_ECN: EcnState = new EcnState(false);

/** How a SYN offers ECN, §6.1.1. */
export const ECN_SETUP: number = Flag.ece | Flag.cwr;

// --- agreement, §6.1.1

/** Flags for our SYN; a SYN that goes again offers nothing (§6.1.1.1): something on the way may drop those that do. */
export function synFlags(connection: Connection, answering: boolean): number {
  const { ecn, options, route } = connection;
  if (answering) return ecn.isAgreed ? Flag.ece : 0;
  return options.ecn === "on" && !route.reliable && connection.synAttempts === 0 ? ECN_SETUP : 0;
}

/** Whether a SYN offers ECN, and we take it. */
export function takesEcn(flags: number, trafficClass: number, options: TcpOptions, route: Route): boolean {
  const isOffered = (flags & ECN_SETUP) === ECN_SETUP && isSane(trafficClass);
  return isOffered && options.ecn !== "off" && !route.reliable;
}

/** A SYN that is marked as capable itself comes from someone who sets bits at random. */
function isSane(trafficClass: number): boolean {
  return (trafficClass & Ecn.mask) === Ecn.notCapable;
}

/** The peer's SYN, or its SYN-ACK. `trafficClass` of its packet. */
export function agreeEcn(connection: Connection, segment: TcpSegment, trafficClass: number): void {
  const { flags } = segment;
  const isAnswered =
    (flags & ECN_SETUP) === Flag.ece && isSane(trafficClass) && synFlags(connection, false) === ECN_SETUP;
  const isAgreed =
    (flags & Flag.ack) !== 0
      ? isAnswered
      : takesEcn(flags, trafficClass, connection.options, connection.route);
  connection.ecn = isAgreed ? new EcnState(true) : NO_ECN;
}

/** The peer's SYN again, without the offer: it gave up on ECN (§6.1.1.1). */
export function repeatedSyn(connection: Connection, segment: TcpSegment): void {
  if ((segment.flags & ECN_SETUP) !== ECN_SETUP) connection.ecn = NO_ECN;
}

// --- as the receiver, §6.1.3

/** A segment with data in the window has come. */
export function noteCongestion(connection: Connection, segment: TcpSegment, trafficClass: number): void {
  const { ecn } = connection;
  if ((segment.flags & Flag.cwr) !== 0) ecn.mustEcho = false;
  if ((trafficClass & Ecn.mask) !== Ecn.congestion || ecn.mustEcho) return;
  ecn.mustEcho = true;
  // The sender should hear of it within this round trip.
  connection.ackPending = true;
  connection.host.ready(connection);
}

// --- as the sender, §6.1.2

/** An ACK with ECE: the window goes down as for a loss, but once per round trip. */
export function echoArrives(connection: Connection, now: number): void {
  const { ecn, sending, controller } = connection;
  if (sending.una <= ecn.answeredTo || sending.records.count === 0) return;
  if (controller.lossBased) reduce(connection, now, "congestion");
  ecn.windowReduced();
}

/** CWR, on the first new data after the window went down; `end` of that segment. */
export function reducedFlag(connection: Connection, end: number): number {
  const { ecn } = connection;
  if (!ecn.owesCwr) return 0;
  ecn.owesCwr = false;
  ecn.answeredTo = end;
  return Flag.cwr;
}

/** Whether this segment may be marked: new data alone, so that no lost mark goes unnoticed (§6.1.4 to §6.1.6). */
export function codepoint(connection: Connection, isNewData: boolean): number {
  return isNewData && connection.ecn.isAgreed && connection.controller.lossBased ? Ecn.ect0 : Ecn.notCapable;
}
