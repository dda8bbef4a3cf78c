// The waiting forms of the direct writes. Each hands bytes to the source only within attempt().

import type { NetError } from "./net-error.ts";
import { Operation } from "./operation.ts";
import type { OpOptions } from "./options.ts";
import type { WriteOperationName, WriteSide } from "./write-side.ts";

abstract class WriteOperation<Result> extends Operation<Result> {
  protected readonly side: WriteSide;
  protected readonly name: WriteOperationName = "write";
  /** Of this operation's bytes, those the source has accepted. */
  protected written = 0;

  constructor(side: WriteSide, options: OpOptions | undefined) {
    super(options);
    this.side = side;
  }

  expired(): NetError {
    return this.side.error("ETIMEDOUT", this.name, undefined, this.written);
  }

  override explain(error: unknown): unknown {
    return this.side.explain(error, this.name, this.written);
  }
}

export class Write extends WriteOperation<number> {
  private readonly data: Uint8Array;

  constructor(side: WriteSide, data: Uint8Array, options: OpOptions | undefined) {
    super(side, options);
    this.data = data;
  }

  attempt(): boolean {
    this.written = this.side.send(this.data);
    return this.written > 0 && this.resolve(this.written);
  }
}

export class WriteAll extends WriteOperation<void> {
  private readonly data: Uint8Array;

  constructor(side: WriteSide, data: Uint8Array, options: OpOptions | undefined) {
    super(side, options);
    this.data = data;
  }

  attempt(): boolean {
    while (this.written < this.data.length) {
      const count = this.side.send(this.written === 0 ? this.data : this.data.subarray(this.written));
      if (count === 0) return false;
      this.written += count;
    }
    return this.resolve(undefined);
  }
}

/** Stands in the queue until what was accepted before it is acknowledged; later writes wait behind it. */
export class Flush extends WriteOperation<void> {
  attempt(): boolean {
    // A connection that failed has nothing unacknowledged left either.
    this.side.throwFailure();
    return this.side.source.unacknowledged === 0 && this.resolve(undefined);
  }
}

/** Stands behind the writes that were queued before a half close. */
export class Finish extends WriteOperation<void> {
  protected override readonly name = "shutdown";

  attempt(): boolean {
    this.side.endNow();
    return this.resolve(undefined);
  }
}
