// How a driver is set up, and what its calls take. What they say of a connection are the options of core/net, in its
// units; the stack has its own.

import type { CongestionControl, KeepAliveOptions, SocketAddr, Timers } from "../net/index.ts";
import type { ForwardRequest, Route, Stack, TcpOptions } from "../stack/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { Clock, TimerHandle } from "./clock.ts";
import { type ConnectionSource, keepAlive } from "./connection-source.ts";
import type { ControlMessage } from "./control-codec.ts";
import type { LinkClosed } from "./link.ts";
import type { LinkPort } from "./link-port.ts";
import type { MessageMemory } from "./message-writer.ts";

export interface DriverLimits {
  /** Bytes in link.buffered from which on no packets are sent until drained(). Default 256 KiB. */
  readonly highWater: number;
  /** Bytes of control frames that may wait on a link above `highWater`; more closes it. Default 1 MiB. */
  readonly controlBytes: number;
}

export interface DriverOptions {
  readonly stack: Stack;
  /** Default: the runtime's. */
  readonly clock?: Clock | undefined;
  readonly limits?: Partial<DriverLimits> | undefined;
  /** Where the memory of messages comes from. Default: one for all drivers of the process. */
  readonly memory?: MessageMemory | undefined;
  /** Sees each packet before the stack does. True: taken (it may keep the bytes), the stack does not see it. */
  readonly transit?: ((bytes: Bytes, start: number, end: number, port: LinkPort) => boolean) | undefined;
  /** Every control frame from type 16 on, in order with the packets around it. */
  readonly control?: ((port: LinkPort, type: number, message: ControlMessage) => void) | undefined;
  /** The other side says in `received` that it applied session control up to `number`: see port.acknowledge(). */
  readonly acknowledged?: ((port: LinkPort, number: number) => void) | undefined;
  /**
   * A SYN that no listener takes, on a stack with anyDestination: answer with admit() or refuse(), now or later.
   * `source.connected()` rejects when the peer gives up before.
   */
  readonly request?: ((request: ForwardRequest, source: ConnectionSource) => void) | undefined;
  /** A link ended by itself, by its other side or for breaking the protocol. It is detached already. */
  readonly onLinkClosed?: ((port: LinkPort, reason: LinkClosed) => void) | undefined;
  /** The other side broke the protocol; onLinkClosed follows. */
  readonly onProtocolError?: ((port: LinkPort, text: string) => void) | undefined;
}

export interface AttachOptions {
  /** The routes that this link carries. */
  readonly routes: readonly Route[];
  /** Most packet bytes the other side lets be outstanding, as it announced. Default 4 MiB. */
  readonly receiveCap?: number | undefined;
}

export interface DialTarget {
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** Default: the stack's first address of the remote's family. */
  readonly local?: IpAddress | undefined;
  /** Default: an ephemeral one. */
  readonly localPort?: number | undefined;
  /** What the stream says its peer is, when that is not remote:remotePort: a name behind a handle. */
  readonly peerAddr?: SocketAddr | undefined;
}

export interface ListenTarget {
  /** Null: every address of the stack. */
  readonly address: IpAddress | null;
  /** 0: one that is free. */
  readonly port: number;
  /** Default 511. */
  readonly backlog?: number | undefined;
}

/** What core/net's StreamOptions say, for one connection or those of a listener. */
export interface DialOptions {
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | KeepAliveOptions | undefined;
  readonly readBufferSize?: number | undefined;
  readonly writeBufferSize?: number | undefined;
  readonly congestionControl?: CongestionControl | undefined;
}

export const defaultDriverLimits: DriverLimits = { highWater: 256 << 10, controlBytes: 1 << 20 };

/** The clock of API timeouts, for networks in virtual time. */
export function timersOf(clock: Clock): Timers {
  return {
    now: () => clock.now() / 1000,
    set: (delay, task) => clock.schedule(clock.now() + delay * 1000, task),
    clear: (handle) => clock.cancel(handle as TimerHandle),
  };
}

/** What core/net's options say, in the core's units; what is left out stays the route's. */
export function tcpOptions(options: DialOptions): Partial<TcpOptions> {
  const { noDelay = true, readBufferSize, writeBufferSize, congestionControl } = options;
  const wishes: { -readonly [Name in keyof TcpOptions]?: TcpOptions[Name] } = { noDelay };
  if (options.keepAlive !== undefined) wishes.keepAlive = keepAlive(options.keepAlive);
  if (readBufferSize !== undefined) wishes.receiveBuffer = readBufferSize;
  if (writeBufferSize !== undefined) wishes.sendBuffer = writeBufferSize;
  if (congestionControl !== undefined) wishes.congestionControl = congestionControl;
  // Those who want nothing else get the same object, so that their connections share their options.
  return noDelay && Object.keys(wishes).length === 1 ? USUAL_OPTIONS : wishes;
}

const USUAL_OPTIONS: Partial<TcpOptions> = /* @__PURE__ */ Object.freeze({ noDelay: true });
