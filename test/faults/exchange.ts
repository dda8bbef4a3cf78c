// Transfers in both directions at once between a tunnel and a real TCP server behind the relay's gateway, judged by
// SHA-256: what the server took against what was written, what was read against what the server sent.

import { createHash } from "node:crypto";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { finished } from "node:stream/promises";
import type { TcpStream } from "../../src/core/net/index.ts";
import type { Tunnel } from "../../src/tunnel/index.ts";
import { BLOCK, blocks } from "./blocks.ts";

export interface ExchangeOptions {
  readonly streams: number;
  /** Each way, over all streams. */
  readonly bytes: number;
  /** Milliseconds that the tunnel's user sleeps after each 256 KiB that it read, or wrote. */
  readonly slowReader?: number | undefined;
  readonly slowWriter?: number | undefined;
}

/** What one end of a stream has seen. */
interface Ledger {
  readonly sent: string;
  readonly taken: string;
}

/** A server that sends and takes at once, as much as it is told in the first 12 bytes: number, and bytes to send. */
export class ExchangeServer {
  private readonly server: net.Server;
  private readonly ledgers = new Map<number, Ledger>();
  private readonly sockets = new Set<net.Socket>();
  /** Ends by a reset, or otherwise badly. */
  failures = 0;

  private constructor(server: net.Server) {
    this.server = server;
  }

  static async start(): Promise<ExchangeServer> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => void exchange.serve(socket));
    const exchange = new ExchangeServer(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return exchange;
  }

  get addr(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Takes what is known of stream `id`. */
  take(id: number): Ledger | undefined {
    const ledger = this.ledgers.get(id);
    this.ledgers.delete(id);
    return ledger;
  }

  get open(): number {
    return this.sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const closed = once(this.server, "close");
    this.server.close();
    await closed;
  }

  private async serve(socket: net.Socket): Promise<void> {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => {});
    const taken = createHash("sha256");
    let head: Buffer = Buffer.alloc(0);
    let sending = null as Promise<string> | null;
    socket.on("data", (chunk: Buffer) => {
      if (sending !== null) {
        taken.update(chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      if (head.length < HEAD) return;
      sending = this.send(socket, head.readUInt32BE(0), head.readDoubleBE(4));
      // It may fail while this end still reads.
      sending.catch(() => {});
      taken.update(head.subarray(HEAD));
    });
    try {
      // Not for await: at the end of what it reads it destroys a socket that still has to send.
      await finished(socket, { writable: false });
      const sent = await (sending ?? Promise.reject(new Error("It ended before it had said anything")));
      this.ledgers.set(head.readUInt32BE(0), { sent, taken: taken.digest("hex") });
      socket.end();
    } catch {
      this.failures++;
      socket.destroy();
    }
  }

  private async send(socket: net.Socket, id: number, count: number): Promise<string> {
    const sent = createHash("sha256");
    for (const block of blocks(id ^ 0x5555, count)) {
      sent.update(block);
      if (!socket.write(Buffer.from(block))) await once(socket, "drain");
      if (socket.destroyed) throw new Error("The stream is gone");
    }
    return sent.digest("hex");
  }
}

const HEAD = 12;
let nextId = 1;

/** What this end of stream `id` wrote and read. */
export interface Moved extends Ledger {
  readonly id: number;
}

/** Moves bytes both ways over all streams. Rejects when a byte is missing, doubled, or in the wrong place. */
export async function exchange(
  tunnel: Tunnel,
  server: ExchangeServer,
  options: ExchangeOptions,
): Promise<void> {
  for (const moved of await move(tunnel, server.addr, options)) check(server, moved);
}

/** Compares both ends' books of a stream. */
export function check(server: ExchangeServer, { id, sent, taken }: Moved): void {
  const ledger = server.take(id);
  if (ledger === undefined) throw new Error(`The server knows nothing of stream ${id}`);
  if (ledger.taken !== sent) throw new Error(`Stream ${id}: the server took other bytes than were written`);
  if (ledger.sent !== taken) throw new Error(`Stream ${id}: other bytes were read than the server sent`);
}

/** Moves bytes both ways over all streams, to an ExchangeServer that may be in another process. */
export async function move(tunnel: Tunnel, addr: string, options: ExchangeOptions): Promise<Moved[]> {
  const each = Math.ceil(options.bytes / options.streams);
  const one = async (): Promise<Moved> => {
    const id = nextId++;
    const stream = await tunnel.connect(addr);
    const head = Buffer.alloc(HEAD);
    head.writeUInt32BE(id, 0);
    head.writeDoubleBE(each, 4);
    await stream.writeAll(head);
    const [sent, taken] = await Promise.all([
      write(stream, id, each, options.slowWriter),
      read(stream, each, options.slowReader),
    ]);
    await stream.close();
    return { id, sent, taken };
  };
  return Promise.all(Array.from({ length: options.streams }, one));
}

async function write(
  stream: TcpStream,
  id: number,
  count: number,
  pause: number | undefined,
): Promise<string> {
  const sent = createHash("sha256");
  for (const block of blocks(id, count)) {
    sent.update(block);
    await stream.writeAll(block);
    if (pause !== undefined) await sleep(pause);
  }
  await stream.closeWrite();
  return sent.digest("hex");
}

async function read(stream: TcpStream, count: number, pause: number | undefined): Promise<string> {
  const taken = createHash("sha256");
  let bytes = 0;
  let sincePause = 0;
  // To the end: the server ends when it has everything, and its books are closed.
  for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk()) {
    taken.update(chunk);
    bytes += chunk.length;
    sincePause += chunk.length;
    if (pause === undefined || sincePause < BLOCK) continue;
    sincePause = 0;
    await sleep(pause);
  }
  if (bytes !== count) throw new Error(`${bytes} bytes came instead of ${count}`);
  return taken.digest("hex");
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
