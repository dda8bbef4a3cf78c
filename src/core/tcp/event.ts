// What a connection has to tell its user.

/** A mask; takeEvents() reads and clears it. */
export const Event = {
  /** The handshake is done. */
  connected: 1,
  /** There are bytes, or the end of the stream. */
  readable: 2,
  /** There is room again after send() was short. */
  writable: 4,
  /** Everything accepted so far is acknowledged. */
  acked: 8,
  /** Nothing more will happen: see `error`. */
  closed: 16,
} as const;

/** Why a connection closed; null after a clean end. */
export interface CloseReason {
  readonly code:
    | "ECONNRESET"
    | "ECONNREFUSED"
    | "ECONNABORTED"
    | "ETIMEDOUT"
    | "EHOSTUNREACH"
    | "ENETUNREACH"
    | (string & {});
  readonly text: string;
}
