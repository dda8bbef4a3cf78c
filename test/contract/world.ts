// Where the contract suite runs: two networks that can reach each other (often one and the same), and what they
// cannot do, each with its reason. A gap without a reason cannot be written down.

import type { Network, SocketAddrLike, TcpListener, TcpStream } from "../../src/core/net/index.ts";
import { ok } from "./assert.ts";

export interface World {
  /** Dials. */
  readonly client: Network;
  /** Listens. */
  readonly server: Network;
  /** Where the server can listen: port 0 is taken. */
  readonly bindAddr: SocketAddrLike;
  /** What the client dials to reach a listener. Default: its `localAddr`. */
  readonly dialAddr?: (listener: TcpListener) => SocketAddrLike;
  /** An address at which nobody ever answers, not even with a refusal. */
  readonly silentAddr?: SocketAddrLike;
  /** What is open now (handles, connections): must be back at its start when all is closed. */
  readonly openCount?: () => number;
  close(): Promise<void>;
}

/** True, or the reason why not. */
export type Capability = true | string;

export interface Capabilities {
  /** Both ends see the same two addresses (false through a gateway). */
  readonly sameAddresses: Capability;
  /** Binding a port twice fails. */
  readonly addressInUse: Capability;
  /** A refused connection is told as such. */
  readonly refused: Capability;
  /** `abort()` is seen by the peer as ECONNRESET. */
  readonly reset: Capability;
  /** Closing with unread data resets. */
  readonly unreadReset: Capability;
  /** There is an address that never answers. */
  readonly silent: Capability;
  /** A writer stops within `limits.buffered` bytes when the peer does not read. */
  readonly backpressure: Capability;
  /** `flush()` and `close()` notice that the peer takes nothing (a kernel would flush by itself). */
  readonly seesAcknowledgement: Capability;
}

export const everything: Capabilities = {
  sameAddresses: true,
  addressInUse: true,
  refused: true,
  reset: true,
  unreadReset: true,
  silent: true,
  backpressure: true,
  seesAcknowledgement: true,
};

export interface Limits {
  /** Bytes of the large echo. */
  readonly echo: number;
  /** Bytes that two ends may hold together when nobody reads. */
  readonly buffered: number;
  /** Streams of the leak test, opened `atOnce` at a time. */
  readonly streams: number;
  readonly atOnce: number;
}

export const defaultLimits: Limits = { echo: 100 << 20, buffered: 16 << 20, streams: 1_000, atOnce: 50 };

export interface Pair {
  readonly client: TcpStream;
  readonly server: TcpStream;
  readonly listener: TcpListener;
}

/** One test's place: what it opens here is gone when it ends, however it ends. */
export class Place {
  readonly world: World;
  readonly limits: Limits;
  private readonly streams: TcpStream[] = [];
  private readonly listeners: TcpListener[] = [];

  constructor(world: World, limits: Limits) {
    this.world = world;
    this.limits = limits;
  }

  async listen(): Promise<TcpListener> {
    return this.keepListener(await this.world.server.bind(this.world.bindAddr));
  }

  addressOf(listener: TcpListener): SocketAddrLike {
    return this.world.dialAddr?.(listener) ?? listener.localAddr;
  }

  async dial(listener: TcpListener): Promise<TcpStream> {
    return this.keep(await this.world.client.connect(this.addressOf(listener), { timeout: 10_000 }));
  }

  async accept(listener: TcpListener): Promise<TcpStream> {
    const [stream] = await listener.accept({ timeout: 10_000 });
    return this.keep(stream);
  }

  /** Two connected streams. */
  async connect(): Promise<Pair> {
    const listener = await this.listen();
    const [client, server] = await Promise.all([this.dial(listener), this.accept(listener)]);
    return { client, server, listener };
  }

  keep(stream: TcpStream): TcpStream {
    this.streams.push(stream);
    return stream;
  }

  keepListener(listener: TcpListener): TcpListener {
    this.listeners.push(listener);
    return listener;
  }

  async leave(): Promise<void> {
    for (const stream of this.streams) {
      stream.abort();
      await stream.close();
    }
    for (const listener of this.listeners) await listener.close();
  }
}

/** Deterministic bytes in which a shift, a loss or a doubling shows. */
export function pattern(length: number, seed: number = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = Math.imul(seed, 0x9e37_79b1) | 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Reads `length` bytes exactly. */
export async function readBytes(stream: TcpStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await stream.readExact(bytes, { timeout: 20_000 });
  return bytes;
}

/**
 * Writes until next to nothing more is taken, three times in a row: the buffers between the two ends are full. Once
 * would not do: on a busy machine a timer may come before the room that was already there. "Next to": a probe of a
 * closed window may carry an octet, and so make room for one.
 */
export async function fill(stream: TcpStream, limit: number): Promise<number> {
  const block = new Uint8Array(65_536);
  let sent = 0;
  for (let refusals = 0; refusals < 3; ) {
    ok(sent <= limit, `A writer without a reader was not stopped after ${limit} bytes`);
    const count = await stream.write(block, { timeout: 200 }).catch((error: { code?: string }) => {
      if (error.code === "ETIMEDOUT") return 0;
      throw error;
    });
    sent += count;
    refusals = count < 16 ? refusals + 1 : 0;
    if (refusals > 0) await settle();
  }
  return sent;
}

/** Lets everything that is under way arrive. Never asserts a time: a slow machine only tests less. */
export function settle(milliseconds: number = 30): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
