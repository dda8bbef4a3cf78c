// Delivery-rate samples, draft-cheng-iccrg-delivery-rate-estimation: how fast the path took what was sent, with the
// mark of samples that the application's own pace limited. May use nothing; times are arguments, rates bytes per second.

import type { SentRecord } from "./sent-records.ts";

export class DeliveryRate {
  /** Bytes delivered in all. */
  delivered = 0;
  /** The latest rate that says something of the path, and whether the user's pace limited it; 0 until there is one. */
  rate = 0;
  appLimited = false;
  /**
   * What the last ACK told: its rate, 0 for none; the bytes that had been delivered when the newest of what it delivered
   * was sent, -1 when it delivered nothing; whether the user's pace limited that.
   */
  sampleRate = 0;
  samplePrior = -1;
  sampleAppLimited = false;
  private deliveredAt = 0;
  private firstSentAt = 0;
  /** Delivered count at which the app-limited period ends; 0 when there is none. */
  private limitedUntil = 0;
  // Of the record sent last among those that the present ACK delivered.
  private prior = -1;
  private priorEnd = 0;
  private priorAt = 0;
  private priorFirstSentAt = 0;
  private priorSentAt = 0;
  private priorLimited = false;

  /** What is sent now is limited by the user's pace. */
  get isAppLimited(): boolean {
    return this.limitedUntil > 0;
  }

  /** A record leaves: it carries the state of now (§3.2). `first`: nothing was outstanding. */
  sent(record: SentRecord, now: number, first: boolean): void {
    if (first) {
      this.firstSentAt = now;
      this.deliveredAt = now;
    }
    record.firstSentAt = this.firstSentAt;
    record.deliveredAt = this.deliveredAt;
    record.delivered = this.delivered;
    record.appLimited = this.limitedUntil > 0;
  }

  /** The sender has nothing to send though window is left (§3.4). */
  markAppLimited(inFlight: number): void {
    this.limitedUntil = Math.max(1, this.delivered + inFlight);
  }

  /** A record was delivered by this ACK (§3.3). Of several the one sent last makes the sample. */
  acknowledged(record: SentRecord, now: number, bytes: number): void {
    this.delivered += bytes;
    this.deliveredAt = now;
    if (this.prior >= 0) {
      const later = record.sentAt - this.priorSentAt || record.end - this.priorEnd;
      if (later <= 0) return;
    }
    this.prior = record.delivered;
    this.priorEnd = record.end;
    this.priorAt = record.deliveredAt;
    this.priorFirstSentAt = record.firstSentAt;
    this.priorSentAt = record.sentAt;
    this.priorLimited = record.appLimited;
    // The next sample's time of sending begins where this one's ended.
    this.firstSentAt = record.sentAt;
  }

  /** The ACK is through: makes its sample (§3.3). `minRtt` screens samples too short to mean anything. */
  finish(now: number, minRtt: number): void {
    if (this.limitedUntil > 0 && this.delivered > this.limitedUntil) this.limitedUntil = 0;
    this.sampleRate = 0;
    this.samplePrior = this.prior;
    this.sampleAppLimited = this.priorLimited;
    if (this.prior < 0) return;
    const interval = Math.max(this.priorSentAt - this.priorFirstSentAt, now - this.priorAt);
    const bytes = this.delivered - this.prior;
    this.prior = -1;
    if (interval < minRtt || interval <= 0) return;
    this.sampleRate = (bytes * 1_000_000) / interval;
    // To those who look on, a rate that the user's pace limited tells something only if it is higher.
    if (this.priorLimited && this.sampleRate < this.rate) return;
    this.rate = this.sampleRate;
    this.appLimited = this.priorLimited;
  }
}
