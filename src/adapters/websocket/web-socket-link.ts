// A link over a WebSocket of browsers, Deno, Bun or Node 22. No event tells that its buffer is empty, so that is
// polled, slowly, and only after a send() that left more than the mark.
import type { Link, LinkHandler } from "../../core/link/link.ts";
import type { Bytes } from "../../core/net/index.ts";
import { closeCodeToSend, closedBy, closeReasonToSend } from "./close-codes.ts";
import { EarlyMessages } from "./early-messages.ts";
import { NodeWebSocketLink } from "./node-web-socket-link.ts";
import { isNodeWebSocket, openState, type WebSocketLike } from "./web-socket-like.ts";

export interface WebSocketLinkOptions {
  /** For errors and logs, without secrets. Default: "websocket". */
  readonly description?: string | undefined;
  /** Bytes of a message from which on the link is closed with 1009. Sockets of ws check by themselves. */
  readonly maxMessage?: number | undefined;
}

/**
 * A link over an open WebSocket. The link owns the socket from here on.
 * Without permessage-deflate: the payload is packets, which it would only delay.
 */
export function webSocketLink(socket: WebSocketLike, options: WebSocketLinkOptions = {}): Link {
  const description = options.description ?? "websocket";
  return isNodeWebSocket(socket)
    ? new NodeWebSocketLink(socket, description)
    : new WebSocketLink(socket, description, options.maxMessage ?? Number.POSITIVE_INFINITY);
}

class WebSocketLink implements Link {
  readonly framed = true;
  readonly copiesOnSend = true;
  readonly description: string;
  private readonly socket: WebSocketLike;
  private readonly maxMessage: number;
  private readonly early = new EarlyMessages();
  private handler: LinkHandler = this.early;
  private failure: unknown;
  private poll: ReturnType<typeof setTimeout> | null = null;
  private isClosed = false;

  constructor(socket: WebSocketLike, description: string, maxMessage: number) {
    this.socket = socket;
    this.description = description;
    this.maxMessage = maxMessage;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => {
      if (this.isClosed) return;
      if (!(event.data instanceof ArrayBuffer)) this.close(1003, "a text message");
      else if (event.data.byteLength > this.maxMessage) this.close(1009, "a message too big");
      else this.handler.message(new Uint8Array(event.data));
    });
    socket.addEventListener("error", (event) => {
      this.failure = event;
    });
    socket.addEventListener("close", (event) => {
      this.finish(event.code ?? 1006, event.reason ?? "");
    });
  }

  get buffered(): number {
    return this.socket.bufferedAmount;
  }

  start(handler: LinkHandler): void {
    this.early.handOver(handler, () => {
      this.handler = handler;
    });
  }

  send(message: Bytes): void {
    if (this.socket.readyState !== openState) return;
    try {
      this.socket.send(message);
    } catch (error) {
      this.failure = error;
      this.close(1011);
      return;
    }
    if (this.poll === null && this.socket.bufferedAmount > pollMark) this.startPoll();
  }

  close(code?: number, reason?: string): void {
    if (this.socket.readyState > openState) return;
    try {
      this.socket.close(closeCodeToSend(code), closeReasonToSend(reason));
    } catch (error) {
      this.failure ??= error;
      this.socket.close();
    }
    // A peer that is gone never answers the close frame, and browsers wait for it for a minute: the link is over
    // for its owner now. What was sent before still goes out.
    if (!this.isClosed) setTimeout(() => this.finish(code ?? 1000, reason ?? ""), 0);
  }

  private startPoll(): void {
    this.poll = setTimeout(() => {
      this.poll = null;
      if (this.isClosed) return;
      if (this.socket.bufferedAmount > 0) this.startPoll();
      else this.handler.drained();
    }, pollMilliseconds);
  }

  private finish(code: number, reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.poll !== null) clearTimeout(this.poll);
    this.poll = null;
    this.handler.closed(closedBy(code, reason, this.failure));
  }
}

/** Below this a page never has to wait for the buffer. */
const pollMark = 65_536;
const pollMilliseconds = 8;
