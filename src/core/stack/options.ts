// How a stack is set up: its secret, addresses and limits. Times are microseconds, sizes bytes.

import type { TcpOptions } from "../tcp/options.ts";
import type { Spares } from "../tcp/spares.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { SynCookies } from "./syn-cookies.ts";

export interface StackOptions {
  /** 32 random bytes: initial sequence numbers, ports, timestamp offsets and table hashes derive from them. */
  readonly secret: Uint8Array;
  readonly addresses?: readonly IpAddress[];
  readonly limits?: Partial<StackLimits>;
  /** Defaults of its connections. */
  readonly tcp?: Partial<TcpOptions>;
  /** A SYN that no listener takes, to any address and port, becomes a request to decide on: a gateway's forwarder. */
  readonly anyDestination?: boolean;
  /** TIME-WAIT, RFC 9293 §3.4.2; default 60 s as Linux has it. */
  readonly timeWait?: number;
  /**
   * What answers a SYN when a listener's handshakes, or those of the stack, are as many as may be kept: a cookie, or
   * nothing. Default "on-overflow".
   */
  readonly synCookies?: SynCookies;
  /** Where buffers' memory comes from and goes back to; default its own. */
  readonly spares?: Spares;
  /** Ephemeral ports; default 49152 to 65535 (RFC 6335). */
  readonly portRange?: readonly [number, number];
}

export interface StackLimits {
  /** Connections in any state but TIME-WAIT. */
  readonly connections: number;
  /** Connections in SYN-RECEIVED, and forward requests not yet decided. */
  readonly halfOpen: number;
  /** TIME-WAIT records; above it connections end without one. */
  readonly timeWait: number;
  /** Resets, ICMP messages and the like that wait for a link. */
  readonly strayPackets: number;
  /** Destinations whose path is known to be smaller than the route; the one learned longest ago gives way. */
  readonly paths: number;
  /** ACKs in a second to segments that fit nowhere, over all connections; half of it to once and a half, by chance. */
  readonly answers: number;
  /** Bytes queued for sending or unread over all connections; above it each keeps to `reserve`. */
  readonly memory: number;
  /** What each connection may buffer in each direction although `memory` is used up. */
  readonly reserve: number;
}

export const defaultStackLimits: StackLimits = {
  connections: 65_536,
  halfOpen: 1_024,
  timeWait: 16_384,
  strayPackets: 256,
  paths: 1_024,
  answers: 1_000,
  memory: 256 << 20,
  reserve: 64 << 10,
};

/** RFC 6335 §6: the dynamic ports. */
export const DYNAMIC_PORTS: readonly [number, number] = [49152, 65535];
export const DEFAULT_TIME_WAIT: number = 60_000_000;
