// The shape of a WebSocket that this adapter needs: the WHATWG class of browsers, Deno, Bun and Node 22, and the
// class of the npm package ws. Structural, because ws's class does not assign to the DOM's.

/** What its events hold, of whichever type. */
export interface WebSocketEventLike {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly error?: unknown;
  readonly message?: unknown;
}

/** A WebSocket as browsers, Deno, Bun, Node 22 and ws have it. */
export interface WebSocketLike {
  binaryType: string;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: "open" | "message" | "error" | "close",
    listener: (event: WebSocketEventLike) => void,
  ): void;
  removeEventListener(
    type: "open" | "message" | "error" | "close",
    listener: (event: WebSocketEventLike) => void,
  ): void;
}

/** A class that makes them. */
export interface WebSocketConstructor {
  new (url: string, protocols?: string | string[]): WebSocketLike;
}

/**
 * What ws's class has beyond the standard: emitter methods that make no event object for each message, a callback
 * of send() when the bytes are with the kernel, and the socket below.
 */
export interface NodeWebSocket extends WebSocketLike {
  on(type: "message", listener: (data: Uint8Array<ArrayBuffer>, isBinary: boolean) => void): this;
  on(type: "close", listener: (code: number, reason: Uint8Array) => void): this;
  on(type: "error", listener: (error: Error) => void): this;
  send(
    data: Uint8Array<ArrayBuffer>,
    options?: { binary?: boolean; compress?: boolean },
    done?: (error?: Error) => void,
  ): void;
  terminate(): void;
}

/** Whether this WebSocket is of the npm package ws. */
export function isNodeWebSocket(socket: WebSocketLike): socket is NodeWebSocket {
  const candidate = socket as Partial<NodeWebSocket>;
  return typeof candidate.on === "function" && typeof candidate.terminate === "function";
}

/** WebSocket.OPEN, which not every shape has as a static. */
export const openState = 1 as const;
