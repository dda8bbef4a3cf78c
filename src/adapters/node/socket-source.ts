// The five verbs of core/net over a net.Socket: bounded buffers, half close, reset, and one closing. Bytes that came
// before a reset stay readable. (With one exception, on sockets not opened here: when a write is the first to meet
// the reset, Node closes the socket at once; the error tells that what the kernel still held is missing.)

import type { Socket } from "node:net";
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
import { DialledSocket } from "./dialled-socket.ts";
import { type Receiver, readSize } from "./receiver.ts";
import { Sender } from "./sender.ts";
import { socketFailure } from "./socket-errors.ts";

/** Bytes held unread above which the socket is not read; one chunk may exceed it. */
const readAhead = readSize;

export const defaultWriteBufferSize = 262_144;

export interface SocketSourceOptions {
  /** Bytes accepted from writers that the kernel has not taken; default 256 KiB. */
  readonly writeBufferSize?: number | undefined;
  /** Where the kernel need not be asked. */
  readonly peerAddr?: SocketAddr | undefined;
}

export class SocketSource implements StreamSource {
  readonly localAddr: SocketAddr;
  readonly peerAddr: SocketAddr;
  private readonly socket: Socket;
  private readonly receiver: Receiver;
  private readonly sender: Sender;
  private sink: StreamSink | null = null;
  private readonly chunks: Bytes[] = [];
  private unread = 0;
  /** The reader was told that there is nothing. */
  private isStarved = false;
  private ended = false;
  private finished = false;
  private closing = false;
  private resetting = false;
  /** Sending has failed; reading may go on. */
  private sendFailed: NetError | null = null;
  private failed: NetError | null = null;
  private failureTold = false;
  private over = false;

  /** `socket` is connected, half-open capable, and nobody else reads or writes it. */
  constructor(socket: Socket, receiver: Receiver, options: SocketSourceOptions = {}) {
    const { writeBufferSize = defaultWriteBufferSize, peerAddr } = options;
    this.localAddr = new SocketAddr(socket.localAddress ?? "", socket.localPort ?? 0);
    this.peerAddr = peerAddr ?? new SocketAddr(socket.remoteAddress ?? "", socket.remotePort ?? 0);
    this.socket = socket;
    this.receiver = receiver;
    this.sender = new Sender(
      socket,
      writeBufferSize,
      () => this.onRoom(),
      (error) => this.onSendFailure(error),
    );
    receiver.onChunk = (chunk, isLent) => this.onChunk(chunk, isLent);
    socket.on("end", () => this.onEnd());
    socket.on("error", (error) => this.onError(error));
    socket.on("close", () => this.onClose());
  }

  get unacknowledged(): number {
    return this.sender.unsent;
  }

  attach(sink: StreamSink): void {
    this.sink = sink;
    if (this.over) queueMicrotask(() => this.tellClosed());
    // Without being asked, a little ahead: so that the end and a reset are known also to who does not read.
    else this.receiver.resume();
  }

  receive(max: number): Bytes | null | undefined {
    const [chunk] = this.chunks;
    if (chunk !== undefined) {
      const part = chunk.length > max ? chunk.subarray(0, max) : chunk;
      if (part === chunk) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(max);
      this.unread -= part.length;
      if (this.unread < readAhead && !this.closing && !this.over) this.receiver.resume();
      return part;
    }
    if (this.ended) return null;
    if (this.failed !== null) throw this.tell(this.failed);
    this.isStarved = true;
    return undefined;
  }

  send(data: Uint8Array): number {
    this.checkSendable();
    return this.sender.copy(data);
  }

  sendOwned(data: Bytes): number {
    this.checkSendable();
    return this.sender.keep(data);
  }

  finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.sender.end();
  }

  close(): void {
    if (this.closing || this.resetting) return;
    this.closing = true;
    this.receiver.pause();
    if (this.unread > 0 || this.receiver.holdsBytes) this.reset();
    else this.destroyIfFlushed();
  }

  reset(): void {
    if (this.resetting || this.over) return;
    this.resetting = true;
    this.finished = true;
    this.sender.drop();
    this.receiver.pause();
    const { socket } = this;
    // While the system's shutdown() is under way libuv refuses the reset, and Node loses the descriptor. That
    // takes one turn of the event loop.
    if (socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished) {
      socket.once("finish", () => resetSocket(socket));
    } else {
      resetSocket(socket);
    }
  }

  setNoDelay(on: boolean): void {
    this.socket.setNoDelay(on);
  }

  setKeepAlive(options: KeepAliveOptions | false): void {
    // node:net 20 passes on no interval and no count: the system's stay.
    if (options === false) this.socket.setKeepAlive(false);
    else this.socket.setKeepAlive(true, options.idle ?? 0);
  }

  info(): TcpInfo {
    const sent = this.socket.bytesWritten - this.socket.writableLength;
    return {
      state: this.state,
      bytesSent: Math.max(0, sent),
      bytesReceived: this.socket.bytesRead,
      notSent: this.sender.unsent,
    };
  }

  ref(): void {
    this.socket.ref();
  }

  unref(): void {
    this.socket.unref();
  }

  /** As far as this side of the kernel tells it: whether a FIN was acknowledged is not known. */
  private get state(): TcpInfo["state"] {
    if (this.over) return "CLOSED";
    if (this.ended) return this.finished ? "LAST-ACK" : "CLOSE-WAIT";
    if (!this.finished) return "ESTABLISHED";
    return this.socket.writableFinished ? "FIN-WAIT-2" : "FIN-WAIT-1";
  }

  private checkSendable(): void {
    const failed = this.failed ?? this.sendFailed;
    if (failed !== null) {
      if (this.failureTold) throw failure("EPIPE", { op: "write", peerAddr: this.peerAddr, cause: failed });
      throw this.tell(failed);
    }
    if (this.finished || this.over) throw failure("EPIPE", { op: "write", peerAddr: this.peerAddr });
  }

  private tell(error: NetError): NetError {
    this.failureTold = true;
    return error;
  }

  private onChunk(chunk: Bytes, isLent: boolean): void {
    // Bytes that come after close() are unread: a reset, as kernels answer them.
    if (this.closing) {
      this.reset();
      return;
    }
    const taken = this.unread === 0 ? (this.sink?.lent?.(chunk) ?? 0) : 0;
    if (taken === chunk.length) return;
    const rest = isLent ? chunk.slice(taken) : chunk.subarray(taken);
    this.chunks.push(rest);
    this.unread += rest.length;
    if (this.unread >= readAhead) this.receiver.pause();
    this.wakeReader();
  }

  /** Only one who waits: this may be called from within receive(). */
  private wakeReader(): void {
    if (!this.isStarved) return;
    this.isStarved = false;
    this.sink?.readable();
  }

  private onRoom(): void {
    if (this.closing) this.destroyIfFlushed();
    else this.sink?.writable();
  }

  /** The system's close() then sends FIN, or RST where it holds bytes that nobody read. */
  private destroyIfFlushed(): void {
    if (this.sender.unsent > 0 && this.sendFailed === null) return;
    const { writableEnded, writableFinished } = this.socket;
    if (!writableEnded || writableFinished || this.sendFailed !== null) this.socket.destroy();
    else this.socket.once("finish", () => this.socket.destroy());
  }

  private onSendFailure(error: Error): void {
    // Any other socket is destroyed by it, and its "error" event tells why.
    if (!(this.socket instanceof DialledSocket) || this.socket.destroyed) return;
    this.sendFailed ??= socketFailure(error, {
      op: "write",
      localAddr: this.localAddr,
      peerAddr: this.peerAddr,
    });
    this.sender.drop();
    if (this.closing) this.destroyIfFlushed();
    else this.sink?.writable();
  }

  private onEnd(): void {
    this.ended = true;
    this.wakeReader();
  }

  private onError(error: Error): void {
    if (!this.closing) this.receiver.flush();
    // A reset behind the peer's FIN is told to the writer as EPIPE: to the reader nothing is missing.
    if (
      this.socket instanceof DialledSocket &&
      this.socket.endConfirmed &&
      this.sendFailed?.code === "EPIPE"
    ) {
      this.ended = true;
    }
    this.failed ??= socketFailure(error, { op: "read", localAddr: this.localAddr, peerAddr: this.peerAddr });
    this.wakeReader();
  }

  private onClose(): void {
    if (this.over) return;
    this.over = true;
    if (!this.closing && !this.resetting) this.receiver.flush();
    const graceful = this.closing || this.resetting || (this.ended && this.finished);
    // Somebody else destroyed the socket.
    if (!graceful) this.failed ??= failure("ECONNABORTED", { op: "read", peerAddr: this.peerAddr });
    this.tellClosed();
  }

  private tellClosed(): void {
    this.sink?.closed(this.resetting ? null : this.failed);
  }
}

function resetSocket(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // Not a TCP socket (TLS, a pipe): nothing to reset.
    socket.destroy();
  }
}
