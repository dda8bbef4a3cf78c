// What two SYNs agree on: segment size (RFC 6691), window scale and timestamps (RFC 7323), SACK (RFC 2018).
// An option holds only if both sides sent it.

import type { TcpSegment } from "../wire/tcp-segment.ts";
import type { Connection } from "./connection.ts";
import { MINIMUM_MSS, type TcpOptions } from "./options.ts";
import { headerLength, withinPath } from "./pmtu.ts";
import type { Route } from "./route.ts";
import { timestampValue } from "./timestamps.ts";

/** RFC 9293 §3.7.1 for a SYN without an MSS option. */
const DEFAULT_MSS_V4 = 536;
const DEFAULT_MSS_V6 = 1220;

/** What a SYN says that its sender takes, or what it means when it does not say. */
export function offeredSegment(syn: TcpSegment, family: 4 | 6): number {
  if (syn.mss > 0) return syn.mss;
  return family === 4 ? DEFAULT_MSS_V4 : DEFAULT_MSS_V6;
}

/** Payload and options that fit in one packet of the route: what our MSS option says (RFC 6691). */
export function largestSegment(route: Route, family: 4 | 6, options: TcpOptions): number {
  const fit = Math.min(route.mtu - headerLength(family), 65_535 - 20);
  const wanted = options.maxSegmentSize;
  return Math.max(wanted > 0 ? Math.min(fit, wanted) : fit, MINIMUM_MSS);
}

/** The smallest shift with which the header can say the largest buffer (RFC 7323 §2.3); 0 when scaling is off. */
export function windowScaleFor(options: TcpOptions): number {
  if (!options.windowScaling) return 0;
  let shift = 0;
  while (shift < 14 && 65535 << shift < options.receiveBuffer) shift++;
  return shift;
}

/** The peer's SYN has come. */
export function agreeOptions(connection: Connection, now: number, segment: TcpSegment): void {
  const { options, sending, receiving } = connection;
  const offered = offeredSegment(segment, connection.remote.family);
  const agreed = Math.min(Math.max(offered, MINIMUM_MSS), connection.largestSegment());
  sending.mss = withinPath(connection, now, agreed);
  connection.controller.segmentSizeChanged(sending.mss);
  connection.scalingOk = options.windowScaling && segment.windowScale >= 0;
  if (connection.scalingOk) sending.scale = segment.windowScale;
  else receiving.scale = 0;
  connection.sackOk = options.sack && segment.sackPermitted;
  connection.timestampsOk = options.timestamps && segment.hasTimestamps;
  if (connection.timestampsOk) {
    connection.tsRecent = segment.tsVal;
    connection.tsRecentAt = now;
  }
}

/** Fills the options of our SYN or SYN-ACK. A SYN-ACK says only what the SYN offered. */
export function offerOptions(
  connection: Connection,
  now: number,
  segment: TcpSegment,
  answering: boolean,
): void {
  const { options, receiving } = connection;
  segment.mss = Math.min(connection.largestSegment(), 65535);
  if (answering ? connection.scalingOk : options.windowScaling) segment.windowScale = receiving.scale;
  segment.sackPermitted = answering ? connection.sackOk : options.sack;
  if (answering ? connection.timestampsOk : options.timestamps) {
    segment.hasTimestamps = true;
    segment.tsVal = timestampValue(connection, now);
    segment.tsEcr = answering ? connection.tsRecent : 0;
  }
}
