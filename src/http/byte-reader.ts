// Buffered reading from a stream: heads and lines need their bytes in one piece, bodies are handed on as views.
// One fill is under way at most and everybody waits for the same one, so that a connection can watch for the end
// of the stream while a request runs, without losing what arrives. Buffers at most one chunk beyond a limit.
import type { Bytes } from "../core/net/index.ts";
import { HttpError } from "./http-error.ts";

/** What this room needs of a stream in order to read from it. */
export interface ByteSource {
  readChunk(): Promise<Bytes | null>;
}

export class ByteReader {
  private readonly source: ByteSource;
  private buffer: Bytes = NOTHING;
  private at = 0;
  private end = 0;
  /** True if `buffer` was allocated here and may be written behind `end`; chunks from the stream are not. */
  private owned = false;
  private filling: Promise<boolean> | null = null;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Bytes that can be had without waiting. */
  get buffered(): number {
    return this.end - this.at;
  }

  /** Waits for more bytes. False at the end of the stream. Any number of callers share one read. */
  fill(): Promise<boolean> {
    this.filling ??= this.fillOnce();
    return this.filling;
  }

  /** Takes up to `max` buffered bytes. The view is the caller's; nothing here writes to it again. */
  take(max: number): Bytes {
    const stop = Math.min(this.end, this.at + max);
    const view = this.buffer.subarray(this.at, stop);
    this.at = stop;
    if (this.at === this.end) this.forget();
    return view;
  }

  /**
   * Reads up to and with the empty line that ends a head (RFC 9112 2.1). Empty lines before it are skipped
   * (RFC 9112 2.2). Returns the head without its last empty line, or null at the end of the stream.
   *
   * @throws HttpError 414 or 431 beyond `limit`, 400 at a bare LF or when the stream ends within the head
   */
  async readHead(limit: number): Promise<Bytes | null> {
    let skipped = 0;
    let lineStart = 0;
    let scanned = 0;
    for (;;) {
      const lineFeed = this.find(scanned);
      if (lineFeed < 0) {
        scanned = this.buffered;
        if (scanned + skipped > limit) throw headTooLarge(lineStart === 0, limit);
        if (await this.fill()) continue;
        if (this.buffered === 0) return null;
        throw new HttpError(400, "The connection ended within the head of a message");
      }
      if (lineFeed + skipped > limit) throw headTooLarge(lineStart === 0, limit);
      this.refuseBareLineFeed(lineFeed, lineStart);
      if (lineFeed - lineStart === 1) {
        if (lineStart > 0) {
          const head = this.take(lineFeed + 1);
          return head.subarray(0, lineStart - 2);
        }
        // An empty line before the start line: clients of old sent one after a request's body.
        this.take(2);
        skipped += 2;
        scanned = 0;
        continue;
      }
      lineStart = lineFeed + 1;
      scanned = lineStart;
    }
  }

  /**
   * Reads one line and returns it without its CRLF; null when the stream ends before the line does.
   *
   * @throws HttpError 400 when the line is longer than `limit` or ends in a bare LF
   */
  async readLine(limit: number): Promise<Bytes | null> {
    let scanned = 0;
    for (;;) {
      const lineFeed = this.find(scanned);
      if (lineFeed > limit + 1 || (lineFeed < 0 && this.buffered > limit + 1)) {
        throw new HttpError(400, "A line of a chunked body is too long");
      }
      if (lineFeed >= 0) {
        this.refuseBareLineFeed(lineFeed, 0);
        return this.take(lineFeed + 1).subarray(0, lineFeed - 1);
      }
      scanned = this.buffered;
      if (!(await this.fill())) return null;
    }
  }

  /** Position of the next LF, counted from the first unread byte; -1 if none is buffered. */
  private find(from: number): number {
    return this.buffer.subarray(this.at, this.end).indexOf(LF, from);
  }

  /** A lone LF is read as a line end by some and as data by others: that difference is a smuggler's tool. */
  private refuseBareLineFeed(lineFeed: number, lineStart: number): void {
    if (lineFeed === lineStart || this.buffer[this.at + lineFeed - 1] !== CR) {
      throw new HttpError(400, "A line ends in LF without CR");
    }
  }

  private async fillOnce(): Promise<boolean> {
    try {
      const chunk = await this.source.readChunk();
      if (chunk === null) return false;
      this.append(chunk);
      return true;
    } finally {
      this.filling = null;
    }
  }

  private append(chunk: Bytes): void {
    const held = this.buffered;
    if (held === 0) {
      this.buffer = chunk;
      this.at = 0;
      this.end = chunk.length;
      this.owned = false;
      return;
    }
    const wanted = held + chunk.length;
    if (!this.owned || this.at + wanted > this.buffer.length) {
      // Doubling: a head that arrives byte by byte is copied a constant number of times.
      const larger = new Uint8Array(Math.max(1024, wanted * 2));
      larger.set(this.buffer.subarray(this.at, this.end));
      this.buffer = larger;
      this.owned = true;
      this.at = 0;
      this.end = held;
    }
    this.buffer.set(chunk, this.end);
    this.end += chunk.length;
  }

  private forget(): void {
    this.buffer = NOTHING;
    this.at = 0;
    this.end = 0;
    this.owned = false;
  }
}

function headTooLarge(firstLine: boolean, limit: number): HttpError {
  return firstLine
    ? new HttpError(414, `The request line is longer than ${limit} bytes`)
    : new HttpError(431, `The head is larger than ${limit} bytes`);
}

const NOTHING: Bytes = new Uint8Array(0);
const CR = 13;
const LF = 10;
