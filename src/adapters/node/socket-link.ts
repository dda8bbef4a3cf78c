// A link over node:net: frames follow each other on a byte stream, which delimit themselves (DESIGN §5). It has no
// framing and no handshake of its own, and gives no secrecy: for trusted paths, or a TLSSocket.

import net from "node:net";
import type { Link, LinkClosed, LinkDialer, LinkHandler } from "../../core/link/link.ts";
import { type Bytes, SocketAddr, type SocketAddrLike } from "../../core/net/index.ts";
import { isNode } from "./runtime.ts";
import { sharedOnread } from "./slab-receiver.ts";
import { socketFailure } from "./socket-errors.ts";

/**
 * Opens links to `addr` with the system's sockets.
 *
 * @param addr `"127.0.0.1:7000"` or `{ hostname, port }`; without a host this machine.
 */
export function nodeDialer(addr: SocketAddrLike): LinkDialer {
  const target = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
  const description = `tcp://${target}`;
  return { description, dial: ({ signal }) => dial(target, description, signal) };
}

function dial(target: SocketAddr, description: string, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let link: SocketLink | null = null;
    const onread = sharedOnread((bytes) => {
      link?.deliver(bytes.slice());
      return true;
    });
    const options: net.SocketConstructorOpts & { onread?: net.OnReadOpts } = isNode() ? { onread } : {};
    const socket = new net.Socket(options);
    // Delivery begins with start().
    socket.pause();
    const settle = () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", refuse).off("connect", onConnect);
    };
    const fail = (error: unknown) => {
      settle();
      socket.on("error", () => {}).destroy();
      reject(error);
    };
    const abort = () => fail(signal.reason);
    const refuse = (error: Error) => fail(socketFailure(error, { op: "connect", peerAddr: target }));
    const onConnect = () => {
      settle();
      link = new SocketLink(socket, description);
      resolve(link);
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", refuse).on("connect", onConnect);
    socket.connect({ host: target.hostname, port: target.port });
  });
}

/**
 * A link over a connected socket, such as one that a net.Server accepted. The link owns the socket from now on.
 *
 * @throws {TypeError} when the socket is still connecting or already destroyed.
 */
export function linkFromSocket(socket: net.Socket): Link {
  if (socket.connecting || socket.destroyed) {
    throw new TypeError(
      'Cannot make a link of this socket: it must be connected, wait for its "connect" event',
    );
  }
  const description = `tcp://${new SocketAddr(socket.remoteAddress ?? "", socket.remotePort ?? 0)}`;
  return new SocketLink(socket, description);
}

/** A port that makes a link of every connection. */
export interface LinkListener {
  readonly localAddr: SocketAddr;
  /** Stops listening; links go on. */
  close(): void;
}

/**
 * Listens for links.
 *
 * @param addr `"127.0.0.1:7000"` or `{ hostname, port }`; without a host on loopback, since links are not secret.
 * @throws {NetError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`.
 */
export function nodeLinkListener(addr: SocketAddrLike, onLink: (link: Link) => void): Promise<LinkListener> {
  const localAddr = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
  return new Promise((resolve, reject) => {
    const server = net.createServer({ pauseOnConnect: true }, (socket) => onLink(linkFromSocket(socket)));
    const refuse = (error: Error) => reject(socketFailure(error, { op: "bind", localAddr }));
    server.once("error", refuse);
    server.listen({ host: localAddr.hostname, port: localAddr.port }, () => {
      server.off("error", refuse);
      const { port } = server.address() as net.AddressInfo;
      resolve({ localAddr: new SocketAddr(localAddr.hostname, port), close: () => server.close() });
    });
  });
}

class SocketLink implements Link {
  readonly framed = false;
  readonly description: string;
  private readonly socket: net.Socket;
  private handler: LinkHandler | null = null;
  private error: Error | undefined;
  private end: LinkClosed | null = null;
  private over = false;

  constructor(socket: net.Socket, description: string) {
    this.socket = socket;
    this.description = description;
    socket.setNoDelay(true);
    socket.pause();
    socket.on("error", (error) => {
      this.error = socketFailure(error, { op: "read", target: description });
    });
    socket.on("close", () => this.onClose());
  }

  get buffered(): number {
    return this.socket.writableLength;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
    if (this.over) {
      queueMicrotask(() => this.tellClosed());
      return;
    }
    // A link has no half-open state: the other side's FIN ends it.
    this.socket.on("end", () => this.close());
    // Emits nothing where `onread` delivers.
    this.socket.on("data", (chunk: Buffer) => {
      this.deliver(new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength));
    });
    this.socket.resume();
  }

  send(message: Bytes): void {
    if (this.end === null && this.socket.writable) this.socket.write(message, this.written);
  }

  close(code?: number, reason?: string): void {
    if (this.end !== null || this.over) return;
    this.end = { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
    this.socket.destroySoon();
    // A peer that reads no more would keep what was sent, and the socket, for ever.
    const timer = setTimeout(() => this.socket.destroy(), flushTime);
    timer.unref();
    this.socket.once("close", () => clearTimeout(timer));
  }

  deliver(bytes: Bytes): void {
    if (this.end === null) this.handler?.message(bytes);
  }

  ref(): void {
    this.socket.ref();
  }

  unref(): void {
    this.socket.unref();
  }

  private readonly written = (error?: Error | null): void => {
    if (!error && this.end === null && this.socket.writableLength === 0) this.handler?.drained();
  };

  private onClose(): void {
    this.over = true;
    this.tellClosed();
  }

  private tellClosed(): void {
    const handler = this.handler;
    if (handler === null) return;
    this.handler = null;
    handler.closed({ ...this.end, ...(this.error !== undefined && { error: this.error }) });
  }
}

/** Milliseconds that close() gives to what was sent before. */
const flushTime = 5_000;
