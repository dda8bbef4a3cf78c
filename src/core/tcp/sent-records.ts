// What was sent and is not yet acknowledged: one record a segment, in a ring by stream offset and, through links in the
// records, in the order of sending (as Linux's tsorted list). An ACK touches only what it newly acknowledges:
// the ring pops at its head, a SACK block is found by binary search, RACK walks from the oldest sent.
// Offsets count data from 0; FIN takes one offset after the last byte. May use nothing.

export class SentRecord {
  start = 0;
  end = 0;
  /** When it was last sent, and on which link. */
  sentAt = 0;
  linkId = 0;
  fin = false;
  sacked = false;
  /** Judged lost and not sent again since. */
  lost = false;
  /** Times it was sent again. */
  retransmissions = 0;
  /** Delivery-rate sample, draft-cheng-iccrg-delivery-rate-estimation §3.2: the connection's state when this was sent. */
  delivered = 0;
  deliveredAt = 0;
  firstSentAt = 0;
  appLimited = false;
  older: SentRecord | null = null;
  newer: SentRecord | null = null;

  get length(): number {
    return this.end - this.start;
  }
}

/** Free records, one pool a stack. */
export class RecordPool {
  private readonly free: SentRecord[] = [];

  take(): SentRecord {
    return this.free.pop() ?? new SentRecord();
  }

  give(record: SentRecord): void {
    if (this.free.length >= 4096) return;
    record.older = null;
    record.newer = null;
    this.free.push(record);
  }
}

const EMPTY: SentRecord[] = [];

export class SentRecords {
  /** Bytes sent, not SACKed, not judged lost: RFC 6675's pipe. */
  inFlight = 0;
  /** Bytes judged lost and not yet sent again. */
  lostBytes = 0;
  sackedBytes = 0;
  sackedCount = 0;
  /** Of `inFlight`: what was sent more than once. */
  resentBytes = 0;
  /** Times that something which was sent again was judged lost again. */
  lostResends = 0;
  /** The record sent longest ago that is neither SACKed nor lost, and the latest. */
  oldest: SentRecord | null = null;
  newest: SentRecord | null = null;
  private newlyLost = 0;
  private ring: SentRecord[] = EMPTY;
  private mask = -1;
  /** Absolute numbers of the first record and of the one after the last. */
  private head = 0;
  private tail = 0;
  /** No lost record stands before this number. */
  private lostHint = 0;
  private readonly pool: RecordPool;

  constructor(pool: RecordPool) {
    this.pool = pool;
  }

  /** Bytes judged lost since this was last asked, each time they were. */
  takeLost(): number {
    const { newlyLost } = this;
    this.newlyLost = 0;
    return newlyLost;
  }

  /** Bytes sent and not acknowledged: FlightSize of RFC 5681. */
  get outstanding(): number {
    return this.inFlight + this.lostBytes + this.sackedBytes;
  }

  get count(): number {
    return this.tail - this.head;
  }

  get first(): SentRecord | null {
    return this.head === this.tail ? null : this.ring[this.head & this.mask];
  }

  /** A record for a segment that is leaving now, after all others. */
  push(start: number, end: number, fin: boolean, now: number, linkId: number): SentRecord {
    if (this.tail - this.head === this.ring.length) this.grow();
    const record = this.pool.take();
    record.start = start;
    record.end = end;
    record.fin = fin;
    record.sentAt = now;
    record.linkId = linkId;
    record.sacked = false;
    record.lost = false;
    record.retransmissions = 0;
    this.ring[this.tail++ & this.mask] = record;
    this.inFlight += end - start;
    this.linkNewest(record);
    return record;
  }

  /** The last in the order of the stream: what a tail loss probe sends. */
  get last(): SentRecord | null {
    return this.head === this.tail ? null : this.ring[(this.tail - 1) & this.mask];
  }

  /** A record leaves again: a lost one, or as a probe one that may be under way. */
  resent(record: SentRecord, now: number, linkId: number): void {
    const { length } = record;
    if (record.lost) {
      record.lost = false;
      this.lostBytes -= length;
      this.inFlight += length;
    } else {
      this.unlink(record);
      if (record.retransmissions > 0) this.resentBytes -= length;
    }
    record.retransmissions++;
    record.sentAt = now;
    record.linkId = linkId;
    this.resentBytes += length;
    this.linkNewest(record);
  }

