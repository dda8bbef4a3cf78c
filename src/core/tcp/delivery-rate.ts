// Delivery-rate samples, draft-cheng-iccrg-delivery-rate-estimation: how fast the path took what was sent, with the
// mark of samples that the application's own pace limited. May use nothing; times are arguments, rates bytes per second.

import type { SentRecord } from "./sent-records.ts";

export class DeliveryRate {
  /** Bytes delivered in all. */
  delivered = 0;
  /** The latest sample; 0 until there is one. */
  rate = 0;
  appLimited = false;
  private deliveredAt = 0;
  private firstSentAt = 0;
  /** Delivered count at which the app-limited period ends; 0 when there is none. */
  private limitedUntil = 0;
  private priorDelivered = -1;
  private priorAt = 0;
  private priorFirstSentAt = 0;
  private priorSentAt = 0;
  private priorLimited = false;

  /** A record leaves: it carries the state of now (§3.2). */
  sent(record: SentRecord, now: number, nothingInFlight: boolean): void {
    if (nothingInFlight) {
      this.firstSentAt = now;
      this.deliveredAt = now;
    }
    record.firstSentAt = this.firstSentAt;
    record.deliveredAt = this.deliveredAt;
    record.delivered = this.delivered;
    record.appLimited = this.limitedUntil > 0;
  }

  /** The sender has nothing to send though window is left (§3.3). */
  markAppLimited(inFlight: number): void {
    this.limitedUntil = Math.max(1, this.delivered + inFlight);
  }

  /** A record was delivered by this ACK. */
  acknowledged(record: SentRecord, now: number, bytes: number): void {
    this.delivered += bytes;
    this.deliveredAt = now;
    if (record.delivered <= this.priorDelivered) return;
    this.priorDelivered = record.delivered;
    this.priorAt = record.deliveredAt;
    this.priorFirstSentAt = record.firstSentAt;
    this.priorSentAt = record.sentAt;
    this.priorLimited = record.appLimited;
    this.firstSentAt = record.sentAt;
  }

  /** The ACK is through: makes its sample (§3.4). `minRtt` screens samples too short to mean anything. */
  finish(now: number, minRtt: number): void {
    if (this.limitedUntil > 0 && this.delivered > this.limitedUntil) this.limitedUntil = 0;
    if (this.priorDelivered < 0) return;
    const interval = Math.max(this.priorSentAt - this.priorFirstSentAt, now - this.priorAt);
    const bytes = this.delivered - this.priorDelivered;
    this.priorDelivered = -1;
    if (interval < minRtt || interval <= 0) return;
    this.appLimited = this.priorLimited;
    this.rate = (bytes * 1_000_000) / interval;
  }
}
