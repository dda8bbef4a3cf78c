// A relay in this process, tunnels to it over real WebSockets, and TCP servers behind it.
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect } from "vitest";
import { WebSocket } from "ws";
import { webSocketDialer } from "../../src/adapters/websocket/index.ts";
import type { WebSocketConstructor } from "../../src/adapters/websocket/web-socket-like.ts";
import { NetError } from "../../src/core/net/index.ts";
import { Relay, type ServeOptions } from "../../src/relay/index.node.ts";
import { RelayCore, type RelayPlatform } from "../../src/relay/relay-core.ts";
import { setTunnelDialer } from "../../src/tunnel/default-dialer.ts";
import { Tunnel, type TunnelOptions, type TunnelTarget } from "../../src/tunnel/index.ts";
import { openSockets } from "../adapters/open-sockets.ts";

setTunnelDialer((urls) => webSocketDialer(urls, { WebSocket: WebSocket as unknown as WebSocketConstructor }));

export { Relay, RelayCore, type RelayPlatform, type ServeOptions, Tunnel };

/** What one test opens; all of it is closed by close(), the newest first. */
export class Testbed {
  private readonly closers: (() => Promise<void> | void)[] = [];

  onClose(close: () => Promise<void> | void): void {
    this.closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  async relay(options: ServeOptions = {}): Promise<Relay> {
    const relay = await Relay.serve("127.0.0.1:0", options);
    this.onClose(() => relay.close());
    return relay;
  }

  async tunnel(relay: Relay | TunnelTarget, options: TunnelOptions = {}): Promise<Tunnel> {
    const tunnel = await Tunnel.open(
      typeof relay === "object" && "counters" in relay ? relay.url : relay,
      options,
    );
    this.onClose(() => tunnel.close());
    return tunnel;
  }

  /** A TCP server on loopback; its connections are destroyed with it. */
  async server(handle: (socket: net.Socket) => void): Promise<number> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {});
      handle(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.onClose(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    });
    return (server.address() as AddressInfo).port;
  }

  echo(): Promise<number> {
    return this.server((socket) => socket.pipe(socket));
  }
}

/** Waits until something is so. Asserts no time: it only gives up so that a broken test does not hang. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let patience = 0; patience < 500; patience++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`It never came to be that ${what}`);
}

export const utf8 = {
  encode: (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text),
  decode: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
};

/** A testbed for each test of the file, which has to leave no socket open. */
export function eachTestbed(take: (bed: Testbed) => void): void {
  let bed: Testbed;
  let socketsBefore: number | undefined;
  beforeEach(() => {
    bed = new Testbed();
    socketsBefore = openSockets();
    take(bed);
  });
  afterEach(async () => {
    await bed.close();
    await until("every socket is closed", () => openSockets() === socketsBefore);
  });
}

/** The error that `work` fails with, worded as all of ours are. */
export async function failing(work: Promise<unknown>): Promise<NetError> {
  const error = await work.then(
    () => new Error("It succeeded"),
    (reason: unknown) => reason,
  );
  if (!NetError.is(error)) throw error;
  expect(error.message).toMatch(/^[A-Z].*[^.]$/s);
  return error;
}
