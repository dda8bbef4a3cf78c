// RACK loss detection, RFC 8985: a segment is lost when one sent sufficiently later was delivered. The one loss
// detector of the core; what it needs of time is the arrival of the ACK and of the sending, never "now" of processing.
// May use this room's types; times are arguments.

import type { ReorderingWindow } from "./options.ts";
import type { SentRecord, SentRecords } from "./sent-records.ts";
import { WindowedMin } from "./windowed-min.ts";

/** RFC 8985 §6.2 step 1 asks for a windowed minimum; Linux's tcp_min_rtt_wlen. */
const MIN_RTT_WINDOW = 300_000_000;
const DUPLICATE_THRESHOLD = 3;
/** §6.2 step 4: recoveries without a DSACK after which a widened window is forgotten. */
const PERSISTENCE = 16;

export class Rack {
  readonly minRtt: WindowedMin = new WindowedMin(MIN_RTT_WINDOW);
  /** Round trip of the segment most recently sent among those delivered. */
  rtt = 0;
  /** Times that something sent earlier was delivered later. */
  reorderings = 0;
  /** Whether the least round trip is of the present path: else an answer sooner than it proves nothing. */
  private knowsPath = true;
  /** Such an answer was believed, and no round trip was measured since. */
  private hasBelieved = false;
  private readonly clockResolution: number;
  private readonly mode: ReorderingWindow;
  private sentAt = 0;
  private end = 0;
  /** Highest offset delivered, §6.2 step 3. */
  private highest = 0;
  /** RACK.reo_wnd_mult: the window in quarters of the least round trip. */
  private quarters = 1;
  /** RACK.reo_wnd_persist: recoveries until it is one quarter again. */
  private persistence = 0;
  /** RACK.dsack_round: until SND.UNA is here further DSACKs are of the same round. */
  private round = -1;

  constructor(clockResolution: number, mode: ReorderingWindow) {
    this.clockResolution = clockResolution;
    this.mode = mode;
  }

  /**
   * A record was delivered, by ACK or SACK (§6.2 steps 1 to 3).
   * @param stale its timestamp says that an earlier sending of it is answered, not the last one
   * @param waited its answer waited for a hole to be filled: its round trip is none of the path
   * @returns whether it came sooner than any round trip after its last sending: an earlier one arrived, and was late
   */
  delivered(record: SentRecord, now: number, stale: boolean, waited: boolean): boolean {
    const overtaken = record.end < this.highest;
    if (record.end > this.highest) this.highest = record.end;
    else if (overtaken && record.retransmissions === 0) this.reorderings++;
    // An arrival may be stamped before a sending that it was read after.
    const rtt = Math.max(0, now - record.sentAt);
    if (record.retransmissions > 0) {
      // The ACK may be of the first sending: an answer faster than any round trip is not one of this sending.
      const least = this.knowsPath ? this.minRtt.value : 0;
      const isEarly = least < Number.POSITIVE_INFINITY && rtt + this.clockResolution < least;
      if (isEarly && overtaken) this.reorderings++;
      if (stale || rtt < this.minRtt.value) return isEarly;
    } else if (!waited) {
      this.minRtt.update(now, rtt);
      this.knowsPath = true;
      this.hasBelieved = false;
    }
    this.rtt = rtt;
    if (sentAfter(record.sentAt, record.end, this.sentAt, this.end)) {
      this.sentAt = record.sentAt;
      this.end = record.end;
    }
    return false;
  }

  /** A hole that was resent had only been late. */
  reordered(): void {
    this.reorderings++;
  }

  /** A reduction was taken back because answers came sooner than any round trip. */
  earlyBelieved(): void {
    this.hasBelieved = true;
  }

  /** After that it was loss nevertheless: the path has become shorter, and would seem spurious each time. */
  timedOut(): void {
    if (this.hasBelieved) this.knowsPath = false;
  }

  /** The path may be another one, until a round trip of it is measured. */
  pathChanged(): void {
    this.knowsPath = false;
  }

  /** What was taken for the delivery of the last sending was that of an earlier one: it judges nothing. */
  forget(): void {
    this.sentAt = 0;
    this.end = 0;
  }

  /** A DSACK: the window was too small. It widens once in a round trip. */
  duplicateSeen(una: number, next: number): void {
    if (this.mode !== "adaptive" || (this.round >= 0 && una < this.round)) return;
    this.round = next;
    this.quarters++;
    this.persistence = PERSISTENCE;
  }

  /** A recovery is over. */
  recovered(): void {
    if (this.persistence > 0 && --this.persistence === 0) this.quarters = 1;
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
    if (this.mode === "none") return 0;
    if (this.reorderings === 0 && (recovering || records.sackedCount >= DUPLICATE_THRESHOLD)) return 0;
    const quarter = this.minRtt.value === Number.POSITIVE_INFINITY ? 0 : this.minRtt.value / 4;
    // Two events within one tick of a clock carry no order.
    const tick = this.clockResolution;
    return Math.min(this.quarters * quarter + tick, Math.max(srtt, tick));
  }
}

function sentAfter(time1: number, end1: number, time2: number, end2: number): boolean {
  return time1 > time2 || (time1 === time2 && end1 > end2);
}
