// The body of a message as it comes off the stream: by length, chunked (RFC 9112 7.1), or up to the end of the
// stream. Pull only: nothing is read that nobody asked for, which is the backpressure of every body.
import type { Bytes } from "../core/net/index.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { Framing } from "./framing.ts";
import { checkTrailer, latin1 } from "./head.ts";
import { HttpError } from "./http-error.ts";

export interface BodyDecoder {
  /** True once the last byte was read: the next message, if any, begins here. */
  readonly ended: boolean;
  /**
   * The next piece of the body, or null at its end (sticky).
   *
   * @throws HttpError when the body is malformed, too large, or ends early
   */
  read(): Promise<Bytes | null>;
}

export interface BodyLimits {
  /** Bytes of content, at most. */
  readonly maxBodyBytes: number;
  /** Bytes of one read, at most. */
  readonly maxChunkBytes: number;
}

/** @throws HttpError 413 when the declared length is beyond the limit */
export function decodeBody(reader: ByteReader, framing: Framing, limits: BodyLimits): BodyDecoder {
  switch (framing.kind) {
    case "none":
      return new LengthBody(reader, 0, limits);
    case "length":
      if (framing.length > limits.maxBodyBytes) throw bodyTooLarge(limits);
      return new LengthBody(reader, framing.length, limits);
    case "chunked":
      return new ChunkedBody(reader, limits);
    case "close":
      return new ClosedBody(reader, limits);
  }
}

class LengthBody implements BodyDecoder {
  private readonly reader: ByteReader;
  private readonly limits: BodyLimits;
  private remaining: number;

  constructor(reader: ByteReader, length: number, limits: BodyLimits) {
    this.reader = reader;
    this.remaining = length;
    this.limits = limits;
  }

  get ended(): boolean {
    return this.remaining === 0;
  }

  async read(): Promise<Bytes | null> {
    if (this.remaining === 0) return null;
    if (this.reader.buffered === 0 && !(await this.reader.fill())) throw endedEarly();
    const piece = this.reader.take(Math.min(this.remaining, this.limits.maxChunkBytes));
    this.remaining -= piece.length;
    return piece;
  }
}

class ChunkedBody implements BodyDecoder {
  private readonly reader: ByteReader;
  private readonly limits: BodyLimits;
  /** Bytes left in the current chunk. */
  private remaining = 0;
  private started = false;
  private total = 0;
  /** Bytes that were neither content nor the framing a sane sender needs for it. */
  private overhead = 0;
  ended = false;

  constructor(reader: ByteReader, limits: BodyLimits) {
    this.reader = reader;
    this.limits = limits;
  }

  async read(): Promise<Bytes | null> {
    if (this.ended) return null;
    if (this.remaining === 0 && !(await this.nextChunk())) return null;
    if (this.reader.buffered === 0 && !(await this.reader.fill())) throw endedEarly();
    const piece = this.reader.take(Math.min(this.remaining, this.limits.maxChunkBytes));
    this.remaining -= piece.length;
    return piece;
  }

  private async nextChunk(): Promise<boolean> {
    if (this.started) {
      const line = await this.reader.readLine(0);
      if (line === null) throw endedEarly();
    }
    this.started = true;
    const line = await this.reader.readLine(MAX_CHUNK_LINE);
    if (line === null) throw endedEarly();
    const size = parseChunkSize(latin1(line));
    this.total += size;
    if (this.total > this.limits.maxBodyBytes) throw bodyTooLarge(this.limits);
    // One byte of content under a long extension, again and again, costs the sender nothing and the reader much.
    this.overhead = Math.max(0, this.overhead + line.length - 16 - 2 * size);
    if (this.overhead > MAX_CHUNK_OVERHEAD)
      throw new HttpError(400, "A chunked body has too much in its extensions");
    this.remaining = size;
    if (size > 0) return true;
    await this.skipTrailers();
    this.ended = true;
    return false;
  }

  private async skipTrailers(): Promise<void> {
    for (let total = 0; ; ) {
      const line = await this.reader.readLine(MAX_TRAILER_BYTES);
      if (line === null) throw endedEarly();
      if (line.length === 0) return;
      total += line.length;
      if (total > MAX_TRAILER_BYTES) throw new HttpError(431, "The trailer of a chunked body is too large");
      checkTrailer(line);
    }
  }
}

class ClosedBody implements BodyDecoder {
  private readonly reader: ByteReader;
  private readonly limits: BodyLimits;
  private total = 0;
  ended = false;

  constructor(reader: ByteReader, limits: BodyLimits) {
    this.reader = reader;
    this.limits = limits;
  }

  async read(): Promise<Bytes | null> {
    if (this.ended) return null;
    if (this.reader.buffered === 0 && !(await this.reader.fill())) {
      this.ended = true;
      return null;
    }
    const piece = this.reader.take(this.limits.maxChunkBytes);
    this.total += piece.length;
    if (this.total > this.limits.maxBodyBytes) throw bodyTooLarge(this.limits);
    return piece;
  }
}

/** RFC 9112 7.1: hexadecimal digits, then nothing or an extension, which is skipped. */
function parseChunkSize(line: string): number {
  const parts = CHUNK_LINE.exec(line);
  if (parts === null) throw new HttpError(400, "The size of a chunk is malformed");
  return Number.parseInt(parts[1] ?? "", 16);
}

function endedEarly(): HttpError {
  return new HttpError(400, "The connection ended within the body of a message");
}

function bodyTooLarge(limits: BodyLimits): HttpError {
  return new HttpError(413, `The body is larger than ${limits.maxBodyBytes} bytes`);
}

// Twelve digits: 256 TiB, and still an exact number.
const CHUNK_LINE = /^([0-9a-fA-F]{1,12})(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const MAX_CHUNK_LINE = 4096;
const MAX_CHUNK_OVERHEAD = 16 * 1024;
const MAX_TRAILER_BYTES = 8 * 1024;
