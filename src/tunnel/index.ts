// The public face of the tunnel's client. Message shapes and numbering are shared with the relay by file.
export { type NetworkAddresses, networkAddresses, peerAddress } from "./addresses.ts";
export { type DialerFactory, setTunnelDialer, type WebSocketClass } from "./default-dialer.ts";
export { Tunnel } from "./tunnel.ts";
export type {
  TunnelBindOptions,
  TunnelConstructor,
  TunnelEvent,
  TunnelEventMap,
  TunnelInfo,
  TunnelLinkInfo,
  TunnelLinkState,
  TunnelOptions,
  TunnelState,
  TunnelTarget,
} from "./tunnel-types.ts";
