// RACK loss detection, RFC 8985: a segment is lost when one sent sufficiently later was delivered. The one loss
// detector of the core; what it needs of time is the arrival of the ACK and of the sending, never "now" of processing.
// May use nothing; times are arguments.

import type { SentRecord, SentRecords } from "./sent-records.ts";
import { WindowedMin } from "./windowed-min.ts";

/** RFC 8985 §6.2 step 1 asks for a windowed minimum; Linux's tcp_min_rtt_wlen. */
const MIN_RTT_WINDOW = 300_000_000;
/** Two events within one tick of a runtime's clock carry no order. */
const CLOCK_RESOLUTION = 1_000;
const DUPLICATE_THRESHOLD = 3;

export class Rack {
  readonly minRtt: WindowedMin = new WindowedMin(MIN_RTT_WINDOW);
  /** Round trip of the segment most recently sent among those delivered. */
  rtt = 0;
  reorderingSeen = false;
  private sentAt = 0;
  private end = 0;
  /** Highest offset delivered, §6.2 step 3. */
  private highest = 0;

  /**
   * A record was delivered, by ACK or SACK (§6.2 steps 1 to 3).
   * @param stale its timestamp says that an earlier sending of it is answered, not the last one
   */
  delivered(record: SentRecord, now: number, stale: boolean): void {
    if (record.end > this.highest) this.highest = record.end;
    else if (record.end < this.highest && record.retransmissions === 0) this.reorderingSeen = true;
    // An arrival may be stamped before a sending that it was read after.
    const rtt = Math.max(0, now - record.sentAt);
    if (record.retransmissions > 0) {
      // The ACK may be of the first sending: an answer faster than any round trip is not one of this sending.
      if (stale || rtt < this.minRtt.value) return;
    } else this.minRtt.update(now, rtt);
    this.rtt = rtt;
    if (sentAfter(record.sentAt, record.end, this.sentAt, this.end)) {
      this.sentAt = record.sentAt;
      this.end = record.end;
    }
  }

  /**
   * Marks what is lost by now (§6.2 step 5).
   * @returns time until the earliest record that may yet be judged lost; 0 when there is none
   */
  detect(records: SentRecords, now: number, srtt: number, recovering: boolean): number {
    const window = this.reorderingWindow(records, srtt, recovering);
    let wait = 0;
    let record = records.oldest;
    while (record !== null && sentAfter(this.sentAt, this.end, record.sentAt, record.end)) {
      const newer: SentRecord | null = record.newer;
      const remaining = record.sentAt + this.rtt + window - now;
      if (remaining <= 0) records.markRecordLost(record);
      else if (remaining > wait) wait = remaining;
      record = newer;
    }
    return wait;
  }

  /** §6.2 step 4. */
  reorderingWindow(records: SentRecords, srtt: number, recovering: boolean): number {
    if (!this.reorderingSeen && (recovering || records.sackedCount >= DUPLICATE_THRESHOLD)) return 0;
    const quarter = this.minRtt.value === Number.POSITIVE_INFINITY ? 0 : this.minRtt.value / 4;
    return Math.min(quarter + CLOCK_RESOLUTION, Math.max(srtt, CLOCK_RESOLUTION));
  }
}

function sentAfter(time1: number, end1: number, time2: number, end2: number): boolean {
  return time1 > time2 || (time1 === time2 && end1 > end2);
}
