// What the parts of a relay share: its policy, its tables, its limits, and what it was given to reach the outside.
import type { Clock, Micros, RandomBytes } from "../core/link/clock.ts";
import type { Spares } from "../core/link/stack.ts";
import type { Network } from "../core/net/network.ts";
import type { NetworkAddresses } from "../tunnel/addresses.ts";
import type { AbsentPeers } from "./absent-peers.ts";
import type { RelayCounters, RelayLog, RelayMetrics } from "./counters.ts";
import type { DetachedSessions } from "./detached-sessions.ts";
import type { FailureLimit } from "./failure-limit.ts";
import type { RelayLimits } from "./limits.ts";
import type { Policy } from "./policy.ts";
import type { Resolver } from "./resolver.ts";
import type { RelaySession } from "./session.ts";
import type { SessionTable } from "./session-table.ts";
import type { Switch } from "./switch.ts";
import type { Tickets } from "./tickets.ts";

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
  /** One for all sessions: what a transfer has needed is not kept by each. */
  readonly spares: Spares;
  readonly policy: Policy;
  readonly sessions: SessionTable;
  readonly tickets: Tickets;
  readonly detached: DetachedSessions<RelaySession>;
  readonly absent: AbsentPeers<RelaySession>;
  /** Refused resumes, by remote address. */
  readonly resumeFailures: FailureLimit;
  /** Until when tunnels without a session count as detached, as it was when the relay began: micros of the clock. */
  readonly absentUntil: Micros;
  /** Sessions that lose their links now are somebody else's from then on. */
  isDraining: boolean;
  readonly peers: Switch;
  /** Real TCP: for dialling and for published ports. */
  readonly network: Network;
  readonly resolver: Resolver;
}
