// RFC 7323 §3 to §5: timestamps and PAWS. A segment without the option is taken even after it was agreed: some peers
// leave it out, and dropping their ACKs hangs them (§3.2 allows it).

import { seqDifference } from "../wire/seq.ts";
import type { TcpSegment } from "../wire/tcp-segment.ts";
import { Flag } from "../wire/tcp-segment.ts";
import type { Connection } from "./connection.ts";

/** TS.Recent of a connection that was idle this long proves nothing any more (§5.5). */
const OUTDATED = 24 * 24 * 3600 * 1_000_000;

/** Our timestamp clock: milliseconds from a secret start. */
export function timestampValue(connection: Connection, now: number): number {
  return (Math.floor(now / 1000) + connection.timestampOffset) >>> 0;
}

/**
 * §5.3 R1: false for a segment from before what was already seen. What fills a hole may be older than TS.Recent: when one
 * hole is mended by a second sending, others may wait for a first one that is only late. It was sent after what came
 * before the holes, and so in this round of the sequence numbers; without this a path that reorders loses what it does
 * not (draft-demizu-tcpm-paws-reordering).
 */
export function acceptTimestamp(connection: Connection, now: number, segment: TcpSegment): boolean {
  if (!connection.timestampsOk || !segment.hasTimestamps || (segment.flags & Flag.rst) !== 0) return true;
  if (seqDifference(segment.tsVal, connection.tsRecent) >= 0) return true;
  if (now - connection.tsRecentAt > OUTDATED) return true;
  const { reassembly } = connection.receiving;
  const isData = segment.dataEnd > segment.dataStart;
  return isData && !reassembly.empty && seqDifference(segment.tsVal, reassembly.timestamp) >= 0;
}

/** §4.3: the timestamp to echo is that of the segment that the last ACK was about. */
export function rememberTimestamp(
  connection: Connection,
  now: number,
  segment: TcpSegment,
  start: number,
): void {
  if (!connection.timestampsOk || !segment.hasTimestamps) return;
  if (start > connection.receiving.acknowledged) return;
  if (seqDifference(segment.tsVal, connection.tsRecent) < 0 && now - connection.tsRecentAt <= OUTDATED)
    return;
  connection.tsRecent = segment.tsVal;
  connection.tsRecentAt = now;
}
