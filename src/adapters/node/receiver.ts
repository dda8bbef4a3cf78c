// How bytes come out of a net.Socket. Never `for await` and never "data" with pause(): the one destroys the
// half-open side (nodejs/node#49073), the other keeps a second buffer.

import type { Bytes } from "../../core/net/index.ts";

export interface Receiver {
  /** Set by the owner, who may call pause() in it. `isLent`: the bytes are the receiver's again after the call. */
  onChunk: (chunk: Bytes, isLent: boolean) => void;
  /** Reads from now on. */
  resume(): void;
  /** Delivers no more; what comes stays in the kernel, but for one chunk. */
  pause(): void;
  /** Whether bytes are here that were not delivered. */
  readonly holdsBytes: boolean;
  /** Delivers what the socket still holds, after it failed or was closed. */
  flush(): void;
}

/** Bytes per read. 256 KiB measured 1.6 times the CPU time per byte. */
export const readSize = 65_536;
