// What one ACK delivered, by cumulative number or by SACK, while it is worked through: it feeds RACK, the delivery rate,
// the round trip and the congestion controller. One object serves all: an ACK is never interrupted.

import { seqDifference, seqLess } from "../wire/seq.ts";
import type { Connection } from "./connection.ts";
import type { SentRecord } from "./sent-records.ts";
import { timestampValue } from "./timestamps.ts";

export interface Delivery {
  bytes: number;
  /** Sending time of the newest record delivered that was sent only once; negative when none was. */
  sampleSentAt: number;
  /** Our timestamp that this ACK echoes; negative when it has none. */
  echo: number;
  /** Something arrived that was judged lost and has not been sent again (RFC 5682). */
  original: boolean;
  /** Where the part ends that the peer had twice (RFC 2883); negative when it told of none. */
  duplicateEnd: number;
}

export const delivery: Delivery = {
  bytes: 0,
  sampleSentAt: -1,
  echo: -1,
  original: false,
  duplicateEnd: -1,
};

export function startDelivery(echo: number): void {
  delivery.bytes = 0;
  delivery.sampleSentAt = -1;
  delivery.echo = echo;
  delivery.original = false;
  delivery.duplicateEnd = -1;
}

/**
 * The round trip that this ACK tells of, microseconds; negative: none. Of what went more than once a timestamp tells
 * which sending is answered (RFC 7323 §4.1); none reaches back across an outage.
 */
export function deliveredRoundTrip(connection: Connection, now: number): number {
  const { sampleSentAt, echo } = delivery;
  if (sampleSentAt >= 0) return now - sampleSentAt;
  if (echo < 0) return -1;
  const rtt = seqDifference(timestampValue(connection, now), echo) * 1000;
  return now - rtt >= connection.sampleBarrier ? rtt : -1;
}

export function noteDelivered(
  connection: Connection,
  now: number,
  record: SentRecord,
  waited: boolean,
): void {
  const { sentAt, length } = record;
  // An echo from before a segment went again is the answer to its first sending (RFC 8985 §6.2 step 2).
  const { echo } = delivery;
  const stale =
    record.retransmissions > 0 && echo >= 0 && seqLess(echo, timestampValue(connection, record.sentAt));
  if (connection.rack.delivered(record, now, stale, waited))
    connection.undo?.arrivedEarly(record.end, length);
  connection.rate.acknowledged(record, now, length);
  delivery.bytes += length;
  const { sending } = connection;
  if (length > sending.largestArrived) sending.largestArrived = length;
  // Karn: a segment sent twice gives no round trip; and none reaches back across an outage.
  const once = record.retransmissions === 0;
  if (once && record.lost) delivery.original = true;
  if (once && sentAt > delivery.sampleSentAt && sentAt >= connection.sampleBarrier)
    delivery.sampleSentAt = sentAt;
}
