// The waiting forms of the direct reads. Each takes from the source only within attempt(), and what it has taken by
// then is told or kept: readExact and readToEnd keep it across attempts, the others take all they need at once.

import type { Bytes } from "../wire/bytes.ts";
import type { NetError } from "./net-error.ts";
import { Operation } from "./operation.ts";
import type { OpOptions } from "./options.ts";
import type { ReadSide } from "./read-side.ts";

abstract class ReadOperation<Result> extends Operation<Result> {
  protected readonly side: ReadSide;

  constructor(side: ReadSide, options: OpOptions | undefined) {
    super(options);
    this.side = side;
  }

  expired(): NetError {
    return this.side.error("ETIMEDOUT");
  }
}

export class ReadInto extends ReadOperation<number | null> {
  private readonly buffer: Uint8Array;

  constructor(side: ReadSide, buffer: Uint8Array, options: OpOptions | undefined) {
    super(side, options);
    this.buffer = buffer;
  }

  attempt(): boolean {
    const count = this.side.take(this.buffer);
    return count !== undefined && this.resolve(count);
  }
}

export class Peek extends ReadOperation<number | null> {
  private readonly buffer: Uint8Array;

  constructor(side: ReadSide, buffer: Uint8Array, options: OpOptions | undefined) {
    super(side, options);
    this.buffer = buffer;
  }

  attempt(): boolean {
    const count = this.side.look(this.buffer);
    return count !== undefined && this.resolve(count);
  }
}

export class ReadChunk extends ReadOperation<Bytes | null> {
  private readonly max: number;

  constructor(side: ReadSide, max: number, options: OpOptions | undefined) {
    super(side, options);
    this.max = max;
  }

  attempt(): boolean {
    const chunk = this.side.next(this.max);
    return chunk !== undefined && this.resolve(chunk);
  }
}

export class ReadExact extends ReadOperation<void> {
  private readonly buffer: Uint8Array;
  private filled = 0;

  constructor(side: ReadSide, buffer: Uint8Array, options: OpOptions | undefined) {
    super(side, options);
    this.buffer = buffer;
  }

  attempt(): boolean {
    while (this.filled < this.buffer.length) {
      const count = this.side.take(this.buffer.subarray(this.filled));
      if (count === undefined) return false;
      if (count === null) {
        const reason = `the stream ended after ${this.filled} of ${this.buffer.length} bytes`;
        throw this.side.error("ERR_UNEXPECTED_EOF", undefined, reason);
      }
      this.filled += count;
    }
    return this.resolve(undefined);
  }
}

export class ReadToEnd extends ReadOperation<Bytes> {
  private readonly limit: number;
  /** Copied together as they come: a chunk may be a small view that keeps a large message alive. */
  private bytes: Bytes = new Uint8Array(0);
  private length = 0;

  constructor(side: ReadSide, limit: number, options: OpOptions | undefined) {
    super(side, options);
    this.limit = limit;
  }

  attempt(): boolean {
    for (;;) {
      const chunk = this.side.next(mostAtOnce);
      if (chunk === undefined) return false;
      if (chunk === null) {
        return this.resolve(
          this.length === this.bytes.length ? this.bytes : this.bytes.slice(0, this.length),
        );
      }
      this.append(chunk);
    }
  }

  private append(chunk: Bytes): void {
    const length = this.length + chunk.length;
    if (length > this.limit) {
      const reason = `the stream is longer than ${this.limit} bytes, pass a larger limit if that is expected`;
      throw this.side.error("EMSGSIZE", undefined, reason);
    }
    if (length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(length, Math.min(this.limit, 2 * this.bytes.length)));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(chunk, this.length);
    this.length = length;
  }
}

/** More than a source has in one piece. */
export const mostAtOnce = 0x7fff_ffff;
