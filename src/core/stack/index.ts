// The public face of core/stack, with what its drivers need of core/tcp.

export { type CloseReason, Connection, Event, type Recovery } from "../tcp/connection.ts";
export { type CongestionControl, congestionControls } from "../tcp/controllers.ts";
export type { ConnectionInfo } from "../tcp/info.ts";
export { defaultKeepAlive, defaultTcpOptions, type KeepAlive, type TcpOptions } from "../tcp/options.ts";
export type { ResendCause, SegmentEvent, SegmentObserver } from "../tcp/segment-event.ts";
export { Spares } from "../tcp/spares.ts";
export type { TcpState } from "../tcp/tcp-state.ts";
export { WindowedMax } from "../tcp/windowed-max.ts";
export type { StackCounters } from "./counters.ts";
export { StackError } from "./errors.ts";
export type { ForwardRequest, Refusal } from "./forward-request.ts";
export { Listener, type ListenOptions } from "./listener.ts";
export { defaultStackLimits, type StackLimits, type StackOptions } from "./options.ts";
export { Route, type RouteOptions } from "./route.ts";
export { type ConnectOptions, Stack } from "./stack.ts";
export type { StrayPacket } from "./stray-packets.ts";
export type { SynCookies } from "./syn-cookies.ts";
