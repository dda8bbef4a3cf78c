// How large the receive buffer should be: dynamic right-sizing (Fisk and Feng, 2001) as Linux has it. Twice what the
// application takes in a round trip, and more while that still grows: a slow reader gets no window to fill, a fast one
// is never what limits the path. May use nothing: times are arguments, microseconds.

/** A quarter of the buffer, about Linux's ten segments; room for sixteen more lets a sender in slow start double. */
const FIRST_SHARE = 4;
const SPARE_SEGMENTS = 16;
/** At most so many times as large in one step: one odd measure must not grant everything. */
const LARGEST_STEP = 4;

export class ReceiveTuning {
  /** Shortest time in which a whole window came: a round trip when the window is what limits; 0 until there is one. */
  private windowTime = 0;
  private windowEnd: number;
  private windowBegan: number;
  /** Bytes taken since the round began, and the most that was taken in a round. */
  private taken = 0;
  private began: number;
  private most: number;

  /** @param edge right edge of the window granted now */
  constructor(now: number, edge: number, limit: number) {
    this.windowEnd = edge;
    this.windowBegan = now;
    this.began = now;
    this.most = limit / FIRST_SHARE;
  }

  /** In-order data up to `next` has come; `edge` is granted by now. */
  arrived(now: number, next: number, edge: number): void {
    if (next < this.windowEnd) return;
    const time = Math.max(1, now - this.windowBegan);
    if (this.windowTime === 0 || time < this.windowTime) this.windowTime = time;
    this.windowEnd = edge;
    this.windowBegan = now;
  }

  /**
   * The application took `count` bytes.
   * @param srtt the sender's estimate of this end, 0 when it has none; a bare round trip from the handshake at least
   * @returns the size wanted, `limit` when that is enough
   */
  took(now: number, count: number, srtt: number, mss: number, limit: number): number {
    this.taken += count;
    // The handshake's round trip is a lower bound, a window's time an upper one: a sender that sends little takes long.
    const round = srtt === 0 ? this.windowTime : Math.min(Math.max(srtt, this.windowTime), 2 * srtt);
    if (round === 0 || now - this.began < round) return limit;
    const { taken, most } = this;
    this.taken = 0;
    this.began = now;
    if (taken <= most) return limit;
    this.most = taken;
    if (2 * taken <= limit) return limit;
    const wanted = 2 * taken + Math.min(SPARE_SEGMENTS * mss, taken);
    return Math.max(limit, Math.min(wanted + (2 * wanted * (taken - most)) / most, LARGEST_STEP * limit));
  }
}
