// A SYN to an address and port that nobody here listens on, held until somebody decides (gVisor's forwarder): a gateway
// opens the real connection first. The handshake goes on only with Stack.admit().

import type { Connection } from "../tcp/connection.ts";
import type { Bytes } from "../wire/bytes.ts";

export interface ForwardRequest {
  /** In SYN-RECEIVED, without a SYN-ACK yet. Its `closed` event says that the peer gave up. */
  readonly connection: Connection;
  /** The SYN's packet, for an ICMP error to quote. */
  readonly syn: Bytes;
}

/** How a request is turned down. */
export type Refusal = "reset" | "host-unreachable" | "net-unreachable" | "prohibited" | "silent";
