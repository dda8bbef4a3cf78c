// The five verbs of core/net over a Deno.Conn. Deno cannot reset a connection: its close() sends FIN, also with
// bytes unread, so reset() only closes, and what was truncated looks complete to the peer. Where that matters, use
// the node adapter, which runs in Deno too.

import {
  type Bytes,
  failure,
  type KeepAliveOptions,
  type NetError,
  SocketAddr,
  type StreamSink,
  type StreamSource,
  type TcpInfo,
} from "../../core/net/index.ts";
import { connFailure, isClosedHere } from "./conn-errors.ts";
import { ConnWriter } from "./conn-writer.ts";
import type { DenoConn } from "./deno-api.ts";

/** Bytes accepted from writers that the kernel has not taken. */
export const defaultWriteBufferSize = 262_144;

export class ConnSource implements StreamSource {
  readonly localAddr: SocketAddr;
  readonly peerAddr: SocketAddr;
  private readonly conn: DenoConn;
  private readonly writer: ConnWriter;
  private readonly writeBufferSize: number;
  private sink: StreamSink | null = null;
  private readonly chunks: Bytes[] = [];
  private unread = 0;
  private readSize = smallestRead;
  private isReading = false;
  private ended = false;
  private finished = false;
  private finSent = false;
  private closing = false;
  private over = false;
  private readFailed: NetError | null = null;
  private sendFailed: NetError | null = null;
  private failureTold = false;
  private isShort = false;
  private bytesReceived = 0;
  private bytesAccepted = 0;

  constructor(conn: DenoConn, writeBufferSize: number = defaultWriteBufferSize) {
    this.localAddr = new SocketAddr(conn.localAddr.hostname, conn.localAddr.port);
    this.peerAddr = new SocketAddr(conn.remoteAddr.hostname, conn.remoteAddr.port);
    this.conn = conn;
    this.writeBufferSize = writeBufferSize;
    this.writer = new ConnWriter(
      conn,
      () => this.onProgress(),
      (error) => this.onSendFailure(error),
    );
    conn.setNoDelay(true);
  }

  get unacknowledged(): number {
    return this.writer.queued;
  }

  attach(sink: StreamSink): void {
    this.sink = sink;
    // Without being asked, a little ahead: so that the end and a reset are known also to who does not read.
    queueMicrotask(() => this.readOn());
  }

  receive(max: number): Bytes | null | undefined {
    const [chunk] = this.chunks;
    if (chunk !== undefined) {
      const part = chunk.length > max ? chunk.subarray(0, max) : chunk;
      if (part === chunk) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(max);
      this.unread -= part.length;
      this.readOn();
      return part;
    }
    if (this.ended) return null;
    if (this.readFailed !== null) throw this.tell(this.readFailed);
    return undefined;
  }

  send(data: Uint8Array): number {
    const count = this.admit(data.length);
    if (count > 0) this.writer.push(new Uint8Array(count === data.length ? data : data.subarray(0, count)));
    return count;
  }

  sendOwned(data: Bytes): number {
    const count = this.admit(data.length);
    if (count === 0) return 0;
    this.isShort = false;
    this.bytesAccepted += data.length - count;
    this.writer.push(data);
    return data.length;
  }

  finish(): void {
    if (this.finished) return;
    this.finished = true;
    if (this.writer.queued === 0) void this.sendFin();
  }

  close(): void {
    if (this.closing || this.over) return;
    this.closing = true;
    if (this.writer.queued === 0) this.release();
  }

  reset(): void {
    this.writer.stop();
    this.release();
  }

  setNoDelay(on: boolean): void {
    if (!this.over) this.conn.setNoDelay(on);
  }

  setKeepAlive(options: KeepAliveOptions | false): void {
    // Deno knows on and off: the system's times stay.
    if (!this.over) this.conn.setKeepAlive(options !== false);
  }

  info(): TcpInfo {
    return {
      state: this.state,
      bytesSent: this.bytesAccepted - this.writer.queued,
      bytesReceived: this.bytesReceived,
      notSent: this.writer.queued,
    };
  }

  ref(): void {
    if (!this.over) this.conn.ref();
  }

  unref(): void {
    if (!this.over) this.conn.unref();
  }

  /** As far as this side of the kernel tells it: whether a FIN was acknowledged is not known. */
  private get state(): TcpInfo["state"] {
    if (this.over) return "CLOSED";
    if (this.ended) return this.finished ? "LAST-ACK" : "CLOSE-WAIT";
    if (!this.finished) return "ESTABLISHED";
    return this.finSent ? "FIN-WAIT-2" : "FIN-WAIT-1";
  }

