// What a relay is made with, on every runtime.
import type { Authenticate } from "./authenticator.ts";
import type { RelayLog, RelayMetrics } from "./counters.ts";
import type { RelayLimits } from "./limits.ts";
import type { Authorize } from "./policy.ts";
import type { TokenGrant } from "./tokens.ts";

export interface RelayOptions {
  /**
   * What tunnels may dial through the gateway: "tcp:example.com:443", "tcp:*.example.com:80,443",
   * "tcp:db.internal@10.0.0.0/8:5432", "tcp:127.0.0.1:5432", "tcp:[fd00::/8]:*". Default: nothing.
   */
  readonly allow?: readonly string[] | undefined;
  /** Where tunnels may publish: "tcp:127.0.0.1:8080", "tcp:0.0.0.0/0:8000-8999". Default: loopback, ports from 1024. */
  readonly publish?: readonly string[] | undefined;
  /** Which tunnels may be dialled by others: "peer:bob:7000", "peer:web-*:80". Default: all. */
  readonly peers?: readonly string[] | undefined;
  /** Who may open a tunnel. Without tokens and without `authenticate`: everybody, and only on loopback. */
  readonly tokens?: readonly TokenGrant[] | undefined;
  /** Asked for tokens that `tokens` does not hold. */
  readonly authenticate?: Authenticate | undefined;
  /** Asked after the rules allowed an action; may refuse it. */
  readonly authorize?: Authorize | undefined;
  /** Pages of other origins that may open tunnels: "https://app.example", "null", "*". Default: only the same host. */
  readonly origins?: readonly string[] | undefined;
  /** Names under which a relay bound to loopback is reached: behind a proxy, its public name. */
  readonly hosts?: readonly string[] | undefined;
  /** The network's name: overlay addresses derive from it. Relays of one network share it. Default: "fourtuple". */
  readonly network?: string | undefined;
  /**
   * 32 random bytes or more, kept where nobody else reads them: the secrets of sessions follow from it. With the same
   * key a relay that was started anew, or another one of the network, takes sessions back. Default: a new one.
   */
  readonly key?: Uint8Array | undefined;
  /** Without authentication on an address that others reach. Anybody may then use the relay. */
  readonly open?: boolean | undefined;
  readonly limits?: Partial<RelayLimits> | undefined;
  readonly log?: RelayLog | undefined;
  readonly metrics?: RelayMetrics | undefined;
}

/** How a relay goes: see RunningRelay.drain(). */
export interface DrainOptions {
  /** Milliseconds within which clients leave, each at a random moment. Default: 2,000. */
  readonly spread?: number | undefined;
  /** URLs of relays of the same network and key where clients may go instead. At most 16. */
  readonly alternates?: readonly string[] | undefined;
  /** Milliseconds to wait for them at most. Default: the spread and 3,000. */
  readonly timeout?: number | undefined;
}

/** Publishing without a rule: on loopback alone, and no port that needs rights. */
export const defaultPublish: readonly string[] = ["tcp:127.0.0.0/8:1024-65535", "tcp:[::1]:1024-65535"];
export const defaultPeers: readonly string[] = ["peer:*:1-65535"];
export const defaultNetworkName = "fourtuple" as const;
