// The public shape of the driver; the body follows.
import type { IpAddress } from "../wire/ip-address.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { SocketAddr } from "../net/socket-addr.ts";
import type { KeepAliveOptions, StreamSource, StreamSink, TcpInfo, ListenerSource, ListenerSink, PeerIdentity, NetError } from "../net/index.ts";
import type { Connection, ForwardRequest, Route, Stack } from "../stack/index.ts";
import type { Clock, Micros, RandomBytes } from "./clock.ts";
import type { ControlMessage } from "./control-codec.ts";
import type { Link, LinkClosed } from "./link.ts";
import type { TransmitSource } from "./transmit-source.ts";

export interface DriverLimits {
  /** Bytes in link.buffered above which nothing but control frames is sent until drained(). Default 256 KiB. */
  readonly highWater: number;
  /** Bytes of control frames waiting for one link above which the link is closed. Default 1 MiB. */
  readonly controlBytes: number;
}

export interface DriverOptions {
  readonly stack: Stack;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
  /** Sees each packet before the stack. true: taken, the stack does not see it. */
  readonly transit?: (bytes: Bytes, start: number, end: number, port: LinkPort) => boolean;
  /** Every control frame but ping, pong and received (types 1 to 3). */
  readonly control?: (port: LinkPort, type: number, message: ControlMessage) => void;
  /** A connection nobody listens for, on a stack with anyDestination: answer with admit() or refuse(), now or later. */
  readonly request?: (request: ForwardRequest) => void;
  readonly onLinkClosed?: (port: LinkPort, reason: LinkClosed) => void;
  /** The other side broke the protocol; the link is closed after this returns. */
  readonly onProtocolError?: (port: LinkPort, text: string) => void;
  readonly limits?: Partial<DriverLimits>;
  /** Where the memory of messages comes from; need not be zeroed. Default `new Uint8Array(size)`. */
  readonly allocate?: (size: number) => Bytes;
}

export interface AttachOptions {
  /** The routes that this link carries. */
  readonly routes: readonly Route[];
  /** Most bytes the other side lets be outstanding, as it announced. Default 4 MiB. */
  readonly receiveCap?: number;
}

export interface DialTarget {
  readonly remote: IpAddress;
  readonly remotePort: number;
  readonly local?: IpAddress;
  readonly localPort?: number;
  /** What the stream says its peer is, when that is not remote:remotePort (a name behind a handle). */
  readonly peerAddr?: SocketAddr;
}
export interface DialOptions {
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean | KeepAliveOptions;
  readonly readBufferSize?: number;
  readonly writeBufferSize?: number;
}
export interface ListenTarget {
  readonly address: IpAddress | null;
  /** 0: one that is free. */
  readonly port: number;
  readonly backlog?: number;
}

export declare class Driver {
  constructor(options: DriverOptions);
  readonly stack: Stack;
  readonly clock: Clock;
  /** Ports by link id. */
  readonly ports: ReadonlyMap<number, LinkPort>;
  /** Starts the link and runs the routes over it; thaws them. */
  attach(link: Link, options: AttachOptions): LinkPort;
  /** Closes the link and tells the stack that what was on it is lost. onLinkClosed is not called. */
  detach(port: LinkPort, reason?: LinkClosed): void;
  /** Stops the timers of a route although links may be there (the other side is detached), until thaw(). */
  freeze(route: Route): void;
  thaw(route: Route): void;
  /** Puts a flow from outside into the ring of a port; harmless when it is in. Flows leave with the port. */
  offer(source: TransmitSource, port: LinkPort): void;
  /** There may be output: flush at the end of this turn. Called by the driver's own sources by themselves. */
  wake(): void;
  /** Begins a connection; throws NetError at once for what cannot be begun. Wait with source.connected(). */
  dial(target: DialTarget, options?: DialOptions): ConnectionSource;
  listen(target: ListenTarget, options?: DialOptions): ConnectionListener;
  /** Completes the handshake of a forward request. */
  admit(request: ForwardRequest, options?: DialOptions): ConnectionSource;
  refuse(request: ForwardRequest, how: "reset" | "host-unreachable" | "net-unreachable" | "prohibited" | "silent"): void;
  /** Resets every connection with this error, ends listeners, sends what that produced, closes the links. */
  close(error?: NetError): void;
}

export declare class LinkPort {
  readonly id: number;
  readonly link: Link;
  /** Sends a control frame with this turn's message, before its packets, in the order of the calls. */
  sendControl(type: number, message: ControlMessage): void;
  /** Sends a ping; the answer refreshes lastArrival and rtt. */
  ping(): void;
  /** When anything last arrived here (clock.now() at attach). */
  readonly lastArrival: Micros;
  /** Estimated delivery rate, bytes per second; 0 while unknown. */
  readonly rate: number;
  /** Latest round trip of the link in microseconds; 0 while unknown. */
  readonly rtt: Micros;
  /** Windowed minimum of the round trip; 0 while unknown. */
  readonly minRtt: Micros;
  /** Packet bytes that may be outstanding now. */
  readonly budget: number;
  /** Packet bytes sent and not yet received by the other side. */
  readonly inFlight: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly isClosed: boolean;
  close(reason?: LinkClosed): void;
}

export declare class ConnectionSource implements StreamSource {
  readonly connection: Connection;
  readonly localAddr: SocketAddr;
  readonly peerAddr: SocketAddr;
  readonly peer: PeerIdentity | undefined;
  /** Resolves when established. On abort or timeout (ms) the connection is reset. Rejects with NetError or signal.reason. */
  connected(options?: { readonly signal?: AbortSignal; readonly timeout?: number }): Promise<void>;
  /** What the relay told of the other end. */
  describe(peerAddr: SocketAddr, peer?: PeerIdentity): void;
  /** The reason with which this connection is about to fail, told apart from its RST (`failed`): used as its error. */
  explain(error: NetError): void;
  attach(sink: StreamSink): void;
  receive(max: number): Bytes | null | undefined;
  send(data: Uint8Array): number;
  sendOwned(data: Bytes): number;
  finish(): void;
  close(): void;
  reset(reason?: unknown): void;
  readonly unacknowledged: number;
  setNoDelay(on: boolean): void;
  setKeepAlive(options: KeepAliveOptions | false): void;
  info(): TcpInfo;
  ref(): void;
  unref(): void;
}

export declare class ConnectionListener implements ListenerSource {
  readonly localAddr: SocketAddr;
  attach(sink: ListenerSink): void;
  accept(): ConnectionSource | undefined;
  close(): void;
  ref(): void;
  unref(): void;
}
