// Bodies on their way out, of responses and of requests: as they are where the length is known, else chunked
// (RFC 9112 7.1). The next piece is taken from its source only when the stream took the last one.
/** Sends bytes. One at a time: the next call is made when the last one is done. */
export type Write = (bytes: Uint8Array) => Promise<void>;

/**
 * Writes exactly `length` bytes.
 *
 * @throws TypeError when the body has more or fewer: the message is cut, and the connection cannot be kept
 */
export async function writeCounted(write: Write, pieces: Pieces, length: number): Promise<void> {
  let written = 0;
  for (let piece = await pieces.next(); piece !== null; piece = await pieces.next()) {
    written += piece.length;
    if (written > length) throw new TypeError(`A body has more than the ${length} bytes it declared`);
    if (piece.length > 0) await write(piece);
  }
  if (written < length)
    throw new TypeError(`A body ended after ${written} of the ${length} bytes it declared`);
}

/** Writes until the body ends; the connection's end will be the body's. */
export async function writePlain(write: Write, pieces: Pieces): Promise<void> {
  for (let piece = await pieces.next(); piece !== null; piece = await pieces.next()) {
    if (piece.length > 0) await write(piece);
  }
}

/** Writes in chunks, and the last chunk. */
export async function writeChunked(write: Write, pieces: Pieces): Promise<void> {
  for (let piece = await pieces.next(); piece !== null; piece = await pieces.next()) {
    // An empty chunk would end the body.
    if (piece.length > 0) await writeChunk(write, piece);
  }
  await write(LAST_CHUNK);
}

/** The pieces of a body stream, one at a time, with a look at whether the next ones are there already. */
export class Pieces {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly ahead: Promise<Uint8Array | null>[] = [];

  constructor(stream: ReadableStream<Uint8Array>) {
    this.reader = stream.getReader();
  }

  /** The next piece, or null at the end. */
  next(): Promise<Uint8Array | null> {
    return this.ahead.shift() ?? this.read();
  }

  /**
   * The piece that is `index` pieces away (null: the body ends before) if it comes without any I/O, else
   * undefined; `next()` gives it again. What is made of a string or of bytes is there within a few microtasks.
   */
  async soon(index: number): Promise<Uint8Array | null | undefined> {
    while (this.ahead.length <= index) {
      const read = this.read();
      // next() or the look below meets the error.
      read.catch(() => {});
      this.ahead.push(read);
    }
    let piece: Uint8Array | null | undefined;
    let failure: { readonly error: unknown } | undefined;
    this.ahead[index]?.then(
      (value) => {
        piece = value;
      },
      (error) => {
        failure = { error };
      },
    );
    for (let turn = 0; turn < MICROTASKS; turn++) {
      if (piece !== undefined) return piece;
      if (failure !== undefined) throw failure.error;
      await null;
    }
    return undefined;
  }

  /** Tells the source that nobody reads on. */
  cancel(reason: unknown): void {
    void this.reader.cancel(reason).catch(() => {});
  }

  private async read(): Promise<Uint8Array | null> {
    const { done, value } = await this.reader.read();
    return done ? null : asBytes(value);
  }
}

/** One buffer from several. */
export function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Small things go out together: one packet instead of three, for the price of a copy. */
export const JOIN_LIMIT: number = 16 * 1024;

function asBytes(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  throw new TypeError("A body stream gave something that is no Uint8Array");
}

async function writeChunk(write: Write, piece: Uint8Array): Promise<void> {
  const size = new TextEncoder().encode(`${piece.length.toString(16)}\r\n`);
  if (piece.length <= JOIN_LIMIT) {
    await write(join(size, piece, CRLF));
    return;
  }
  await write(size);
  await write(piece);
  await write(CRLF);
}

const MICROTASKS = 24;
const CRLF: Uint8Array = new Uint8Array([13, 10]);
const LAST_CHUNK: Uint8Array = new Uint8Array([48, 13, 10, 13, 10]);
