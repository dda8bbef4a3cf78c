// A link during its handshake: control frames only, and few bytes, until one side says that the handshake is done.
// Then it is a link like any other, and gives the driver what came after the handshake's last frame.
import { type ControlMessage, decodeControl, encodeControl } from "../core/link/control-codec.ts";
import { CONTROL_HEADER, frameError, frameLength } from "../core/link/frames.ts";
import type { Link, LinkClosed, LinkHandler } from "../core/link/link.ts";
import type { Bytes } from "../core/wire/bytes.ts";

export interface HandshakeHandler {
  /** One control frame. Calling done() inside ends the handshake with this frame. */
  control(type: number, message: ControlMessage): void;
  /** What came is no handshake. The link is still open. */
  malformed(text: string): void;
  closed(reason: LinkClosed): void;
}

export class HandshakeLink implements Link {
  private readonly inner: Link;
  private readonly limit: number;
  private handshake: HandshakeHandler | null = null;
  private handler: LinkHandler | null = null;
  private isDone = false;
  /** What came and was not delivered yet: a part of a frame, or what followed the handshake. */
  private readonly waiting: Bytes[] = [];
  private waitingBytes = 0;
  private ended: LinkClosed | null = null;

  /** @param limit Bytes that may come before the driver takes over. */
  constructor(inner: Link, limit: number) {
    this.inner = inner;
    this.limit = limit;
  }

  get framed(): boolean {
    return this.inner.framed;
  }

  get copiesOnSend(): boolean {
    return this.inner.copiesOnSend ?? false;
  }

  get buffered(): number {
    return this.inner.buffered;
  }

  get description(): string {
    return this.inner.description;
  }

  /** Starts the link below and the handshake on it. */
  begin(handshake: HandshakeHandler): void {
    this.handshake = handshake;
    this.inner.start({
      message: (bytes) => {
        if (this.handler !== null && this.waiting.length === 0) this.handler.message(bytes);
        else this.take(bytes);
      },
      drained: () => this.handler?.drained(),
      sent: (message) => this.handler?.sent?.(message),
      closed: (reason) => {
        if (this.handler !== null && this.waiting.length === 0) this.handler.closed(reason);
        else if (this.isDone) this.ended = reason;
        else this.endHandshake()?.closed(reason);
      },
    });
  }

  sendControl(type: number, message: ControlMessage): void {
    this.inner.send(encodeControl(type, message));
  }

  /** The handshake is over: what comes from now on is the driver's. */
  done(): void {
    this.isDone = true;
    this.handshake = null;
  }

  /** The driver takes over. */
  start(handler: LinkHandler): void {
    this.handler = handler;
    if (this.waiting.length === 0 && this.ended === null) return;
    queueMicrotask(() => {
      for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
        handler.message(next);
        this.waiting.shift();
      }
      if (this.ended !== null) handler.closed(this.ended);
    });
  }

  send(message: Bytes): void {
    this.inner.send(message);
  }

  close(code?: number, reason?: string): void {
    this.inner.close(code, reason);
  }

  ref(): void {
    this.inner.ref?.();
  }

  unref(): void {
    this.inner.unref?.();
  }

  private take(bytes: Bytes): void {
    this.waitingBytes += bytes.length;
    if (this.waitingBytes > this.limit) {
      this.waiting.length = 0;
      this.refuse(`more than ${this.limit} bytes came before the end of the handshake`);
      return;
    }
    this.waiting.push(bytes);
    if (!this.isDone) this.read();
  }

  private read(): void {
    const all = this.waiting.length === 1 ? this.waiting[0] : concatenate(this.waiting);
    this.waiting.length = 0;
    let at = 0;
    while (at < all.length && this.handshake !== null) {
      const length = frameLength(all, at, all.length);
      if (length < 0) {
        this.refuse(frameError(all, at));
        return;
      }
      if (length === 0 || at + length > all.length) {
        if (this.framed) {
          this.refuse("a message ends inside a frame");
          return;
        }
        break;
      }
      if (all[at] !== 0) {
        this.refuse("a packet came before the end of the handshake");
        return;
      }
      const message = decodeControl(all, at + CONTROL_HEADER, at + length);
      if (typeof message === "string") {
        this.refuse(message);
        return;
      }
      const type = all[at + 1];
      at += length;
      // Counted anew: what followed must still be within the limit, what was read is gone.
      this.waitingBytes = all.length - at;
      this.handshake.control(type, message);
    }
    if (at < all.length) this.waiting.push(all.subarray(at));
  }

  private refuse(text: string): void {
    const handshake = this.endHandshake();
    if (handshake !== null) handshake.malformed(text);
    else this.inner.close(4002, text);
  }

  private endHandshake(): HandshakeHandler | null {
    const handshake = this.handshake;
    this.handshake = null;
    return handshake;
  }
}

function concatenate(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
