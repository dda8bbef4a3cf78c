// What the measurements ask of each way to the TCP server. Streams push what they receive; the measurements always
// take it at once, so that only sending can be held up.

/** Where the client finds its relay (direct has none) and, for direct, the server. */
export interface Place {
  readonly serverPort: number;
  readonly relayPort: number;
  /** Links of a tunnel. Default 1. */
  readonly links?: number | undefined;
}

export interface BenchStream {
  /** The bytes may be a view and are the stream's again after the call. */
  onData: (chunk: Uint8Array) => void;
  /** No more will come. */
  onEnd: () => void;
  /** Sends; a promise when the next call has to wait for room. */
  send(data: Uint8Array): Promise<void> | null;
  /** Gives the stream up, with what is under way. */
  close(): void;
}

export interface Contender {
  /** Resolves when the stream may be used: for some before the server is reached. */
  open(): Promise<BenchStream>;
  close(): void;
  /** Cuts what carries the streams; only a tunnel outlives that. The time when the next one was open, milliseconds. */
  cut?(): Promise<number>;
}

/**
 * What the thinnest clients use: no masks, as the tunnel on loopback. With ws's default pipe's uploads cost nearly
 * twice as much, and what is compared is relays, not masks.
 */
export const webSocketOptions = { perMessageDeflate: false, generateMask: (): void => {} } as const;

export const contenderNames = ["direct", "pipe", "mux", "tunnel"] as const;
export type ContenderName = (typeof contenderNames)[number];
