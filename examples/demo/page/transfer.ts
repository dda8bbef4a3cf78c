// Moves bytes from a TCP server behind the relay into this tab, with a SHA-256 that grows with them. The server sends
// its own at the end: that they are equal says that no byte was lost, doubled or out of order.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Tunnel } from "fourtuple";

export interface TransferState {
  readonly moved: number;
  readonly total: number;
  /** Of what has come so far. */
  readonly hash: string;
  /** What the server computed; empty until it is told. */
  readonly told: string;
}

export class Transfer {
  moved = 0;
  readonly total: number;
  private readonly hash = sha256.create();
  private told: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(total: number) {
    this.total = total;
  }

  get state(): TransferState {
    return {
      moved: this.moved,
      total: this.total,
      hash: bytesToHex(this.hash.clone().digest()),
      told: this.told.length === HASH_LENGTH ? bytesToHex(this.told) : "",
    };
  }

  /** @param source Takes a decimal count and a line end, and answers with as many bytes and their SHA-256. */
  async run(tunnel: Tunnel, source: string): Promise<void> {
    const stream = await tunnel.connect(source);
    await stream.writeAll(new TextEncoder().encode(`${this.total}\n`));
    for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk()) {
      const data = chunk.subarray(0, Math.max(0, this.total - this.moved));
      this.hash.update(data);
      this.moved += data.length;
      if (data.length < chunk.length) this.take(chunk.subarray(data.length));
    }
    await stream.close();
    if (this.told.length !== HASH_LENGTH)
      throw new Error(`The stream ended after ${this.moved} of ${this.total} bytes`);
  }

  private take(more: Uint8Array): void {
    const told = new Uint8Array(this.told.length + more.length);
    told.set(this.told);
    told.set(more, this.told.length);
    this.told = told;
  }
}

const HASH_LENGTH = 32;
