// Brings one link of a session back: dials the relays in order and shows the link's ticket, at once and then with
// growing pauses, until it is there, the session is refused, or nobody wants it any more.
import type { Clock, Micros, RandomBytes, TimerHandle } from "../core/link/clock.ts";
import type { Link, LinkDialer } from "../core/link/link.ts";
import { NetError } from "../core/net/net-error.ts";
import { Backoff } from "./backoff.ts";
import { HandshakeRefusal, type Resume, shakeHands } from "./handshake.ts";
import type { Welcome } from "./handshake-messages.ts";
import type { Places } from "./places.ts";

/** Who a client says it is, in each hello. */
export interface Credentials {
  readonly token: string | undefined;
  readonly name: string | undefined;
  readonly receiveCap: number;
}

export interface RedialOptions {
  /** Which of the session's links it is: see Places.inOrder(). */
  readonly turn: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly places: Places;
  readonly credentials: Credentials;
  /** What the next hello claims: each call is one attempt. */
  resume(): Resume;
  /** Whether waiting for the link keeps the process alive. */
  keepsAlive(): boolean;
  /** The link is there, and its handshake done. */
  arrived(link: Link, welcome: Welcome): void;
  /** Nobody took it in this round; the next one is under way, or waits. */
  failed(): void;
  /** The relay says that the session is over, or that these credentials count no more. */
  refused(error: NetError): void;
}

export class Redial {
  private readonly options: RedialOptions;
  private readonly backoff: Backoff;
  /** Where the link was. */
  private place: LinkDialer | null = null;
  private timer: TimerHandle | null = null;
  private round: AbortController | null = null;
  private isHurried = false;
  /** Why the last attempt failed; null when it did not. */
  failure: unknown = null;

  constructor(options: RedialOptions) {
    this.options = options;
    this.backoff = new Backoff(options.random, options.clock.now());
  }

  get isRunning(): boolean {
    return this.timer !== null || this.round !== null;
  }

  /** The link is lost, or is to be replaced: after `pause` microseconds it is dialled; without one, as soon as is right. */
  start(pause?: Micros): void {
    if (this.isRunning) return;
    const { clock } = this.options;
    this.wait(pause ?? this.backoff.lost(clock.now()));
  }

  /** The network may be back: no more waiting. */
  hurry(): void {
    if (this.timer !== null) {
      this.options.clock.cancel(this.timer);
      this.timer = null;
      void this.dialAll();
    } else this.isHurried = true;
  }

  stop(): void {
    if (this.timer !== null) this.options.clock.cancel(this.timer);
    this.timer = null;
    this.round?.abort();
    this.round = null;
  }

  private wait(pause: Micros): void {
    const { clock } = this.options;
    if (pause <= 0) {
      void this.dialAll();
      return;
    }
    this.timer = clock.schedule(clock.now() + pause, () => {
      this.timer = null;
      void this.dialAll();
    });
    if (!this.options.keepsAlive()) clock.unref?.(this.timer);
  }

  /** One round through all places. Never rejects. */
  private async dialAll(): Promise<void> {
    const round = new AbortController();
    this.round = round;
    this.isHurried = false;
    const { places } = this.options;
    const home = places.home;
    let retryAfter = 0;
    for (const place of places.inOrder(this.options.turn, this.place)) {
      try {
        const { link, welcome } = await this.dial(place, round.signal);
        if (round.signal.aborted) {
          link.close(1000, "");
          return;
        }
        this.round = null;
        this.failure = null;
        this.place = place;
        places.arrived(place);
        this.options.arrived(link, welcome);
        return;
      } catch (error) {
        if (round.signal.aborted) return;
        this.failure = error;
        // What a WebSocket of the user's throws says nothing of the relay: it is told when all attempts are over.
        if (!NetError.is(error)) continue;
        // What another relay does not know, or does not allow, says nothing of the one that has the session.
        const isHome = home === null || place === home;
        const isFinal = error instanceof HandshakeRefusal && finalCodes.has(error.code);
        if (isHome && isFinal && error.retryAfter === undefined) {
          this.round = null;
          this.options.refused(error);
          return;
        }
        retryAfter = Math.max(retryAfter, error.retryAfter ?? 0);
      }
    }
    this.round = null;
    const pause = this.backoff.failed();
    this.wait(this.isHurried ? 0 : Math.max(pause, retryAfter * 1_000));
    this.options.failed();
  }

  private async dial(place: LinkDialer, over: AbortSignal): Promise<{ link: Link; welcome: Welcome }> {
    const { clock, random, credentials } = this.options;
    const attempt = new AbortController();
    const onOver = (): void => attempt.abort(over.reason);
    over.addEventListener("abort", onOver, { once: true });
    const began = clock.now();
    const timer = clock.schedule(began + attemptTime, () => {
      attempt.abort(new NetError("ETIMEDOUT", `${place.description} did not answer`, { op: "connect" }));
    });
    if (!this.options.keepsAlive()) clock.unref?.(timer);
    try {
      const raw = await place.dial({ signal: attempt.signal });
      return await shakeHands(raw, {
        ...credentials,
        resume: this.options.resume(),
        signal: attempt.signal,
        timeout: attemptTime / 1_000,
        clock,
        random,
      });
    } finally {
      clock.cancel(timer);
      over.removeEventListener("abort", onOver);
    }
  }
}

/** Refusals that no later attempt changes. */
const finalCodes: ReadonlySet<string> = new Set([
  "ERR_SESSION_EXPIRED",
  "ERR_NAME_TAKEN",
  "EACCES",
  "ERR_DENIED",
  "EADDRINUSE",
  "EINVAL",
]);
/** For one relay: dialling and handshake. */
const attemptTime: Micros = 10_000_000;
