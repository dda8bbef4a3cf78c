// ListenerSource over a Deno.Listener: one accept at a time and only on demand, so that what nobody asked for
// stays in the kernel's backlog.

import {
  failure,
  type ListenerSink,
  type ListenerSource,
  type NetError,
  SocketAddr,
} from "../../core/net/index.ts";
import { connFailure, isClosedHere } from "./conn-errors.ts";
import { ConnSource } from "./conn-source.ts";
import type { DenoConn, DenoListener } from "./deno-api.ts";

export class DenoListenerSource implements ListenerSource {
  readonly localAddr: SocketAddr;
  private readonly listener: DenoListener;
  private readonly writeBufferSize: number | undefined;
  private sink: ListenerSink | null = null;
  private accepted: DenoConn | null = null;
  private failed: NetError | null = null;
  private isAccepting = false;
  private isClosed = false;

  constructor(listener: DenoListener, writeBufferSize: number | undefined) {
    this.localAddr = new SocketAddr(listener.addr.hostname, listener.addr.port);
    this.listener = listener;
    this.writeBufferSize = writeBufferSize;
  }

  attach(sink: ListenerSink): void {
    this.sink = sink;
  }

  accept(): ConnSource | undefined {
    const { accepted, failed } = this;
    this.accepted = null;
    this.failed = null;
    if (accepted !== null) return new ConnSource(accepted, this.writeBufferSize);
    if (failed !== null) throw failed;
    if (this.isClosed) throw failure("ERR_SOCKET_CLOSED", { op: "accept", localAddr: this.localAddr });
    if (!this.isAccepting) void this.acceptNext();
    return undefined;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.listener.close();
    this.accepted?.close();
    this.accepted = null;
    queueMicrotask(() => this.sink?.closed(null));
  }

  ref(): void {
    if (!this.isClosed) this.listener.ref();
  }

  unref(): void {
    if (!this.isClosed) this.listener.unref();
  }

  private async acceptNext(): Promise<void> {
    this.isAccepting = true;
    try {
      const conn = await this.listener.accept();
      if (this.isClosed) conn.close();
      else this.accepted = conn;
    } catch (error) {
      // Closing ends the pending accept with BadResource.
      if (this.isClosed || isClosedHere(error)) return;
      this.failed = connFailure(error, { op: "accept", localAddr: this.localAddr });
    } finally {
      this.isAccepting = false;
    }
    if (!this.isClosed) this.sink?.acceptable();
  }
}
