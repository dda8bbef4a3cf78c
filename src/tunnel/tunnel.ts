// Tunnel.open: dials, shakes hands, and makes the client.
import { systemClock, systemRandom } from "../core/link/clock.ts";
import type { LinkDialer } from "../core/link/link.ts";
import { NetError } from "../core/net/net-error.ts";
import { tunnelDialer } from "./default-dialer.ts";
import { shakeHands } from "./handshake.ts";
import { isPeerName, peerNameOf } from "./peer-name.ts";
import { receiveCap, TunnelClient } from "./tunnel-client.ts";
import type { TunnelConstructor, TunnelOptions, TunnelTarget, Tunnel as TunnelType } from "./tunnel-types.ts";

export type Tunnel = TunnelType;

export const Tunnel: TunnelConstructor = {
  async open(target, options = {}) {
    const name = readName(options.name);
    const timeout = options.timeout ?? defaultTimeout;
    if (!(timeout > 0))
      throw new RangeError(`Cannot open a tunnel with the timeout ${timeout}: it must be above 0`);
    if (options.links !== undefined && options.links !== 1) {
      throw new RangeError(`Cannot open a tunnel with ${options.links} links: this version keeps exactly 1`);
    }
    options.signal?.throwIfAborted();
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom;
    const dialer = dialerOf(target, options);
    const attempt = new AbortController();
    const onAbort = (): void => attempt.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const started = clock.now();
    const timer = clock.schedule(started + timeout * 1_000, () => {
      attempt.abort(
        new NetError(
          "ETIMEDOUT",
          `Cannot open a tunnel: ${dialer.description} did not answer within ${timeout} ms`,
          {
            op: "connect",
          },
        ),
      );
    });
    try {
      const link = await dialer.dial({ signal: attempt.signal });
      const remaining = timeout - (clock.now() - started) / 1_000;
      const result = await shakeHands(link, {
        token: options.token,
        name,
        receiveCap,
        signal: attempt.signal,
        timeout: Math.max(1, Math.round(remaining)),
        clock,
        random,
      });
      return new TunnelClient(result.welcome, result.link, clock, random);
    } finally {
      clock.cancel(timer);
      options.signal?.removeEventListener("abort", onAbort);
    }
  },
};

function dialerOf(target: TunnelTarget, options: TunnelOptions): LinkDialer {
  if (typeof target === "object" && "dial" in target) return target;
  const urls = typeof target === "string" || target instanceof URL ? [target] : [...target];
  if (urls.length === 0) throw new TypeError("Cannot open a tunnel: the list of relay URLs is empty");
  return tunnelDialer()(urls.map(String), { WebSocket: options.WebSocket });
}

function readName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const plain = peerNameOf(name) ?? name.toLowerCase();
  if (isPeerName(plain)) return plain;
  throw new TypeError(
    `Cannot name a tunnel "${name}": a name has 1 to 63 letters, digits and inner hyphens, such as "alice"`,
  );
}

const defaultTimeout = 15_000;
