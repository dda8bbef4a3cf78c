// The link budget (DESIGN §3, "Where the queue is"): how many packet bytes may be on a link before the other side has
// said that it took them. A bandwidth-delay estimate and a little more, so that the link is never idle and the queue
// in kernels and proxies, which nobody can look into, stays a few milliseconds long. Control frames do not count.

import { WindowedMax } from "../stack/index.ts";
import type { Micros } from "./clock.ts";
import { DeliveryRate } from "./delivery-rate.ts";

/** What an end lets be outstanding when it announced nothing else. */
export const DEFAULT_RECEIVE_CAP: number = 4 << 20;

export class LinkBudget {
  /** The most that the other side lets be outstanding, whatever the estimate says. */
  readonly cap: number;
  /** Packet bytes that may be outstanding now; and when the queue is not being drained to see the round trip. */
  budget: number = INITIAL_BUDGET;
  steadyBudget: number = INITIAL_BUDGET;
  /** Smoothed and least round trip of the link; 0 while unknown. */
  rtt: Micros = 0;
  minRtt: Micros = 0;
  /** Payload bytes that one packet should have on a reliable route: about 2 ms of the link's time. */
  segmentLimit: number = INITIAL_SEGMENT;
  /**
   * Bytes from which on a message is long enough. A message arrives as a whole: were the budget one message, the link
   * would stand still until the word of it is back.
   */
  messageLimit: number = INITIAL_BUDGET / MESSAGES_IN_BUDGET;
  /** Bytes: no segment is longer, and no message much longer. */
  private readonly bestMessage: number;
  private readonly delivery: DeliveryRate = new DeliveryRate();
  private readonly maxRate: WindowedMax = new WindowedMax(RATE_WINDOW_ROUNDS);
  private round: number = 0;
  private roundStart: Micros = 0;
  /** A round ends when what was sent after its start has arrived. */
  private roundDelivered: number = 0;
  /** The greatest sample of this round, and of the one before. */
  private roundRate: number = 0;
  private recentRate: number = 0;
  /** Start-up doubles the budget each round, until the rate no longer follows. */
  private isPipeFull: boolean = false;
  private fullRate: number = 0;
  private fullRounds: number = 0;
  private isRateMeasured: boolean = false;
  private minRttAt: Micros = 0;
  /** Draining the queue to see the true round trip; since when it is drained, or 0. */
  private isProbing: boolean = false;
  private drainedAt: Micros = 0;
  /** The smallest step of the clock that was seen: browsers may round time to 100 ms. */
  private tick: Micros = Number.POSITIVE_INFINITY;
  private ticks: number = 0;
  private lastNow: Micros = 0;

  /** @param bestMessage Link.bestMessage */
  constructor(cap: number, bestMessage: number = LARGEST_SEGMENT) {
    this.cap = cap;
    this.bestMessage = bestMessage;
    this.budget = this.steadyBudget = Math.min(INITIAL_BUDGET, cap);
  }

  get inFlight(): number {
    return this.delivery.inFlight;
  }

  /** Packet bytes sent in all. */
  get sent(): number {
    return this.delivery.sent;
  }

  /** Estimated rate, bytes per second; 0 while unknown. */
  get rate(): number {
    return this.maxRate.value;
  }

  onSent(now: Micros, bytes: number): void {
    this.observe(now);
    this.delivery.onSent(now, bytes);
  }

  /**
   * In how many microseconds what leaves now will have arrived, as far as can be told: half a round trip behind what is
   * queued. `pending` bytes leave before it.
   */
  delay(pending: number): Micros {
    const { minRtt } = this;
    const rate = this.isRateMeasured
      ? this.rate
      : Math.max(this.rate, (this.budget * 1_000_000) / Math.max(minRtt, SHORTEST_GUESS));
    const queued = Math.max(0, this.inFlight + pending - (rate * minRtt) / 1_000_000);
    return minRtt / 2 + (queued * 1_000_000) / rate;
  }

  /** Word of what is under way is late: the link stands still, or is dead. */
  isOverdue(now: Micros): boolean {
    return this.inFlight > 0 && now - this.delivery.deliveredAt > 2 * this.minRtt + OVERDUE;
  }

  /** Since when bytes are under way without word of any; infinity when none are. */
  get waitingSince(): Micros {
    return this.inFlight > 0 ? this.delivery.deliveredAt : Number.POSITIVE_INFINITY;
  }

  /** Nothing waits although the budget has room: what is measured now is the application, not the link. */
  onIdle(): void {
    if (this.inFlight < this.budget) this.delivery.markAppLimited();
  }

  /** The other side took `total` packet bytes in all. False: more than were sent, which breaks the protocol. */
  onReceived(now: Micros, total: number): boolean {
    if (total > this.delivery.sent) return false;
    this.observe(now);
    if (!this.delivery.onDelivered(now, total)) return true;
    const { sample } = this.delivery;
    if (sample.priorDelivered >= this.roundDelivered && now - this.roundStart >= SHORTEST_ROUND) {
      this.round++;
      this.recentRate = this.roundRate;
      this.roundRate = 0;
      this.roundStart = now;
      this.roundDelivered = total;
      this.judgeStartUp(sample.appLimited);
    }
    this.roundRate = Math.max(this.roundRate, sample.rate);
    if (sample.rate > 0 && (!sample.appLimited || sample.rate >= this.maxRate.value)) {
      this.maxRate.add(this.round, sample.rate);
      if (!sample.appLimited) this.isRateMeasured = true;
    }
    this.takeRtt(now, sample.rtt, sample.sentAt);
    this.derive();
    return true;
  }