  markLost(index: number): void {
    const record = this.ring[index & this.mask];
    if (record.lost || record.sacked) return;
    record.lost = true;
    if (record.retransmissions > 0) this.lostResends++;
    this.leaveFlight(record);
    this.lostBytes += record.length;
    this.newlyLost += record.length;
    if (index < this.lostHint) this.lostHint = index;
  }

  markRecordLost(record: SentRecord): void {
    this.markLost(this.indexOf(record.start));
  }

  markSacked(record: SentRecord): void {
    if (record.lost) {
      record.lost = false;
      this.lostBytes -= record.length;
    } else this.leaveFlight(record);
    record.sacked = true;
    this.sackedBytes += record.length;
    this.sackedCount++;
  }

  /** The peer dropped what it had SACKed (RFC 2018 §8): all of it counts as in need of resending. */
  reneged(): void {
    for (let index = this.head; index < this.tail; index++) {
      const record = this.ring[index & this.mask];
      if (!record.sacked) continue;
      record.sacked = false;
      record.lost = true;
      this.lostBytes += record.length;
    }
    this.sackedBytes = 0;
    this.sackedCount = 0;
    this.lostHint = this.head;
  }

  /**
   * Everything not SACKed is lost when all links are gone. After a timeout what was sent later than `sentBefore` may
   * well be under way, all but the first (RFC 8985 §6.3).
   */
  markAllLost(sentBefore: number = Number.POSITIVE_INFINITY): void {
    for (let index = this.head; index < this.tail; index++) {
      if (index === this.head || this.ring[index & this.mask].sentAt <= sentBefore) this.markLost(index);
    }
  }

  /** Nothing was lost after all: what was judged so and has not left again is under way, in the order of sending. */
  restoreLost(): void {
    if (this.lostBytes === 0) return;
    const underWay: SentRecord[] = [];
    for (let index = this.head; index < this.tail; index++) {
      const record = this.ring[index & this.mask];
      if (record.sacked) continue;
      underWay.push(record);
      if (!record.lost) continue;
      record.lost = false;
      this.lostBytes -= record.length;
      this.inFlight += record.length;
      if (record.retransmissions > 0) this.resentBytes += record.length;
    }
    underWay.sort((one, other) => one.sentAt - other.sentAt || one.end - other.end);
    this.oldest = this.newest = null;
    for (const record of underWay) this.linkNewest(record);
  }

  /** What is larger than a segment may be now is lost, and nothing else. Returns whether anything was. */
  markLargerLost(size: number): boolean {
    const before = this.lostBytes;
    for (let index = this.head; index < this.tail; index++) {
      if (this.ring[index & this.mask].length > size) this.markLost(index);
    }
    return this.lostBytes > before;
  }

  /** What was sent on one link is lost. Returns whether anything was. */
  markLinkLost(linkId: number): boolean {
    let any = false;
    let record = this.oldest;
    while (record !== null) {
      const newer: SentRecord | null = record.newer;
      if (record.linkId === linkId) {
        this.markRecordLost(record);
        any = true;
      }
      record = newer;
    }
    return any;
  }

  /** What was sent up to a time is lost. Returns whether anything was. */
  markLostBefore(time: number): boolean {
    const before = this.lostBytes;
    let record = this.oldest;
    while (record !== null && record.sentAt <= time) {
      const newer: SentRecord | null = record.newer;
      this.markRecordLost(record);
      record = newer;
    }
    return this.lostBytes > before;
  }

  /** The first record to send again, by offset; null when there is none. */
  nextLost(): SentRecord | null {
    if (this.lostBytes === 0) return null;
    let index = Math.max(this.lostHint, this.head);
    while (index < this.tail && !this.ring[index & this.mask].lost) index++;
    this.lostHint = index;
    return index < this.tail ? this.ring[index & this.mask] : null;
  }

