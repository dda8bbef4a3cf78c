// fourtuple/core: the TCP without I/O. Wire format, stack, public vocabulary, links and the driver that runs a stack
// over them, for those who bring their own clock, randomness or way to carry packets.

export * from "./link/index.ts";
export * from "./net/index.ts";
// Two rooms have ConnectOptions: net's are what users pass, the stack's carry addresses as values.
export {
  type CloseReason,
  Connection,
  type ConnectionInfo,
  type ConnectOptions as StackConnectOptions,
  defaultKeepAlive,
  defaultStackLimits,
  defaultTcpOptions,
  Event,
  type ForwardRequest,
  type KeepAlive,
  Listener,
  type ListenOptions,
  type Recovery,
  type Refusal,
  type ResendCause,
  Route,
  type RouteOptions,
  type SegmentEvent,
  type SegmentObserver,
  Stack,
  type StackCounters,
  StackError,
  type StackLimits,
  type StackOptions,
  type StrayPacket,
  type SynCookies,
  type TcpOptions,
} from "./stack/index.ts";
export type { AckSample, CongestionController } from "./tcp/index.ts";
export * from "./wire/index.ts";
