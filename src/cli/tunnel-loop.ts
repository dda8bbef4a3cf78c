// A tunnel that a command keeps: the first attempt must succeed; after that a lost tunnel is opened again, under the same
// name, with pauses that grow.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { systemClock, systemRandom } from "../core/link/clock.ts";
import { NetError, type Tunnel } from "../index.node.ts";
import { Backoff } from "../tunnel/backoff.ts";
import { CliError, explain } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { Interrupted, listenForSignals } from "./interruption.ts";
import { endOfTunnel } from "./tunnel-end.ts";
import { openTunnel, readAccess, type TunnelArguments } from "./tunnel-options.ts";

export interface TunnelUser {
  /** It did once what it is for: from now on a failure is worth another attempt. */
  readonly wasOpen: boolean;
  /** Uses the tunnel until it ends, and rejects with what ended it. `opened` is called when all is well. */
  serve(tunnel: Tunnel, signal: AbortSignal, opened: () => void): Promise<never>;
}

/** Runs until SIGINT or SIGTERM; the exit code. Throws what is not worth another attempt. */
export async function keepTunnelOpen(
  options: TunnelArguments & { readonly name?: string },
  logger: Logger,
  user: TunnelUser,
): Promise<number> {
  const access = readAccess(options, (text) => logger.warn({ text }, "token"));
  const interruption = listenForSignals();
  const { signal } = interruption;
  try {
    let name = options.name;
    let backoff = new Backoff(systemRandom, systemClock.now());
    for (;;) {
      let tunnel: Tunnel | null = null;
      let openedAt = Number.POSITIVE_INFINITY;
      try {
        tunnel = await openTunnel(access, { name, signal });
        // The name that the relay picked is kept, so that the address stays the same.
        name = tunnel.name;
        logLinks(tunnel, logger);
        await user.serve(tunnel, signal, () => {
          openedAt = performance.now();
        });
      } catch (failure) {
        if (signal.aborted) throw failure;
        // The tunnel's own end says why all in it failed.
        const error = (tunnel === null ? null : endOfTunnel(tunnel)) ?? failure;
        // What the first attempt meets is told; later ones are tried again, but for what will not change.
        if (!user.wasOpen || isFinal(error)) throw error;
        logger.warn({ text: (error as Error).message }, "tunnel-lost");
      }
      // One that is lost as soon as it is open is no success.
      if (performance.now() - openedAt >= STEADY) backoff = new Backoff(systemRandom, systemClock.now());
      await sleep(backoff.failed() / 1_000, undefined, { signal }).catch(() => {
        throw signal.reason;
      });
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    logger.info("closed");
    return ExitCode.ok;
  } finally {
    interruption.release();
  }
}

/** The tunnel itself outlives its link; who runs the command wants to know all the same. */
function logLinks(tunnel: Tunnel, logger: Logger): void {
  tunnel.addEventListener("detached", ({ reason }) => {
    logger.warn({ text: reason?.message }, "link-lost");
  });
  tunnel.addEventListener("resumed", ({ outage, survived }) => {
    logger.info({ outage: Math.round(outage ?? 0), survived }, "link-back");
  });
}

/** Rejects when the signal aborts, the tunnel ends or `work` fails, whichever is first; then closes the tunnel. */
export async function untilTunnelEnds(
  tunnel: Tunnel,
  signal: AbortSignal,
  work: Promise<never>,
): Promise<never> {
  let stop = (): void => {};
  try {
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal.reason);
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
      tunnel.closed.then(
        () => reject(new CliError(ExitCode.failure, "The relay closed the tunnel")),
        (error) => reject(explain(error, "run")),
      );
    });
    return await Promise.race([stopped, work]);
  } finally {
    signal.removeEventListener("abort", stop);
    // Lets what is under way be sent; at most 5 s.
    await tunnel.close();
  }
}

/** What another attempt would meet again; or what it would do to a newer tunnel of the name, which would do it back. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof CliError) || NetError.is(error.cause, "ERR_NAME_TAKEN")) return true;
  return error.exitCode === ExitCode.denied || error.exitCode === ExitCode.usage;
}

/** Milliseconds that a tunnel has stood when the pauses after it are short again. */
const STEADY = 30_000;
