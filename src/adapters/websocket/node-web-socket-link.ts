// A link over a WebSocket of the npm package ws, of either side. Messages come as views of what the socket read,
// and go out by reference; the callback of send() tells when they are with the kernel, so nothing is polled.
import type { Link, LinkHandler } from "../../core/link/link.ts";
import type { Bytes } from "../../core/net/index.ts";
import { closeCodeToSend, closedBy, closeReasonToSend } from "./close-codes.ts";
import { EarlyMessages } from "./early-messages.ts";
import { type NodeWebSocket, openState } from "./web-socket-like.ts";

export class NodeWebSocketLink implements Link {
  readonly framed = true;
  /**
   * Node reads 64 KiB at a time, and ws copies a message that is in two reads into memory of its own. One as long as a
   * read always is; of two in a read one is passed on as it is. Collecting that memory is most of what receiving costs.
   * Half a read it is also for those who send on what they read.
   */
  readonly bestMessage = 32_768;
  readonly description: string;
  private readonly socket: NodeWebSocket;
  private readonly early = new EarlyMessages();
  private handler: LinkHandler = this.early;
  private failure: unknown;
  /** The close code that says what was wrong with what the other side sent. */
  private failureCode: number | undefined;
  private isClosed = false;
  private inFlight = 0;
  private bytesInFlight = 0;
  private closeTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(socket: NodeWebSocket, description: string) {
    this.socket = socket;
    this.description = description;
    // "arraybuffer" would copy every message that shares its read with another.
    socket.binaryType = "nodebuffer";
    socket.on("message", (data, isBinary) => {
      if (this.isClosed) return;
      if (!isBinary) this.close(1003, "a text message");
      // A plain view: a Buffer's slice() does not copy, which would surprise whoever reads the stream.
      else this.handler.message(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    });
    socket.on("error", (error) => {
      this.failure ??= error;
      this.failureCode ??= codeOf((error as { readonly code?: unknown }).code);
    });
    socket.on("close", (code, reason) => this.finish(code, new TextDecoder().decode(reason)));
  }

  get buffered(): number {
    return this.bytesInFlight;
  }

  start(handler: LinkHandler): void {
    this.early.handOver(handler, () => {
      this.handler = handler;
    });
  }

  send(message: Bytes): void {
    if (this.socket.readyState !== openState) return;
    const size = message.byteLength;
    this.bytesInFlight += size;
    this.inFlight++;
    this.socket.send(message, sendOptions, () => {
      this.handler.sent?.(message);
      this.bytesInFlight -= size;
      if (--this.inFlight === 0 && !this.isClosed) this.handler.drained();
    });
  }

  close(code?: number, reason?: string): void {
    if (this.isClosed || this.closeTimer !== null) return;
    this.socket.close(closeCodeToSend(code), closeReasonToSend(reason));
    // ws itself waits 30 s for the other side's close frame.
    this.closeTimer = setTimeout(() => this.socket.terminate(), closeMilliseconds);
  }

  ref(): void {
    this.below?.ref?.();
  }

  unref(): void {
    this.below?.unref?.();
  }

  private get below(): { ref?(): void; unref?(): void } | undefined {
    return (this.socket as unknown as { readonly _socket?: { ref?(): void; unref?(): void } })._socket;
  }

  private finish(code: number, reason: string): void {
    if (this.closeTimer !== null) clearTimeout(this.closeTimer);
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler.closed(closedBy(this.failureCode ?? code, reason, this.failure));
  }
}

const sendOptions = { binary: true, compress: false } as const;

/** How long the other side may take to answer a close frame. */
const closeMilliseconds = 2_000;

/** ws closes a link whose frames are wrong, and then reports 1006 for want of an answer. */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== "string" || !error.startsWith("WS_ERR_")) return undefined;
  if (error === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" || error.startsWith("WS_ERR_TOO_MANY")) return 1009;
  return error === "WS_ERR_INVALID_UTF8" ? 1007 : 1002;
}
