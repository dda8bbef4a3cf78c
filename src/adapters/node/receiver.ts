// How bytes come out of a net.Socket, on demand and one chunk at a time. Never `for await` and never "data" with
// pause(): the one destroys the half-open side (nodejs/node#49073), the other keeps a second buffer.

import type { Bytes } from "../../core/net/index.ts";

export interface Receiver {
  /** Set by the owner: there is a chunk to take. */
  arrived: () => void;
  /** The chunk that has arrived; null if none. */
  take(): Bytes | null;
  /** Demand for one more chunk; `arrived` follows, or an event of the socket. */
  want(): void;
  /** Whether bytes are here that nobody took. */
  readonly holdsBytes: boolean;
  /** The socket has failed: what came before may be taken now. */
  release(): void;
  /** No more reads: what comes stays in the kernel. */
  stop(): void;
}

/** Bytes per read. 256 KiB measured 1.6 times the CPU time per byte. */
export const readSize = 65_536;
