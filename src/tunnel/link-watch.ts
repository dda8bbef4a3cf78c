// Finds links that died silently: pings when nothing arrived for a while, and gives up when nothing comes back. It
// judges by what arrived, not by its own timer, which a background tab runs once a minute.
import type { Clock, Micros, TimerHandle } from "../core/link/clock.ts";

/** The part of a LinkPort that is watched. */
export interface WatchedPort {
  readonly lastArrival: Micros;
  ping(): void;
}

export interface LinkWatchOptions {
  /** Microseconds of silence before a ping. */
  readonly idle: Micros;
  /** Microseconds that an answer to it may take. */
  readonly patience: Micros;
  /** Nothing came back. Called once. */
  dead(): void;
}

export class LinkWatch {
  private readonly clock: Clock;
  private readonly port: WatchedPort;
  private readonly options: LinkWatchOptions;
  private timer: TimerHandle | null = null;
  private pingedAt: Micros | null = null;

  constructor(clock: Clock, port: WatchedPort, options: LinkWatchOptions) {
    this.clock = clock;
    this.port = port;
    this.options = options;
    this.arm(port.lastArrival + options.idle);
  }

  stop(): void {
    if (this.timer !== null) this.clock.cancel(this.timer);
    this.timer = null;
  }

  private arm(at: Micros): void {
    this.timer = this.clock.schedule(at, () => this.look());
    // Only streams and listeners keep a process alive.
    this.clock.unref?.(this.timer);
  }

  private look(): void {
    const now = this.clock.now();
    const { idle, patience } = this.options;
    if (this.pingedAt !== null && this.port.lastArrival < this.pingedAt) {
      if (now - this.pingedAt < patience) {
        this.arm(this.pingedAt + patience);
        return;
      }
      this.timer = null;
      this.options.dead();
      return;
    }
    this.pingedAt = null;
    if (now - this.port.lastArrival < idle) {
      this.arm(this.port.lastArrival + idle);
      return;
    }
    this.pingedAt = now;
    this.port.ping();
    this.arm(now + Math.min(idle, patience));
  }
}

/** 20 s of silence, then 25 s for an answer: a link that is half dead is found within 45 s. */
export const watchDefaults = { idle: 20_000_000, patience: 25_000_000 } as const;
