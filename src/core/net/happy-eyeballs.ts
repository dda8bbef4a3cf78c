// Connecting to a name with several addresses: RFC 8305, 4 and 5. A slow attempt is joined by the next one after
// the attempt delay and is never killed by it; the first that connects wins and ends the others.

import type { NetErrorOptions } from "./net-error.ts";
import { failure, reasonOf } from "./net-error-messages.ts";

export interface HappyEyeballsOptions<Address, Result> {
  /** In the order in which they are tried: see `interleaveFamilies`. */
  readonly addresses: readonly Address[];
  /** One attempt. Its signal aborts when another attempt has won, all have failed or the caller gave up. */
  readonly dial: (address: Address, signal: AbortSignal) => Promise<Result>;
  /** Undoes the connection of an attempt that came too late. */
  readonly discard: (late: Result) => void;
  /** Resolves after so many milliseconds, or earlier or never once the signal aborts. */
  readonly delay: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds after which the next address is tried too. Default 250. */
  readonly attemptDelay?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What was asked for, for the text of the error: `"db.internal:5432"`. */
  readonly target: string;
  /** For the error. */
  readonly errorOptions?: NetErrorOptions | undefined;
}

/**
 * Connects to the first address that answers.
 *
 * @throws what the only attempt failed with; of several, a NetError with the code of the last one and an
 * AggregateError of all in `cause`. `signal.reason` when aborted. `ENOTFOUND` without any address.
 */
export function happyEyeballs<Address, Result>(
  options: HappyEyeballsOptions<Address, Result>,
): Promise<Result> {
  const { addresses, signal } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (addresses.length === 0) {
    const reason = "the name has no addresses";
    return Promise.reject(
      failure("ENOTFOUND", { ...options.errorOptions, op: "connect", target: options.target, reason }),
    );
  }
  return new Promise((resolve, reject) => {
    const attempts: AbortController[] = [];
    const delays = new AbortController();
    const errors: unknown[] = [];
    let next = 0;
    let isOpen = true;

    const settle = (winner: AbortController | null, reason: unknown, task: () => void): void => {
      isOpen = false;
      signal?.removeEventListener("abort", onAbort);
      task();
      delays.abort(reason);
      for (const controller of attempts) if (controller !== winner) controller.abort(reason);
    };
    const onAbort = (): void => settle(null, signal?.reason, () => reject(signal?.reason));
    const attempt = (): void => {
      const address = addresses[next++];
      // The delay belongs to this attempt: when it fails early the next one starts at once, and is not started twice.
      let isLatest = true;
      const startNext = (): void => {
        if (!isOpen || !isLatest) return;
        isLatest = false;
        if (next < addresses.length) attempt();
      };
      const controller = new AbortController();
      attempts.push(controller);
      dialled(options.dial, address, controller.signal).then(
        (result) => {
          if (isOpen) settle(controller, new Error("Another address answered first"), () => resolve(result));
          else options.discard(result);
        },
        (error: unknown) => {
          if (!isOpen) return;
          errors.push(error);
          if (errors.length === addresses.length)
            settle(null, error, () => reject(allFailed(options, errors)));
          else startNext();
        },
      );
      if (next < addresses.length) {
        options
          .delay(options.attemptDelay ?? defaultAttemptDelay, delays.signal)
          .then(startNext, () => undefined);
      }
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    attempt();
  });
}

/** IPv6 and IPv4 in turn, each in its given order, the family of the first address first (RFC 8305, 4). */
export function interleaveFamilies<Address extends { readonly family: 4 | 6 | "IPv4" | "IPv6" | undefined }>(
  addresses: readonly Address[],
): Address[] {
  const first = addresses.filter((address) => address.family === addresses[0].family);
  const second = addresses.filter((address) => address.family !== addresses[0].family);
  const result: Address[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    if (index < first.length) result.push(first[index]);
    if (index < second.length) result.push(second[index]);
  }
  return result;
}

/** A dial that throws at once is one that rejects. */
async function dialled<Address, Result>(
  dial: (address: Address, signal: AbortSignal) => Promise<Result>,
  address: Address,
  signal: AbortSignal,
): Promise<Result> {
  return dial(address, signal);
}

function allFailed<Address, Result>(
  options: HappyEyeballsOptions<Address, Result>,
  errors: unknown[],
): unknown {
  if (errors.length === 1) return errors[0];
  const last = errors[errors.length - 1] as { readonly code?: unknown } | null | undefined;
  const code = typeof last?.code === "string" ? last.code : "ECONNREFUSED";
  return failure(code, {
    ...options.errorOptions,
    op: "connect",
    target: options.target,
    reason: `all ${errors.length} addresses failed, the last one: ${reasonOf(code)}`,
    cause: new AggregateError(errors, `All addresses of ${options.target} failed`),
  });
}

const defaultAttemptDelay = 250;
