// SACK blocks at the sender, RFC 2018. A block that grew since the last ACK is walked only where it grew, so that a
// long one costs no more than a short one. May use this room's types; time is the segment's arrival.

import { seqDifference } from "../wire/seq.ts";
import type { TcpSegment } from "../wire/tcp-segment.ts";
import type { Connection } from "./connection.ts";
import { delivery, noteDelivered } from "./delivery.ts";

/** @param ack offset that the segment acknowledges */
export function takeSackBlocks(connection: Connection, now: number, segment: TcpSegment, ack: number): void {
  takeDuplicate(connection, segment, ack);
  const { sending } = connection;
  if (sending.records.count === 0) return;
  connection.sackSeen ??= [];
  const { sackSeen } = connection;
  const seen = sackSeen.length;
  for (let block = 0; block < segment.sackCount; block++) {
    lefts[block] = offsetOf(connection, segment.sackEdges[block * 2]);
    rights[block] = offsetOf(connection, segment.sackEdges[block * 2 + 1]);
    sortIn(block);
  }
  for (let block = 0; block < segment.sackCount; block++) {
    const left = lefts[block];
    const right = rights[block];
    // A block below SND.UNA is old news or tells of a duplicate; one beyond what was sent is nonsense.
    if (right <= left || left < sending.una || right > sending.next) continue;
    walk(connection, now, left, right, sackSeen, seen);
    sackSeen.push(left, right);
  }
  sackSeen.copyWithin(0, seen);
  sackSeen.length -= seen;
}

/** RFC 2883 §4: a first block below the segment's own ACK, or within the second block, tells what came twice. */
function takeDuplicate(connection: Connection, segment: TcpSegment, ack: number): void {
  const { sending, rack, undo } = connection;
  const edges = segment.sackEdges;
  const left = offsetOf(connection, edges[0]);
  const right = offsetOf(connection, edges[1]);
  // What was never sent is nobody's duplicate, nor is what is older than any window.
  if (right <= left || right > sending.next || left < sending.una - sending.maxWindow) return;
  const within =
    segment.sackCount > 1 &&
    left >= offsetOf(connection, edges[2]) &&
    right <= offsetOf(connection, edges[3]);
  if (right > ack && !within) return;
  delivery.duplicateEnd = right;
  connection.duplicatesReported += Math.ceil((right - left) / sending.mss);
  // The path makes copies too: what was sent once says nothing of us.
  if (connection.duplicatesReported > connection.retransmits) return;
  undo?.duplicate(right, right - left);
  // A probe was sent by a timer: it does not say that RACK was hasty.
  const { tail } = connection;
  if (!tail.isResent || right !== tail.end) rack.duplicateSeen(sending.una, sending.next);
}

/**
 * Blocks in the order of the stream: the most recent comes first on the wire, and when an ACK with older ones was lost,
 * taking those after it would look like reordering to RACK.
 */
function sortIn(block: number): void {
  for (let at = block; at > 0 && lefts[at] < lefts[at - 1]; at--) {
    [lefts[at], lefts[at - 1]] = [lefts[at - 1], lefts[at]];
    [rights[at], rights[at - 1]] = [rights[at - 1], rights[at]];
  }
}

const lefts: number[] = [0, 0, 0, 0];
const rights: number[] = [0, 0, 0, 0];

/** Marks what [left, right) covers, leaving out what earlier blocks covered: those records are marked already. */
function walk(
  connection: Connection,
  now: number,
  left: number,
  right: number,
  sackSeen: readonly number[],
  seen: number,
): void {
  let from = left;
  while (from < right) {
    let to = right;
    let covered = -1;
    for (let index = 0; index < seen; index += 2) {
      if (sackSeen[index] <= from && sackSeen[index + 1] > from) covered = sackSeen[index + 1];
      else if (sackSeen[index] > from && sackSeen[index] < to) to = sackSeen[index];
    }
    if (covered > from) {
      from = covered;
      continue;
    }
    mark(connection, now, left, right, from, to);
    from = to;
  }
}

/** Marks the records that lie within [left, right) and touch [from, to). */
function mark(
  connection: Connection,
  now: number,
  left: number,
  right: number,
  from: number,
  to: number,
): void {
  const { records } = connection.sending;
  let index = records.indexOf(from);
  for (;;) {
    const record = records.at(index++);
    if (record === null || record.start >= to || record.end > right) return;
    if (record.start < left || record.sacked) continue;
    noteDelivered(connection, now, record, false);
    records.markSacked(record);
  }
}

function offsetOf(connection: Connection, seq: number): number {
  const { sending } = connection;
  return sending.next + seqDifference(seq, sending.seq(sending.next));
}