  /** A round trip seen in another way (a pong). */
  onRoundTrip(now: Micros, rtt: Micros): void {
    this.takeRtt(now, rtt, now - rtt);
    this.derive();
  }

  /** The pipe is full when three rounds brought less than a quarter more. */
  private judgeStartUp(appLimited: boolean): void {
    if (this.isPipeFull || appLimited) return;
    const rate = this.maxRate.value;
    if (rate >= this.fullRate * 1.25) {
      this.fullRate = rate;
      this.fullRounds = 0;
    } else if (++this.fullRounds >= 3) {
      this.isPipeFull = true;
    }
  }

  private takeRtt(now: Micros, sample: Micros, sentAt: Micros): void {
    const rtt = Math.max(1, sample);
    this.rtt = this.rtt === 0 ? rtt : this.rtt + (rtt - this.rtt) / 8;
    if (this.minRtt === 0 || rtt <= this.minRtt) {
      this.minRtt = rtt;
      this.minRttAt = now;
      this.isProbing = false;
      return;
    }
    if (this.isProbing) {
      if (this.drainedAt === 0) {
        if (this.inFlight <= this.probeBudget()) this.drainedAt = now;
      } else if (sentAt >= this.drainedAt) {
        this.minRtt = rtt;
        this.minRttAt = now;
        this.isProbing = false;
      }
    } else if (now - this.minRttAt > MIN_RTT_WINDOW) {
      // A minimum that simply expired would be replaced by one that has our own queue in it, again and again.
      this.isProbing = true;
      this.drainedAt = 0;
    }
  }

  private observe(now: Micros): void {
    const step = now - this.lastNow;
    if (step <= 0) return;
    this.lastNow = now;
    this.ticks++;
    if (step < this.tick) this.tick = step;
  }

  /** Half of what is on the way at the rate of late, not of the whole window: it has to drain the queue. */
  private probeBudget(): number {
    const rate = Math.min(this.rate, Math.max(this.roundRate, this.recentRate));
    return Math.max(SMALLEST_BUDGET, (rate * this.minRtt) / 2_000_000);
  }

  private derive(): void {
    const { rate, minRtt } = this;
    if (rate === 0) return;
    const delay = rate * (minRtt / 1_000_000);
    // With a coarse clock the rate is known as bytes a tick: the budget must be able to grow by some.
    const ticks = this.ticks < ENOUGH_TICKS ? 0 : Math.min(2 * this.tick, LONGEST_TICKS);
    const headroom = rate * (Math.max(HEADROOM, minRtt / 8, ticks) / 1_000_000);
    const steady = this.isPipeFull
      ? Math.max(SMALLEST_BUDGET, delay + headroom)
      : Math.max(INITIAL_BUDGET, 2 * delay + headroom);
    this.steadyBudget = Math.min(Math.ceil(steady), this.cap);
    this.budget = this.isProbing ? Math.min(this.probeBudget(), this.steadyBudget) : this.steadyBudget;
    const share = Math.max(SMALLEST_SEGMENT, Math.floor(rate * SEGMENT_TIME));
    const segment = Math.min(this.bestMessage, share);
    // A link that has only seen a trickle is not known to be slow.
    this.segmentLimit = this.isRateMeasured ? segment : Math.max(INITIAL_SEGMENT, segment);
    const message = this.isRateMeasured ? share : INITIAL_BUDGET;
    this.messageLimit = Math.min(
      this.bestMessage,
      LONGEST_MESSAGE,
      message,
      this.budget / MESSAGES_IN_BUDGET,
    );
  }
}

const INITIAL_BUDGET = 65_536;
/** 64 KiB would be a quarter of a second at 2 Mbit/s: once the rate is known a slow link gets less. */
const SMALLEST_BUDGET = 16_384;
/** Queue that keeps the link busy through the pauses of an event loop; lets the budget grow when the rate did. */
const HEADROOM: Micros = 5_000;
/** Round trip that a link of unknown rate is thought to have at least. */
const SHORTEST_GUESS: Micros = 10_000;
/** What word of arrival may take beyond two round trips: its own waiting, and a pause of the other side's loop. */
const OVERDUE: Micros = 25_000;
const ENOUGH_TICKS = 16;
const LONGEST_TICKS: Micros = 200_000;
const RATE_WINDOW_ROUNDS = 4;
const SHORTEST_ROUND: Micros = 60_000;
const MIN_RTT_WINDOW: Micros = 10_000_000;
const INITIAL_SEGMENT = 16_384;
const MESSAGES_IN_BUDGET = 4;
/** Just below the largest segment: one fills a message. Longer ones were measured to cost their receiver more. */
const LONGEST_MESSAGE = 61_440;
const SMALLEST_SEGMENT = 1_220;
const LARGEST_SEGMENT = 65_535;
/** Seconds. */
const SEGMENT_TIME = 0.002;
