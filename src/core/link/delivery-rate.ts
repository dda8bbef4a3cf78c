// How fast a link delivers (draft-cheng-iccrg-delivery-rate-estimation, with messages for segments and `received` for
// ACKs): bytes delivered between the sending of a message and the word that it arrived, over the longer of the time it
// took to send them and the time it took to hear of them.

import type { Micros } from "./clock.ts";

/** The latest sample; one object, filled again and again. */
export interface DeliverySample {
  /** Bytes per second; 0: too short to tell. */
  rate: number;
  /** From the sending of the newest delivered message to now. */
  rtt: Micros;
  /** When that message was sent. */
  sentAt: Micros;
  /** Bytes that had been delivered when it was sent. */
  priorDelivered: number;
  /** The sender had less to send than it might have: the rate says little about the link. */
  appLimited: boolean;
}

export class DeliveryRate {
  /** Bytes, in all. */
  sent: number = 0;
  delivered: number = 0;
  readonly sample: DeliverySample = { rate: 0, rtt: 0, sentAt: 0, priorDelivered: 0, appLimited: false };
  /** When word of arrival last came; or when the first of what is under way was sent. */
  deliveredAt: Micros = 0;
  private firstSentAt: Micros = 0;
  /** Samples of messages sent before more than this was delivered are limited by the application. */
  private appLimitedUntil: number = 0;
  /** A ring of records, FIELDS numbers each. */
  private ring: Float64Array = new Float64Array(16 * FIELDS);
  private head: number = 0;
  private count: number = 0;

  get inFlight(): number {
    return this.sent - this.delivered;
  }

  /** One message left. */
  onSent(now: Micros, bytes: number): void {
    if (this.inFlight === 0) this.firstSentAt = this.deliveredAt = now;
    this.sent += bytes;
    if (this.count * FIELDS === this.ring.length && !this.enlarge()) {
      // Messages beyond the ring share a record, dated by the newest.
      const last = this.slot(this.count - 1);
      this.ring[last + END] = this.sent;
      this.ring[last + SENT_AT] = now;
      return;
    }
    const slot = this.slot(this.count++);
    const { ring } = this;
    ring[slot + END] = this.sent;
    ring[slot + SENT_AT] = now;
    ring[slot + DELIVERED] = this.delivered;
    ring[slot + DELIVERED_AT] = this.deliveredAt;
    ring[slot + FIRST_SENT_AT] = this.firstSentAt;
    ring[slot + APP_LIMITED] = this.delivered <= this.appLimitedUntil ? 1 : 0;
  }

  /** `total` bytes have arrived in all. True: `sample` is new. */
  onDelivered(now: Micros, total: number): boolean {
    if (total <= this.delivered) return false;
    this.delivered = total;
    this.deliveredAt = now;
    let newest = -1;
    while (this.count > 0 && this.ring[this.slot(0) + END] <= total) {
      newest = this.slot(0);
      this.head++;
      this.count--;
    }
    if (newest < 0) return false;
    const { ring, sample } = this;
    sample.sentAt = ring[newest + SENT_AT];
    sample.rtt = now - sample.sentAt;
    sample.priorDelivered = ring[newest + DELIVERED];
    sample.appLimited = ring[newest + APP_LIMITED] === 1;
    const sending = sample.sentAt - ring[newest + FIRST_SENT_AT];
    const hearing = now - ring[newest + DELIVERED_AT];
    const interval = Math.max(sending, hearing);
    sample.rate = interval > 0 ? ((total - sample.priorDelivered) * 1_000_000) / interval : 0;
    this.firstSentAt = sample.sentAt;
    return true;
  }

  /** There was nothing more to send although more might have been sent. */
  markAppLimited(): void {
    this.appLimitedUntil = this.sent;
  }

  private slot(index: number): number {
    return ((this.head + index) * FIELDS) % this.ring.length;
  }

  private enlarge(): boolean {
    if (this.count >= MOST_RECORDS) return false;
    const larger = new Float64Array(this.ring.length * 2);
    for (let i = 0; i < this.count; i++) {
      const slot = this.slot(i);
      larger.set(this.ring.subarray(slot, slot + FIELDS), i * FIELDS);
    }
    this.ring = larger;
    this.head = 0;
    return true;
  }
}

const FIELDS = 6;
const END = 0;
const SENT_AT = 1;
const DELIVERED = 2;
const DELIVERED_AT = 3;
const FIRST_SENT_AT = 4;
const APP_LIMITED = 5;
const MOST_RECORDS = 1024;
