// The public vocabulary: what every root entry exports, and what networks are built with.

export type { Bytes } from "../wire/bytes.ts";
export { type BoundedOptions, bounded } from "./bounded.ts";
export { type HappyEyeballsOptions, happyEyeballs, interleaveFamilies } from "./happy-eyeballs.ts";
export type { ListenerSink, ListenerSource } from "./listener-source.ts";
export { NetError, type NetErrorCode, type NetErrorOptions, type NetOperation } from "./net-error.ts";
export { type FailureOptions, failure, failureOf, reasonOf } from "./net-error-messages.ts";
export { defaultNetwork, type Network, setDefaultNetwork } from "./network.ts";
export type {
  BindOptions,
  CloseOptions,
  CongestionControl,
  ConnectOptions,
  KeepAliveOptions,
  NetworkOptions,
  OpOptions,
  StreamOptions,
} from "./options.ts";
export { type PipeOptions, type PipeResult, pipe } from "./pipe.ts";
export { SocketAddr, type SocketAddrLike } from "./socket-addr.ts";
export type { PeerIdentity, StreamSink, StreamSource } from "./stream-source.ts";
export type { TcpInfo, TcpInfoOptions, TcpState } from "./tcp-info.ts";
export { TcpListener } from "./tcp-listener.ts";
export { type Shutdown, TcpStream } from "./tcp-stream.ts";
export { systemTimers, type Timers } from "./timers.ts";
