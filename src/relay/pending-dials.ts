// The dials of one session that have no answer yet. A dial is given up through its signal: when the client gives up, and
// when its time is over. All have the same time, so the oldest is the next to be over, and one timer does for all.
import type { Clock, Micros, TimerHandle } from "../core/link/clock.ts";
import type { ForwardRequest } from "../core/link/stack.ts";
import { NetError } from "../core/net/net-error.ts";

interface PendingDial {
  readonly controller: AbortController;
  readonly until: Micros;
}

export class PendingDials {
  private readonly clock: Clock;
  /** Milliseconds. */
  private readonly time: number;
  /** In the order in which they began. */
  private readonly dials = new Map<ForwardRequest, PendingDial>();
  private timer: TimerHandle | null = null;

  constructor(clock: Clock, time: number) {
    this.clock = clock;
    this.time = time;
  }

  get size(): number {
    return this.dials.size;
  }

  get requests(): readonly ForwardRequest[] {
    return [...this.dials.keys()];
  }

  /** A dial begins. */
  begin(request: ForwardRequest): AbortSignal {
    const controller = new AbortController();
    const until = this.clock.now() + this.time * 1_000;
    this.dials.set(request, { controller, until });
    if (this.timer === null) this.arm(until);
    return controller.signal;
  }

  /** It has its answer. False: it was given up before. */
  settled(request: ForwardRequest): boolean {
    return this.take(request) !== null;
  }

  /** The client has given up. False: there was an answer before. */
  abort(request: ForwardRequest, reason: NetError): boolean {
    const dial = this.take(request);
    dial?.controller.abort(reason);
    return dial !== null;
  }

  private take(request: ForwardRequest): PendingDial | null {
    const dial = this.dials.get(request);
    if (dial === undefined) return null;
    this.dials.delete(request);
    if (this.dials.size === 0 && this.timer !== null) {
      this.clock.cancel(this.timer);
      this.timer = null;
    }
    return dial;
  }

  private arm(at: Micros): void {
    this.timer = this.clock.schedule(at, this.expire);
  }

  /** What is over fails by its own signal, and is settled then. */
  private readonly expire = (): void => {
    this.timer = null;
    const now = this.clock.now();
    for (const { controller, until } of this.dials.values()) {
      if (until > now) {
        this.arm(until);
        return;
      }
      controller.abort(new NetError("ETIMEDOUT", `no answer within ${this.time} ms`));
    }
  };
}
