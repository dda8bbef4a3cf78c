// Tunnel.open: dials, shakes hands, and makes the client. Of several URLs the first that opens; what its relay then
// refuses is refused.
import { systemClock, systemRandom } from "../core/link/clock.ts";
import type { LinkDialer } from "../core/link/link.ts";
import { NetError } from "../core/net/net-error.ts";
import { tunnelDialer } from "./default-dialer.ts";
import { shakeHands } from "./handshake.ts";
import type { WatchOptions } from "./link-watch.ts";
import { isPeerName, peerNameOf } from "./peer-name.ts";
import { Places } from "./places.ts";
import { receiveCap, TunnelClient } from "./tunnel-client.ts";
import type {
  TunnelConstructor,
  TunnelOptions,
  TunnelTarget,
  Tunnel as TunnelType,
  TunnelWatchOptions,
} from "./tunnel-types.ts";

export type Tunnel = TunnelType;

export const Tunnel: TunnelConstructor = {
  async open(target, options = {}) {
    const name = readName(options.name);
    const timeout = options.timeout ?? defaultTimeout;
    if (!(timeout > 0))
      throw new RangeError(`Cannot open a tunnel with the timeout ${timeout}: it must be above 0`);
    const links = options.links ?? 1;
    if (!(Number.isInteger(links) && links >= 1 && links <= mostLinks))
      throw new RangeError(`Cannot open a tunnel with ${links} links: 1 to ${mostLinks}`);
    const watch = readWatch(options.watch ?? {});
    options.signal?.throwIfAborted();
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom;
    const places = placesOf(target, options);
    const attempt = new AbortController();
    const onAbort = (): void => attempt.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const started = clock.now();
    const expired = `Cannot open a tunnel: ${places.description} did not answer within ${timeout} ms`;
    const timer = clock.schedule(started + timeout * 1_000, () => {
      attempt.abort(new NetError("ETIMEDOUT", expired, { op: "connect" }));
    });
    const credentials = { token: options.token, name, receiveCap };
    try {
      const all = places.inOrder();
      for (const [index, place] of all.entries()) {
        const isLast = index === all.length - 1;
        const raw = await place.dial({ signal: attempt.signal }).catch((error: unknown) => {
          if (isLast || attempt.signal.aborted) throw error;
        });
        if (raw === undefined) continue;
        const remaining = timeout - (clock.now() - started) / 1_000;
        const { welcome, link } = await shakeHands(raw, {
          ...credentials,
          signal: attempt.signal,
          timeout: Math.max(1, Math.round(remaining)),
          clock,
          random,
        });
        return new TunnelClient(welcome, link, {
          clock,
          random,
          places,
          place,
          credentials,
          links,
          watch,
        });
      }
      throw new TypeError("Cannot open a tunnel: there is no relay to try");
    } finally {
      clock.cancel(timer);
      options.signal?.removeEventListener("abort", onAbort);
    }
  },
};

function placesOf(target: TunnelTarget, options: TunnelOptions): Places {
  if (typeof target === "object" && "dial" in target) return new Places([target], null);
  const urls = typeof target === "string" || target instanceof URL ? [target] : [...target];
  if (urls.length === 0) throw new TypeError("Cannot open a tunnel: the list of relay URLs is empty");
  const { WebSocket } = options;
  const make = (url: string): LinkDialer => tunnelDialer()([url], { WebSocket });
  return new Places(
    urls.map((url) => make(String(url))),
    make,
  );
}

function readName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const plain = peerNameOf(name) ?? name.toLowerCase();
  if (isPeerName(plain)) return plain;
  throw new TypeError(
    `Cannot name a tunnel "${name}": a name has 1 to 63 letters, digits and inner hyphens, such as "alice"`,
  );
}

function readWatch({
  idle = 20_000,
  silence = 45_000,
  writeWait = 15_000,
}: TunnelWatchOptions): WatchOptions {
  for (const [name, value] of Object.entries({ idle, silence, writeWait })) {
    if (!(value > 0)) throw new RangeError(`Cannot watch links with ${name} ${value}: it must be above 0`);
  }
  const patience = Math.max(0, silence - idle) * 1_000;
  return { idle: idle * 1_000, patience, silence: silence * 1_000, writeWait: writeWait * 1_000 };
}

const defaultTimeout = 15_000;
/** Link ids have 16 bits. */
const mostLinks = 65_536;
