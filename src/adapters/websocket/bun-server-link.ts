// A link over a ServerWebSocket of Bun.serve, whose handlers belong to the server and not to the socket: whoever
// runs the server passes the calls on to received(), drained() and closed().
import type { Link, LinkHandler } from "../../core/link/link.ts";
import type { Bytes } from "../../core/net/index.ts";
import { closeCodeToSend, closedBy, closeReasonToSend } from "./close-codes.ts";
import { EarlyMessages } from "./early-messages.ts";

/** The part of Bun's ServerWebSocket that is used. */
export interface BunServerWebSocket {
  readonly readyState: number;
  sendBinary(data: Uint8Array<ArrayBuffer>, compress?: boolean): number;
  getBufferedAmount(): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

export class BunServerLink implements Link {
  readonly framed = true;
  readonly description: string;
  private readonly socket: BunServerWebSocket;
  private readonly early = new EarlyMessages();
  private handler: LinkHandler = this.early;
  private isClosed = false;
  private closeTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(socket: BunServerWebSocket, description: string) {
    this.socket = socket;
    this.description = description;
  }

  get buffered(): number {
    return this.isClosed ? 0 : this.socket.getBufferedAmount();
  }

  start(handler: LinkHandler): void {
    this.early.handOver(handler, () => {
      this.handler = handler;
    });
  }

  send(message: Bytes): void {
    if (this.isClosed) return;
    // 0: dropped, because the socket's own limit of buffered bytes is passed. Frames may not be lost.
    if (this.socket.sendBinary(message, false) === 0) this.close(4013, "the send buffer is full");
  }

  close(code?: number, reason?: string): void {
    if (this.isClosed || this.closeTimer !== null) return;
    this.socket.close(closeCodeToSend(code), closeReasonToSend(reason));
    this.closeTimer = setTimeout(() => this.socket.terminate(), closeMilliseconds);
  }

  /** The server's `message` handler. Bun makes each message a buffer of its own. */
  received(data: unknown): void {
    if (this.isClosed) return;
    if (data instanceof Uint8Array) this.handler.message(plainView(data));
    else this.close(1003, "a text message");
  }

  /** The server's `drain` handler. */
  drained(): void {
    if (!this.isClosed && this.socket.getBufferedAmount() === 0) this.handler.drained();
  }

  /** The server's `close` handler. */
  closed(code: number, reason: string): void {
    if (this.closeTimer !== null) clearTimeout(this.closeTimer);
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler.closed(closedBy(code, reason, undefined));
  }
}

function plainView(data: Uint8Array): Bytes {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

const closeMilliseconds = 2_000;
