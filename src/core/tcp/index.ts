// The public face of core/tcp: one connection and what its stack needs of it.

export type { AckSample, CongestionController } from "./congestion.ts";
export { type CloseReason, Connection, type ConnectionConfig, Event } from "./connection.ts";
export type { ConnectionCounters, Host } from "./host.ts";
export type { ConnectionInfo } from "./info.ts";
export { initialSequence, TimestampOffsets } from "./isn.ts";
export { MemoryBudget } from "./memory.ts";
export { defaultKeepAlive, defaultTcpOptions, type KeepAlive, type TcpOptions } from "./options.ts";
export { linkDied, linksAnswered, pathTooSmall, thaw, unreachable } from "./outage.ts";
export type { Route } from "./route.ts";
export { segmentArrives, synArrives } from "./segment-arrives.ts";
export type { ResendCause, SegmentEvent, SegmentObserver } from "./segment-event.ts";
export { RecordPool } from "./sent-records.ts";
export { SipHash } from "./siphash.ts";
export { SlabPool } from "./slab-pool.ts";
export type { TcpState } from "./tcp-state.ts";
export { timersDue } from "./timeouts.ts";
export { IDLE, NO_ROOM, transmit } from "./transmit.ts";
