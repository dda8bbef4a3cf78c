// Puts the signal and timeout of a call around work that takes a signal: what every network needs for connect and
// bind. A result that comes too late is discarded, so that no half-made connection stays behind.

import type { NetError } from "./net-error.ts";
import { optionsError } from "./operation.ts";
import type { OpOptions } from "./options.ts";
import { systemTimers, type Timers } from "./timers.ts";

export interface BoundedOptions<Result> extends OpOptions {
  /** The error of a passed timeout. */
  readonly expired: () => NetError;
  /** Undoes a result that arrives after the call has been given up. */
  readonly discard: (late: Result) => void;
  /** Default: the runtime's. */
  readonly timers?: Timers | undefined;
}

/**
 * Runs `work` until it settles, `options.signal` aborts (rejects with its reason) or `options.timeout` passes
 * (rejects with `options.expired()`). The work is told through a signal, with that same reason; it gets none where
 * nothing can end it. A controller costs as much as the rest of a connect on loopback: only a timeout needs one.
 */
export function bounded<Result>(
  options: BoundedOptions<Result>,
  work: (signal: AbortSignal | undefined) => Promise<Result>,
): Promise<Result> {
  const wrong = optionsError(options);
  if (wrong !== undefined) return Promise.reject(wrong.error);
  const timers = options.timers ?? systemTimers;
  const { signal, timeout = Number.POSITIVE_INFINITY } = options;
  if (signal === undefined && timeout === Number.POSITIVE_INFINITY) return settled(work, undefined);
  const controller = timeout === Number.POSITIVE_INFINITY ? null : new AbortController();
  return new Promise((resolve, reject) => {
    let isOpen = true;
    const settle = (task: () => void): void => {
      if (timer !== null) timers.clear(timer);
      signal?.removeEventListener("abort", onAbort);
      isOpen = false;
      task();
    };
    const giveUp = (reason: unknown): void => {
      settle(() => reject(reason));
      controller?.abort(reason);
    };
    const onAbort = (): void => giveUp(signal?.reason);
    const timer =
      timeout === Number.POSITIVE_INFINITY ? null : timers.set(timeout, () => giveUp(options.expired()));
    signal?.addEventListener("abort", onAbort, { once: true });
    settled(work, controller?.signal ?? signal).then(
      (result) => (isOpen ? settle(() => resolve(result)) : options.discard(result)),
      (error) => isOpen && settle(() => reject(error)),
    );
  });
}

/** Work that throws at once is work that rejects. */
async function settled<Result>(
  work: (signal: AbortSignal | undefined) => Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  return work(signal);
}
