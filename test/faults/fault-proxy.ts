// A proxy of TCP connections that does to them what networks do: between clients and a relay, for WebSockets of every
// runtime and for links over bare TCP. What happens to which connection is decided by the test: see ProxiedConnection.

import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { ProxiedConnection } from "./proxied-connection.ts";

export interface FaultProxyOptions {
  /** Milliseconds that every byte takes, each way. Default 0. */
  readonly delay?: number;
  /** Sees each connection when both of its sides are open: the place to say what shall happen to it. */
  readonly onConnection?: ((connection: ProxiedConnection) => void) | undefined;
}

export class FaultProxy {
  /** Connections that are open, the oldest first. */
  readonly connections: Set<ProxiedConnection> = new Set();
  /** How many it has taken in all. */
  taken = 0;
  /** False: who connects is reset at once, as where no relay is. */
  isUp = true;
  onConnection: ((connection: ProxiedConnection) => void) | undefined;
  /** Where it leads: may be changed, for a relay that comes back elsewhere. */
  target: number;
  private readonly delay: number;
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();

  private constructor(target: number, options: FaultProxyOptions, server: net.Server) {
    this.target = target;
    this.delay = options.delay ?? 0;
    this.onConnection = options.onConnection;
    this.server = server;
  }

  /** @param target The port of this machine that it leads to, or a URL with one. */
  static async start(target: number | string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const port = typeof target === "number" ? target : Number(new URL(target).port);
    const server = net.createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (near) =>
      proxy.accept(near),
    );
    const proxy = new FaultProxy(port, options, server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** The connection that was opened last, among those that are open. */
  get newest(): ProxiedConnection | undefined {
    return [...this.connections].at(-1);
  }

  /** Cuts all that is open. */
  cut(): void {
    for (const connection of [...this.connections]) connection.cut();
  }

  async close(): Promise<void> {
    this.isUp = false;
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private accept(near: net.Socket): void {
    near.on("error", () => {});
    if (!this.isUp) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect({ host: "127.0.0.1", port: this.target, noDelay: true, allowHalfOpen: true });
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    }
    const refuse = (): void => void near.resetAndDestroy();
    near.once("close", () => {
      if (far.connecting) far.destroy();
    });
    far.once("error", refuse);
    far.once("connect", () => {
      far.off("error", refuse);
      if (near.destroyed) {
        far.destroy();
        return;
      }
      const connection = new ProxiedConnection(this.taken++, near, far, { delay: this.delay }, (ended) =>
        this.connections.delete(ended),
      );
      this.connections.add(connection);
      this.onConnection?.(connection);
      near.resume();
    });
  }
}
