// Finds links that died silently: pings when nothing arrived for a while, and gives up when nothing comes back, or when
// what was sent is not taken. It judges by the times of arrival, never by how often its timer came, which a background
// tab runs once a minute; and only after a turn of I/O, for after a pause the timer comes before what is queued.
import type { Clock, Micros, TimerHandle } from "../core/link/clock.ts";

/** The part of a LinkPort that is watched. */
export interface WatchedPort {
  readonly lastArrival: Micros;
  /** Since when packets are under way without word that any was taken; Infinity when none are. */
  readonly waitingSince: Micros;
  /** Called when packets are under way that were not. */
  onWaiting: (() => void) | null;
  ping(): void;
}

export interface LinkWatchOptions {
  /** Microseconds of silence before a ping. */
  readonly idle: Micros;
  /** Microseconds that an answer to it may take. */
  readonly patience: Micros;
  /**
   * Microseconds of silence that prove death without a ping, where the other side never keeps silent for long. A timer
   * that comes late then need not wait for an answer. Default: none.
   */
  readonly silence?: Micros | undefined;
  /** Microseconds that what was sent may wait for word that it was taken. Default: any time. */
  readonly writeWait?: Micros | undefined;
  /** Nothing came back. Called once. */
  dead(): void;
}

export type WatchOptions = Omit<LinkWatchOptions, "dead">;

export class LinkWatch {
  private readonly clock: Clock;
  private readonly port: WatchedPort;
  private readonly options: LinkWatchOptions;
  private readonly writeWait: Micros;
  private timer: TimerHandle | null = null;
  private timerAt: Micros = Number.POSITIVE_INFINITY;
  /** A ping without an answer: when it left and until when that may take. */
  private ping: { readonly at: Micros; readonly until: Micros } | null = null;
  private isOver: boolean = false;

  constructor(clock: Clock, port: WatchedPort, options: LinkWatchOptions) {
    this.clock = clock;
    this.port = port;
    this.options = options;
    this.writeWait = options.writeWait ?? Number.POSITIVE_INFINITY;
    if (this.writeWait !== Number.POSITIVE_INFINITY)
      port.onWaiting = () => this.arm(port.waitingSince + this.writeWait);
    this.arm(port.lastArrival + options.idle);
  }

  stop(): void {
    this.isOver = true;
    this.port.onWaiting = null;
    if (this.timer !== null) this.clock.cancel(this.timer);
    this.timer = null;
  }

  /** The way may have changed (a network came, a machine woke up): asks at once and does not wait as long. */
  doubt(): void {
    if (this.isOver) return;
    this.ask(this.clock.now(), Math.min(this.options.patience, DOUBT));
  }

  /** Looks at `at`, or before when that is due already. */
  private arm(at: Micros): void {
    if (this.isOver || at >= this.timerAt) return;
    if (this.timer !== null) this.clock.cancel(this.timer);
    this.timerAt = at;
    this.timer = this.clock.schedule(at, () => {
      this.timer = null;
      this.clock.defer(() => this.look());
    });
    // Only streams and listeners keep a process alive.
    this.clock.unref?.(this.timer);
  }

  private look(): void {
    if (this.isOver) return;
    this.timerAt = Number.POSITIVE_INFINITY;
    const now = this.clock.now();
    const { idle, patience, silence = Number.POSITIVE_INFINITY } = this.options;
    const { lastArrival, waitingSince } = this.port;
    if (this.ping !== null && lastArrival >= this.ping.at) this.ping = null;
    const isUnanswered = this.ping !== null && now >= this.ping.until;
    if (isUnanswered || now - lastArrival >= silence || now - waitingSince >= this.writeWait) {
      this.stop();
      this.options.dead();
      return;
    }
    this.arm(waitingSince + this.writeWait);
    if (this.ping !== null) {
      // Once on the way, for an answer begins the silence anew.
      const next = this.ping.at + idle;
      this.arm(next > now ? Math.min(next, this.ping.until) : this.ping.until);
    } else if (now - lastArrival >= idle) this.ask(now, patience);
    else this.arm(lastArrival + idle);
  }

  private ask(now: Micros, patience: Micros): void {
    const until = now + patience;
    if (this.ping === null || until < this.ping.until) this.ping = { at: now, until };
    this.port.ping();
    this.arm(Math.min(this.ping.until, now + this.options.idle));
  }
}

/** 20 s of silence, then 25 s for an answer: a link that is half dead is found within 45 s. */
export const watchDefaults = { idle: 20_000_000, patience: 25_000_000 } as const;
/** How long an answer may take when there is reason for doubt. */
const DOUBT: Micros = 5_000_000;
