// What bench clients and the TCP server say to each other: one command at the beginning of each stream, one byte and
// a count. And the pattern that all bulk data has, so that a lost, doubled or reordered chunk is seen.

export const Command = {
  /** The server sends `count` bytes. */
  download: 1,
  /** The server takes `count` bytes, then answers with ANSWER_LENGTH bytes. */
  upload: 2,
  /** The server sends back what it gets. */
  echo: 3,
  /** The server sends one byte and ends its direction. */
  once: 4,
  /** The server sends one byte and waits. */
  idle: 5,
} as const;
export type Command = (typeof Command)[keyof typeof Command];

export const COMMAND_LENGTH = 9;
export const ANSWER_LENGTH = 8;
/** A count that no transfer reaches: until the stream ends. */
export const ENDLESS: number = 2 ** 52;

export function encodeCommand(command: Command, count: number = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(COMMAND_LENGTH);
  bytes[0] = command;
  new DataView(bytes.buffer).setFloat64(1, count);
  return bytes;
}

export function decodeCount(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(at);
}

const PERIOD = 251;
/** Bytes of one write: whole periods, so that every block is the same. */
export const BLOCK_LENGTH: number = 261 * PERIOD;

/** A block of the pattern: the byte at offset n of a stream is n mod 251. */
export function makeBlock(): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_LENGTH);
  for (let i = 0; i < block.length; i++) block[i] = i % PERIOD;
  return block;
}

/** Follows a stream of the pattern by the first and last byte of each chunk. */
export class PatternCheck {
  received = 0;

  /** @throws {Error} when the chunk is not what comes next. */
  take(chunk: Uint8Array): void {
    const { length } = chunk;
    const isNext = chunk[0] === this.received % PERIOD;
    this.received += length;
    if (!isNext || chunk[length - 1] !== (this.received - 1) % PERIOD) {
      throw new Error(`Wrong bytes before offset ${this.received}`);
    }
  }
}