  /** Cuts `record` so that its first part ends at `offset`: a route may have a smaller segment size by now. */
  split(record: SentRecord, offset: number): void {
    if (this.tail - this.head === this.ring.length) this.grow();
    const at = this.indexOf(record.start);
    for (let index = this.tail; index > at + 1; index--) {
      this.ring[index & this.mask] = this.ring[(index - 1) & this.mask];
    }
    this.tail++;
    const rest = this.pool.take();
    rest.start = offset;
    rest.end = record.end;
    rest.fin = record.fin;
    rest.sentAt = record.sentAt;
    rest.linkId = record.linkId;
    rest.sacked = record.sacked;
    rest.lost = record.lost;
    rest.retransmissions = record.retransmissions;
    rest.delivered = record.delivered;
    rest.deliveredAt = record.deliveredAt;
    rest.firstSentAt = record.firstSentAt;
    rest.appLimited = record.appLimited;
    record.end = offset;
    record.fin = false;
    if (!rest.lost && !rest.sacked) this.linkAfter(record, rest);
    if (rest.sacked) this.sackedCount++;
    this.ring[(at + 1) & this.mask] = rest;
  }

  /** Takes the first record out when `offset` covers it. The caller gives it to `recycle` when it has read it. */
  popAcknowledged(offset: number): SentRecord | null {
    if (this.head === this.tail) return null;
    const record = this.ring[this.head & this.mask];
    if (record.end > offset) return null;
    this.head++;
    if (record.sacked) {
      this.sackedBytes -= record.length;
      this.sackedCount--;
    } else if (record.lost) this.lostBytes -= record.length;
    else this.leaveFlight(record);
    return record;
  }

  /** An ACK in the middle of the first record: only the rest is left. */
  trimFirst(offset: number): void {
    const record = this.first;
    if (record === null || offset <= record.start) return;
    const cut = offset - record.start;
    if (record.sacked) this.sackedBytes -= cut;
    else if (record.lost) this.lostBytes -= cut;
    else {
      this.inFlight -= cut;
      if (record.retransmissions > 0) this.resentBytes -= cut;
    }
    record.start = offset;
  }

  recycle(record: SentRecord): void {
    this.pool.give(record);
  }

  /** Number of the record that holds `offset`; for iterating with `at`. */
  indexOf(offset: number): number {
    let low = this.head;
    let high = this.tail - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.ring[middle & this.mask].start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The record with that number; null past the last. */
  at(index: number): SentRecord | null {
    return index < this.tail ? this.ring[index & this.mask] : null;
  }

  clear(): void {
    while (this.head < this.tail) this.pool.give(this.ring[this.head++ & this.mask]);
    this.ring = EMPTY;
    this.mask = -1;
    this.head = this.tail = this.lostHint = 0;
    this.inFlight = this.lostBytes = this.sackedBytes = this.sackedCount = this.resentBytes = 0;
    this.oldest = this.newest = null;
  }

  private leaveFlight(record: SentRecord): void {
    this.inFlight -= record.length;
    if (record.retransmissions > 0) this.resentBytes -= record.length;
    this.unlink(record);
  }

  private linkNewest(record: SentRecord): void {
    record.older = this.newest;
    record.newer = null;
    if (this.newest === null) this.oldest = record;
    else this.newest.newer = record;
    this.newest = record;
  }

  private linkAfter(record: SentRecord, added: SentRecord): void {
    added.older = record;
    added.newer = record.newer;
    if (record.newer === null) this.newest = added;
    else record.newer.older = added;
    record.newer = added;
  }

  private unlink(record: SentRecord): void {
    if (record.older === null) this.oldest = record.newer;
    else record.older.newer = record.newer;
    if (record.newer === null) this.newest = record.older;
    else record.newer.older = record.older;
    record.older = null;
    record.newer = null;
  }

  private grow(): void {
    const size = Math.max(8, this.ring.length * 2);
    const ring = new Array<SentRecord>(size);
    for (let index = this.head; index < this.tail; index++)
      ring[index & (size - 1)] = this.ring[index & this.mask];
    this.ring = ring;
    this.mask = size - 1;
  }
}
