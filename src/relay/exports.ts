// What every relay entry exports beside Relay itself, so that the names are the same in Node, Deno and Bun.
export type { Authenticate } from "./authenticator.ts";
export type { LogLevel, RelayCounters, RelayLog, RelayMetrics } from "./counters.ts";
export { defaultLimits, type RelayLimits } from "./limits.ts";
export { type Action, type Authorize, allow, type Decision, deny } from "./policy.ts";
export type { Grant, Principal } from "./principal.ts";
export { RelayCore, type RelayPlatform, type SessionInfo, type UpgradeRefusal } from "./relay-core.ts";
export type { DrainOptions, RelayOptions } from "./relay-options.ts";
export type { RunningRelay } from "./relay-types.ts";
export type { Resolver } from "./resolver.ts";
export { type PeerRule, parsePeerRule, parseTcpRule, type TcpRule } from "./rules.ts";
export type { TokenGrant } from "./tokens.ts";
