// What one ACK delivered, by cumulative number or by SACK, while it is worked through: it feeds RACK, the delivery rate,
// the round trip and the congestion controller. One object serves all: an ACK is never interrupted.

import type { Connection } from "./connection.ts";
import type { SentRecord } from "./sent-records.ts";

export interface Delivery {
  bytes: number;
  /** Sending time of the newest record delivered that was sent only once; negative when none was. */
  sampleSentAt: number;
}

export const delivery: Delivery = { bytes: 0, sampleSentAt: -1 };

export function startDelivery(): void {
  delivery.bytes = 0;
  delivery.sampleSentAt = -1;
}

export function noteDelivered(connection: Connection, now: number, record: SentRecord): void {
  const { sentAt, length } = record;
  connection.rack.delivered(record, now);
  connection.rate.acknowledged(record, now, length);
  delivery.bytes += length;
  // Karn: a segment sent twice gives no round trip; and none reaches back across an outage.
  const once = record.retransmissions === 0;
  if (once && sentAt > delivery.sampleSentAt && sentAt >= connection.sampleBarrier)
    delivery.sampleSentAt = sentAt;
}
