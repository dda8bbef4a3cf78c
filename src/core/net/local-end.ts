// How a stream was ended on this side, and so with what its operations reject from then on.

import type { NetErrorCode } from "./net-error.ts";

export interface LocalEnd {
  /** `EPIPE` after a half close, `ERR_SOCKET_CLOSED` after close(), `ECONNABORTED` after abort(), `ETIMEDOUT` when close() had to give up. */
  readonly code: NetErrorCode;
  /** The reason given to abort(). */
  readonly cause?: unknown;
}
