// A listener of a tunnel: the stack's, with what the relay attests of each dialler, and with the port it publishes.
import type { ConnectionListener } from "../core/link/connection-listener.ts";
import type { ConnectionSource } from "../core/link/connection-source.ts";
import type { ListenerSink, ListenerSource } from "../core/net/listener-source.ts";
import type { NetError } from "../core/net/net-error.ts";
import type { SocketAddr } from "../core/net/socket-addr.ts";

export class TunnelListenerSource implements ListenerSource {
  readonly localAddr: SocketAddr;
  readonly published: SocketAddr | undefined;
  private readonly inner: ConnectionListener;
  private readonly describe: (source: ConnectionSource) => void;
  private readonly onClose: () => void;
  private isClosed = false;
  private failure: NetError | null = null;

  constructor(
    inner: ConnectionListener,
    localAddr: SocketAddr,
    published: SocketAddr | undefined,
    describe: (source: ConnectionSource) => void,
    onClose: () => void,
  ) {
    this.inner = inner;
    this.localAddr = localAddr;
    this.published = published;
    this.describe = describe;
    this.onClose = onClose;
  }

  attach(sink: ListenerSink): void {
    this.inner.attach({
      acceptable: () => sink.acceptable(),
      closed: (error) => sink.closed(this.failure ?? error),
    });
  }

  accept(): ConnectionSource | undefined {
    const source = this.inner.accept();
    if (source !== undefined) this.describe(source);
    return source;
  }

  /** The tunnel is over: so is the listener, with its error. */
  fail(error: NetError): void {
    this.failure = error;
    this.close();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onClose();
    this.inner.close();
  }

  ref(): void {
    this.inner.ref();
  }

  unref(): void {
    this.inner.unref();
  }
}
