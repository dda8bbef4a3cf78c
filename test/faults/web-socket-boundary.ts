// Follows the frames of a WebSocket (RFC 6455 §5.2) in one direction of a TCP connection, behind its HTTP head, so that
// something can be put between two of them. Understands lengths only.

const HEAD_END = "\r\n\r\n";

export class WebSocketBoundary {
  private isHead = true;
  /** The end of the head, as far as it has come. */
  private tail = "";
  /** Bytes of the frame under way that have not come. */
  private missing = 0;
  /** The beginning of a frame whose header has not come whole. */
  private header: Buffer = Buffer.alloc(0);
  private waiting: (() => void) | null = null;

  /** Calls `task` when the last frame that passed is whole: now, or after the part of take() that completes it. */
  whenBetween(task: () => void): void {
    if (!this.isHead && this.missing === 0 && this.header.length === 0) task();
    else this.waiting = task;
  }

  /** Where in `chunk`, which comes next, the head and frames end. Not to be mixed with take(). */
  ends(chunk: Buffer): number[] {
    const ends: number[] = [];
    for (let at = 0; at < chunk.length; ) {
      const wasHead = this.isHead;
      at = this.isHead ? this.readHead(chunk, at) : this.readFrame(chunk, at);
      const isWhole = this.missing === 0 && this.header.length === 0;
      if (wasHead ? !this.isHead : isWhole) ends.push(at);
    }
    return ends;
  }

  /** Cuts what comes so that every part but the last ends a frame. Without anybody waiting it stays whole. */
  take(chunk: Buffer): Buffer[] {
    const parts: Buffer[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; ) {
      at = this.isHead ? this.readHead(chunk, at) : this.readFrame(chunk, at);
      const isBetween = !this.isHead && this.missing === 0 && this.header.length === 0;
      if (isBetween && this.waiting !== null) {
        parts.push(chunk.subarray(from, at));
        from = at;
      }
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
    return parts;
  }

  /** A part of take() was sent. */
  passed(): void {
    const { waiting } = this;
    if (waiting === null) return;
    this.waiting = null;
    waiting();
  }

  private readHead(chunk: Buffer, at: number): number {
    const text = this.tail + chunk.toString("latin1", at);
    const end = text.indexOf(HEAD_END);
    if (end < 0) {
      this.tail = text.slice(-(HEAD_END.length - 1));
      return chunk.length;
    }
    const next = at + end + HEAD_END.length - this.tail.length;
    this.isHead = false;
    this.tail = "";
    return next;
  }

  private readFrame(chunk: Buffer, at: number): number {
    if (this.missing > 0) {
      const count = Math.min(this.missing, chunk.length - at);
      this.missing -= count;
      return at + count;
    }
    this.header = Buffer.concat([this.header, chunk.subarray(at, at + 1)]);
    const length = frameLength(this.header);
    if (length !== null) {
      this.missing = length - this.header.length;
      this.header = Buffer.alloc(0);
    }
    return at + 1;
  }
}

/** Of the whole frame; null while its header is not whole. */
function frameLength(header: Buffer): number | null {
  if (header.length < 2) return null;
  const short = header[1] & 0x7f;
  const size = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (header.length < size) return null;
  const mask = (header[1] & 0x80) === 0 ? 0 : 4;
  const payload =
    short === 126 ? header.readUInt16BE(2) : short === 127 ? Number(header.readBigUInt64BE(2)) : short;
  return size + mask + payload;
}
