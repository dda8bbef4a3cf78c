// One budget for what all connections of a stack buffer. While it lasts each may use its own buffers; when it is used up
// each falls back to a reserve, so that many slow readers together are bounded and none stands still. May use nothing.

export class MemoryBudget {
  /** Bytes queued for sending or unread, over all connections. */
  used = 0;
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
}
