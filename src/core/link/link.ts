// The contract of a link: what carries frames both ways between two points (DESIGN §5).
// A WebSocket, a node:net socket, a Deno.Conn, memory, a TUN device each implement it; the driver runs over any.

import type { Bytes } from "../wire/bytes.ts";

/** Most bytes of one message on a framed link, and of one send() on any. */
export const MAX_MESSAGE = 131_072;

export interface Link {
  /** true: each message holds whole frames (WebSocket, memory). false: a byte stream, its chunks cut anywhere. */
  readonly framed: boolean;
  /**
   * true: carries IP packets alone (a TUN device, a simulated IP path), may lose or reorder them, and has no room for
   * control frames: the driver then keeps no link budget and sends no `received` and no pings. Default false.
   */
  readonly packetsOnly?: boolean;
  /**
   * true: send() is done with the message when it returns (the browser's WebSocket copies), so that the driver
   * writes every message into the same memory. Default false.
   */
  readonly copiesOnSend?: boolean;
  /** Bytes of a message that cost the other side the least, by what is known of it. Default: one largest segment. */
  readonly bestMessage?: number;
  /** Bytes handed to send() and not yet gone to the system. */
  readonly buffered: number;
  /** For errors and logs, without secrets: "wss://relay.example/". */
  readonly description: string;
  /** Begins delivery, once; the handler is called only after this has returned. */
  start(handler: LinkHandler): void;
  /**
   * Sends one message of whole frames, at most MAX_MESSAGE bytes. Ownership passes: the caller never touches it again.
   * Never throws; after the end of the link it does nothing.
   */
  send(message: Bytes): void;
  /** Ends the link; handler.closed() follows. What was sent before still goes out where that is possible. */
  close(code?: number, reason?: string): void;
  ref?(): void;
  unref?(): void;
}

export interface LinkHandler {
  /** Bytes arrived; they belong to the receiver and may be kept. */
  message(bytes: Bytes): void;
  /** `buffered` fell to 0 after it was above 0. */
  drained(): void;
  /** The link is done with this message of send(): its memory may be used again. One that cannot tell never calls. */
  sent?(message: Bytes): void;
  /** The link is gone, by either side or by failure. Exactly once, and nothing comes after it. */
  closed(reason: LinkClosed): void;
}

export interface LinkClosed {
  /** A WebSocket close code, or one of LinkCloseCode. */
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
  readonly error?: unknown;
}

/** Close codes given by this room. A browser lets a page send only 1000 and 3000 to 4999. */
export const LinkCloseCode = {
  normal: 1000,
  protocolError: 4002,
  timeout: 4008,
  /** A newer link has taken its place. */
  replaced: 4010,
  /** The other side is about to stop, and asks to come back. */
  going: 4012,
  overload: 4013,
} as const;

export interface LinkDialer {
  /** For errors and logs, without secrets. */
  readonly description: string;
  /** Opens one more link. Rejects with `signal.reason` when aborted, else with a NetError. */
  dial(options: { readonly signal: AbortSignal }): Promise<Link>;
}
