// One budget for what all connections of a stack buffer. While it lasts each may use its own buffers; when it is used up
// each falls back to a reserve, so that many slow readers together are bounded and none stands still. Buffers that grow
// do so from a share of the same size: what they may grow by is half of what is left of it, so that the first ones to
// ask leave something for those that come after them. May use nothing.

export class MemoryBudget {
  /** Bytes queued for sending or unread, over all connections. */
  used = 0;
  /** What buffers have grown by, over all connections. */
  grown = 0;
  private readonly limit: number;
  private readonly reserve: number;

  constructor(limit: number, reserve: number) {
    this.limit = limit;
    this.reserve = reserve;
  }

  /** What a connection that would like `wanted` bytes of buffer may have now. */
  allowance(wanted: number): number {
    return this.used < this.limit ? wanted : Math.min(wanted, this.reserve);
  }

  /** Takes for a buffer of `size` that wants to be `wanted`; the size it gets. Give the difference back with `shrink`. */
  grow(size: number, wanted: number): number {
    const left = Math.floor((this.limit - Math.max(this.grown, this.used)) / 2);
    const more = Math.min(Math.ceil(wanted) - size, left);
    if (more <= 0) return size;
    this.grown += more;
    return size + more;
  }

  shrink(bytes: number): void {
    this.grown -= bytes;
  }
}
