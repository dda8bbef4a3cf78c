// A link over Deno.connect and Deno.listen: frames follow each other on a byte stream, which delimit themselves
// (DESIGN §5). It has no framing and no handshake of its own, and gives no secrecy: for trusted paths.

import type { Link, LinkClosed, LinkDialer, LinkHandler } from "../../core/link/link.ts";
import { type Bytes, SocketAddr, type SocketAddrLike } from "../../core/net/index.ts";
import { connFailure, isClosedHere } from "./conn-errors.ts";
import { ConnWriter } from "./conn-writer.ts";
import { type DenoConn, type DenoListener, denoApi } from "./deno-api.ts";

/**
 * Opens links to `addr` with Deno's sockets.
 *
 * @param addr `"127.0.0.1:7000"` or `{ hostname, port }`; without a host this machine.
 */
export function denoDialer(addr: SocketAddrLike): LinkDialer {
  const target = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
  return {
    description: `tcp://${target}`,
    async dial({ signal }) {
      signal.throwIfAborted();
      try {
        const conn = await denoApi().connect({ hostname: target.hostname, port: target.port, signal });
        return new ConnLink(conn, `tcp://${target}`);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw connFailure(error, { op: "connect", peerAddr: target });
      }
    },
  };
}

/** A link over a connection, such as one that a Deno.Listener accepted. The link owns it from now on. */
export function linkFromConn(conn: DenoConn): Link {
  return new ConnLink(conn, `tcp://${new SocketAddr(conn.remoteAddr.hostname, conn.remoteAddr.port)}`);
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
export async function denoLinkListener(
  addr: SocketAddrLike,
  onLink: (link: Link) => void,
): Promise<LinkListener> {
  const wanted = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
  try {
    const listener = denoApi().listen({ hostname: wanted.hostname, port: wanted.port });
    void acceptLinks(listener, onLink);
    return {
      localAddr: new SocketAddr(listener.addr.hostname, listener.addr.port),
      close: () => closeQuietly(listener),
    };
  } catch (error) {
    throw connFailure(error, { op: "bind", localAddr: wanted });
  }
}

async function acceptLinks(listener: DenoListener, onLink: (link: Link) => void): Promise<void> {
  for (;;) {
    let conn: DenoConn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (isClosedHere(error)) return;
      // One failed accept (out of descriptors, a peer that is gone already) does not end the others.
      await new Promise((resolve) => setTimeout(resolve, acceptPause));
      continue;
    }
    onLink(linkFromConn(conn));
  }
}

function closeQuietly(closable: { close(): void }): void {
  try {
    closable.close();
  } catch (error) {
    if (!isClosedHere(error)) throw error;
  }
}

class ConnLink implements Link {
  readonly framed = false;
  readonly description: string;
  private readonly conn: DenoConn;
  private readonly writer: ConnWriter;
  private handler: LinkHandler | null = null;
  private end: LinkClosed | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private over = false;

  constructor(conn: DenoConn, description: string) {
    this.conn = conn;
    this.description = description;
    this.writer = new ConnWriter(
      conn,
      () => this.onProgress(),
      (error) => this.release(error),
    );
    conn.setNoDelay(true);
  }

  get buffered(): number {
    return this.writer.queued;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
    if (this.over) queueMicrotask(() => this.tellClosed());
    else queueMicrotask(() => this.read());
  }

  send(message: Bytes): void {
    if (this.end === null && !this.over) this.writer.push(message);
  }

  close(code?: number, reason?: string): void {
    if (this.end !== null || this.over) return;
    this.end = { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
    if (this.writer.queued === 0) this.release();
    // A peer that reads no more would keep what was sent, and the connection, for ever.
    else this.timer = setTimeout(() => this.release(), flushTime);
  }

  ref(): void {
    if (!this.over) this.conn.ref();
  }

  unref(): void {
    if (!this.over) this.conn.unref();
  }

  private async read(): Promise<void> {
    // One link is busy for many streams: it keeps its buffer, and hands over copies of the size that came.
    const buffer = new Uint8Array(readSize);
    try {
      while (!this.over) {
        const count = await this.conn.read(buffer);
        if (count === null) {
          // A link has no half-open state: the other side's FIN ends it.
          this.close();
          return;
        }
        if (this.end === null) this.handler?.message(buffer.slice(0, count));
      }
    } catch (error) {
      this.release(isClosedHere(error) ? undefined : error);
    }
  }

  private onProgress(): void {
    if (this.writer.queued > 0) return;
    if (this.end === null) this.handler?.drained();
    else this.release();
  }

  private release(error?: unknown): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    this.writer.stop();
    closeQuietly(this.conn);
    if (error !== undefined) {
      this.end = { ...this.end, error: connFailure(error, { op: "read", target: this.description }) };
    }
    queueMicrotask(() => this.tellClosed());
  }

  private tellClosed(): void {
    const { handler } = this;
    this.handler = null;
    handler?.closed(this.end ?? {});
  }
}

/** Bytes. */
const readSize = 131_072;
/** Milliseconds that close() gives to what was sent before. */
const flushTime = 5_000;
/** Milliseconds after a failed accept. */
const acceptPause = 50;
