// Frames on a link (DESIGN §5): back to back, told apart and delimited by their own first bytes. readFrames() walks a
// message of whole frames; FrameReader puts frames together from a byte stream whose chunks are cut anywhere.
// Neither throws: what breaks the protocol comes back as a text. Whole frames are never copied.

import type { Bytes } from "../wire/bytes.ts";
import { allocate } from "../wire/memory.ts";
import { packetLength } from "../wire/packet.ts";

/** Bytes before the map of a control frame: 0x00, type, length (u16, big-endian). */
export const CONTROL_HEADER = 4;

/** The longest frame of any kind: an IPv6 packet with the largest Payload Length. */
export const MAX_FRAME: number = 40 + 65_535;

/** Takes frames as they are found. May keep the bytes. */
export interface FrameSink {
  packet(bytes: Bytes, start: number, end: number): void;
  /** `start` to `end` is the encoded map, without the header. Returns a protocol error or null. */
  control(type: number, bytes: Bytes, start: number, end: number): string | null;
}

/**
 * Length of the frame that begins at `start`. 0: more bytes are needed to tell. -1: no frame begins like this, see
 * frameError().
 */
export function frameLength(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return 0;
  if (bytes[start] !== 0) return packetLength(bytes, start, end);
  return end - start < CONTROL_HEADER ? 0 : CONTROL_HEADER + ((bytes[start + 2] << 8) | bytes[start + 3]);
}

/** Why frameLength() said -1. */
export function frameError(bytes: Uint8Array, start: number): string {
  const first = bytes[start];
  if (first >>> 4 === 4) return "IPv4 packet whose total length is below 20 bytes";
  if (first >>> 4 === 0) return `Control frame that begins with 0x${hex(first)} instead of 0x00`;
  return `Frame that begins with 0x${hex(first)}, which is neither IPv4, IPv6 nor control`;
}

/** Walks a message of whole frames. Returns null, or why the rest of the message is refused. */
export function readFrames(bytes: Bytes, sink: FrameSink): string | null {
  const end = bytes.length;
  for (let at = 0; at < end; ) {
    const length = frameLength(bytes, at, end);
    if (length < 0) return frameError(bytes, at);
    if (length === 0 || at + length > end) return "Message that ends inside a frame";
    const refused = deliver(bytes, at, at + length, sink);
    if (refused !== null) return refused;
    at += length;
  }
  return null;
}

/**
 * Frames from a byte stream. Holds at most one incomplete frame, so never more than MAX_FRAME bytes. After an error
 * it stays broken: a stream that lost its frame boundary cannot find it again.
 */
export class FrameReader {
  private readonly sink: FrameSink;
  /** The first bytes of a frame whose length is not known yet. */
  private readonly head: Bytes = new Uint8Array(8);
  /** The incomplete frame, exactly as long as it will be; null while its length is not known. */
  private partial: Bytes | null = null;
  private filled: number = 0;
  private error: string | null = null;

  constructor(sink: FrameSink) {
    this.sink = sink;
  }

  /** Bytes held of an incomplete frame. */
  get held(): number {
    return this.filled;
  }

  /** Takes a chunk; the bytes belong to the reader. Returns null, or why this and everything after it is refused. */
  push(chunk: Bytes): string | null {
    if (this.error !== null) return this.error;
    const end = chunk.length;
    let at = 0;
    if (this.filled > 0) {
      at = this.complete(chunk);
      if (this.error !== null || this.filled > 0) return this.error;
    }
    while (at < end) {
      const length = frameLength(chunk, at, end);
      if (length < 0) return this.fail(frameError(chunk, at));
      if (length === 0 || at + length > end) {
        this.keep(chunk, at, length);
        return null;
      }
      const refused = deliver(chunk, at, at + length, this.sink);
      if (refused !== null) return this.fail(refused);
      at += length;
    }
    return null;
  }

  /** Completes the held frame from the front of `chunk` and delivers it; returns where the rest begins. */
  private complete(chunk: Bytes): number {
    let at = 0;
    while (this.partial === null) {
      if (at === chunk.length) return at;
      this.head[this.filled++] = chunk[at++];
      const length = frameLength(this.head, 0, this.filled);
      if (length < 0) {
        this.fail(frameError(this.head, 0));
        return at;
      }
      if (length > 0) {
        this.partial = allocate(length);
        this.partial.set(this.head.subarray(0, this.filled));
      }
    }
    const partial = this.partial;
    const taken = Math.min(partial.length - this.filled, chunk.length - at);
    partial.set(chunk.subarray(at, at + taken), this.filled);
    this.filled += taken;
    if (this.filled === partial.length) {
      this.partial = null;
      this.filled = 0;
      const refused = deliver(partial, 0, partial.length, this.sink);
      if (refused !== null) this.fail(refused);
    }
    return at + taken;
  }

  /** Copies the front of a frame out of `chunk`, which would otherwise stay alive for it. */
  private keep(chunk: Bytes, at: number, length: number): void {
    this.filled = chunk.length - at;
    if (length === 0) {
      this.head.set(chunk.subarray(at));
    } else {
      this.partial = allocate(length);
      this.partial.set(chunk.subarray(at));
    }
  }

  private fail(text: string): string {
    this.error = text;
    this.partial = null;
    this.filled = 0;
    return text;
  }
}

function deliver(bytes: Bytes, start: number, end: number, sink: FrameSink): string | null {
  if (bytes[start] === 0) return sink.control(bytes[start + 1], bytes, start + CONTROL_HEADER, end);
  sink.packet(bytes, start, end);
  return null;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