  private admit(length: number): number {
    const failed = this.sendFailed ?? this.readFailed;
    if (failed !== null && !this.failureTold) throw this.tell(failed);
    if (failed !== null || this.finished || this.closing || this.over) {
      throw failure("EPIPE", {
        op: "write",
        peerAddr: this.peerAddr,
        ...(failed !== null && { cause: failed }),
      });
    }
    const count = Math.max(0, Math.min(length, this.writeBufferSize - this.writer.queued));
    if (count < length) this.isShort = true;
    this.bytesAccepted += count;
    return count;
  }

  private tell(error: NetError): NetError {
    this.failureTold = true;
    return error;
  }

  private readOn(): void {
    if (this.isReading || this.ended || this.over || this.closing || this.unread >= readAhead) return;
    this.isReading = true;
    void this.read();
  }

  private async read(): Promise<void> {
    const buffer = new Uint8Array(this.readSize);
    let count: number | null = null;
    try {
      count = await this.conn.read(buffer);
    } catch (error) {
      this.isReading = false;
      if (!this.over && !isClosedHere(error)) this.onReadFailure(error);
      return;
    }
    this.isReading = false;
    if (this.over) return;
    if (count === null) {
      this.onEnd();
      return;
    }
    this.bytesReceived += count;
    // An idle stream waits with a small buffer; one that is busy reads as much as the kernel has.
    if (count === buffer.length) this.readSize = Math.min(largestRead, this.readSize * 4);
    else if (count < buffer.length / 4) this.readSize = Math.max(smallestRead, this.readSize / 2);
    if (this.closing) return;
    // Little in much would pin the rest.
    this.chunks.push(count < buffer.length / 4 ? buffer.slice(0, count) : buffer.subarray(0, count));
    this.unread += count;
    this.readOn();
    this.sink?.readable();
  }

  private onEnd(): void {
    // The kernel tells of a reset once. When that was to the writer the reader gets an end, which would hide that
    // bytes are missing. (A reset behind the peer's FIN is told to the writer as EPIPE: nothing is missing then.)
    if (this.sendFailed?.code === "ECONNRESET") {
      this.onReadFailure(this.sendFailed);
      return;
    }
    this.ended = true;
    this.sink?.readable();
    this.releaseIfDone();
  }

  private async sendFin(): Promise<void> {
    try {
      await this.conn.closeWrite();
    } catch (error) {
      if (!this.over && !isClosedHere(error)) this.onSendFailure(error);
      return;
    }
    this.finSent = true;
    this.releaseIfDone();
  }

  private onProgress(): void {
    const { queued } = this.writer;
    if (queued === 0 && this.closing) this.release();
    else if (queued === 0 && this.finished && !this.finSent) void this.sendFin();
    if (queued > 0 && !(this.isShort && queued <= this.writeBufferSize / 2)) return;
    this.isShort = false;
    this.sink?.writable();
  }

  private onReadFailure(error: unknown): void {
    this.readFailed = connFailure(error, { op: "read", localAddr: this.localAddr, peerAddr: this.peerAddr });
    this.writer.stop();
    this.sink?.readable();
    this.release(this.readFailed);
  }

  /** What the kernel still holds for the reader stays readable; then reading ends with the reason. */
  private onSendFailure(error: unknown): void {
    this.sendFailed = connFailure(error, { op: "write", localAddr: this.localAddr, peerAddr: this.peerAddr });
    if (this.ended || this.closing) this.release(this.sendFailed);
    else this.sink?.writable();
  }

  private releaseIfDone(): void {
    if (this.sendFailed !== null && this.ended) this.release(this.sendFailed);
    else if (this.ended && this.finSent) this.release();
  }

  private release(error: NetError | null = null): void {
    if (this.over) return;
    this.over = true;
    try {
      this.conn.close();
    } catch (closed) {
      if (!isClosedHere(closed)) throw closed;
    }
    queueMicrotask(() => this.sink?.closed(error));
  }
}

/** Bytes held unread above which nothing is read; one chunk may exceed it. */
const readAhead = 65_536;
/** Bytes. Measured: an idle stream waits with the first, a busy one goes up to the second within three reads. */
const smallestRead = 4_096;
const largestRead = 262_144;
