// ListenerSource over a net.Server. node:net accepts by itself and cannot be paused, so what nobody accepted yet
// waits here, unread, and beyond the backlog a connection is reset.

import type { Server, Socket } from "node:net";
import {
  type ListenerSink,
  type ListenerSource,
  type NetError,
  SocketAddr,
  type StreamSource,
} from "../../core/net/index.ts";
import { ReadableReceiver } from "./readable-receiver.ts";
import { isDeno } from "./runtime.ts";
import { socketFailure } from "./socket-errors.ts";
import { SocketSource } from "./socket-source.ts";

export class ServerSource implements ListenerSource {
  readonly localAddr: SocketAddr;
  private readonly server: Server;
  private readonly backlog: number;
  private readonly writeBufferSize: number | undefined;
  private sink: ListenerSink | null = null;
  private readonly waiting: Socket[] = [];
  /** One failed accept, such as EMFILE; the server goes on listening. */
  private failed: NetError | null = null;
  private isClosed = false;

  /** `server` listens, with allowHalfOpen and pauseOnConnect. */
  constructor(server: Server, backlog: number, writeBufferSize: number | undefined) {
    const address = server.address();
    if (address === null || typeof address === "string")
      throw new TypeError("Cannot use a server that is not TCP");
    this.localAddr = new SocketAddr(address.address, address.port);
    this.server = server;
    this.backlog = backlog;
    this.writeBufferSize = writeBufferSize;
    // Deno 2.9: a write in the turn of the accept fails with EPIPE when the peer's FIN is there already.
    if (isDeno()) server.on("connection", (socket) => setTimeout(() => this.onConnection(socket), 0));
    else server.on("connection", (socket) => this.onConnection(socket));
    server.on("error", (error) => this.onError(error));
  }

  attach(sink: ListenerSink): void {
    this.sink = sink;
    if (this.waiting.length > 0 || this.failed !== null) queueMicrotask(() => sink.acceptable());
  }

  accept(): StreamSource | undefined {
    for (;;) {
      const socket = this.waiting.shift();
      if (socket === undefined) break;
      socket.off("error", ignore);
      // One that failed while it waited has no addresses any more: as kernels do, it is passed over.
      if (socket.destroyed || socket.remoteAddress === undefined) continue;
      return new SocketSource(socket, new ReadableReceiver(socket), {
        writeBufferSize: this.writeBufferSize,
      });
    }
    const failed = this.failed;
    this.failed = null;
    if (failed !== null) throw failed;
    return undefined;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    // The server's "close" event waits for every connection; the port is free at once.
    this.server.close();
    for (const socket of this.waiting.splice(0)) socket.resetAndDestroy();
    queueMicrotask(() => this.sink?.closed(null));
  }

  ref(): void {
    this.server.ref();
  }

  unref(): void {
    this.server.unref();
  }

  private onConnection(socket: Socket): void {
    if (this.isClosed || this.waiting.length >= this.backlog) {
      socket.resetAndDestroy();
      return;
    }
    socket.on("error", ignore);
    socket.setNoDelay(true);
    this.waiting.push(socket);
    this.sink?.acceptable();
  }

  private onError(error: Error): void {
    this.failed ??= socketFailure(error, { op: "accept", localAddr: this.localAddr });
    this.sink?.acceptable();
  }
}

function ignore(): void {}
