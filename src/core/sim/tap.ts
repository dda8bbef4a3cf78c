// A link that shows what passes: every frame, both ways, as it is. Traces and counts are made of it, and any program
// can have them by wrapping a link in one line.

import {
  FrameReader,
  type FrameSink,
  type Link,
  type LinkClosed,
  type LinkHandler,
  readFrames,
} from "../link/index.ts";
import type { Bytes } from "../wire/bytes.ts";

export type Direction = "in" | "out";

/** What looks on. It must not keep or change the bytes. */
export interface Tap {
  packet(direction: Direction, bytes: Uint8Array, start: number, end: number): void;
  /** A control frame; start to end is the encoded map. */
  control?(direction: Direction, type: number, bytes: Uint8Array, start: number, end: number): void;
  closed?(reason: LinkClosed): void;
}

/** The same link, seen by `tap`. */
export function tapLink(link: Link, tap: Tap): Link {
  return new TappedLink(link, tap);
}

class TappedLink implements Link {
  private readonly inner: Link;
  private readonly tap: Tap;
  private readonly outward: FrameSink;
  private readonly inward: FrameSink;
  private readonly reader: FrameReader | null;

  constructor(link: Link, tap: Tap) {
    this.inner = link;
    this.tap = tap;
    this.outward = sinkOf(tap, "out");
    this.inward = sinkOf(tap, "in");
    this.reader = link.framed ? null : new FrameReader(this.inward);
  }

  get framed(): boolean {
    return this.inner.framed;
  }

  get packetsOnly(): boolean {
    return this.inner.packetsOnly ?? false;
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

  start(handler: LinkHandler): void {
    this.inner.start({
      message: (bytes) => {
        if (this.reader === null) readFrames(bytes, this.inward);
        else this.reader.push(bytes);
        handler.message(bytes);
      },
      drained: () => handler.drained(),
      closed: (reason) => {
        this.tap.closed?.(reason);
        handler.closed(reason);
      },
    });
  }

  send(message: Bytes): void {
    readFrames(message, this.outward);
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
}

function sinkOf(tap: Tap, direction: Direction): FrameSink {
  return {
    packet: (bytes, start, end) => tap.packet(direction, bytes, start, end),
    control: (type, bytes, start, end) => {
      tap.control?.(direction, type, bytes, start, end);
      return null;
    },
  };
}
