// What the parts of a relay share: its policy, its tables, its limits, and what it was given to reach the outside.
import type { Clock, RandomBytes } from "../core/link/clock.ts";
import type { Network } from "../core/net/network.ts";
import type { NetworkAddresses } from "../tunnel/addresses.ts";
import type { RelayCounters, RelayLog, RelayMetrics } from "./counters.ts";
import type { RelayLimits } from "./limits.ts";
import type { Policy } from "./policy.ts";
import type { Resolver } from "./resolver.ts";
import type { SessionTable } from "./session-table.ts";
import type { Switch } from "./switch.ts";

export interface Hub {
  /** The network's configured name: overlay addresses derive from it. */
  readonly networkName: string;
  readonly addresses: NetworkAddresses;
  readonly limits: RelayLimits;
  readonly counters: RelayCounters;
  readonly log: RelayLog;
  readonly metrics: RelayMetrics;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly policy: Policy;
  readonly sessions: SessionTable;
  readonly peers: Switch;
  /** Real TCP: for dialling and for published ports. */
  readonly network: Network;
  readonly resolver: Resolver;
}
