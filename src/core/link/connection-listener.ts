// A listening port of the stack as what TcpListener is built on. Connections wait in the stack's backlog until asked for.

import type { ListenerSink, ListenerSource, NetError, SocketAddr, Timers } from "../net/index.ts";
import type { Connection, Listener } from "../stack/index.ts";
import { IpAddress } from "../wire/ip-address.ts";
import { type ConnectionSource, type SourceOwner, socketAddr } from "./connection-source.ts";

export class ConnectionListener implements ListenerSource {
  readonly listener: Listener;
  readonly localAddr: SocketAddr;
  private readonly owner: SourceOwner;
  private readonly adopt: (connection: Connection) => ConnectionSource;
  private readonly onClose: (source: ConnectionListener) => void;
  private sink: ListenerSink | null = null;
  private isClosed: boolean = false;
  private isRef: boolean = true;

  constructor(
    owner: SourceOwner,
    listener: Listener,
    adopt: (connection: Connection) => ConnectionSource,
    onClose: (source: ConnectionListener) => void,
  ) {
    this.owner = owner;
    this.listener = listener;
    this.adopt = adopt;
    this.onClose = onClose;
    this.localAddr = socketAddr(listener.address ?? IpAddress.UNSPECIFIED_V6, listener.port);
    owner.held(1, 1);
  }

  get timers(): Timers | undefined {
    return this.owner.timers;
  }

  attach(sink: ListenerSink): void {
    this.sink = sink;
  }

  accept(): ConnectionSource | undefined {
    if (this.isClosed) return undefined;
    const connection = this.listener.accept();
    if (connection === null) return undefined;
    this.owner.touch();
    return this.adopt(connection);
  }

  close(): void {
    this.end(null);
  }

  /** @internal The network is over, with this error for those who accept. */
  fail(error: NetError): void {
    this.end(error);
  }

  ref(): void {
    if (!this.isRef && !this.isClosed) this.owner.held(1, 0);
    this.isRef = true;
  }

  unref(): void {
    if (this.isRef && !this.isClosed) this.owner.held(-1, 0);
    this.isRef = false;
  }

  private end(error: NetError | null): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onClose(this);
    this.owner.held(this.isRef ? -1 : 0, -1);
    this.listener.close(this.owner.touch());
    this.owner.clock.defer(() => this.sink?.closed(error));
  }

  /** @internal A connection waits in the accept queue. */
  acceptable(): void {
    this.sink?.acceptable();
  }
}
