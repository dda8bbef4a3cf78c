// fourtuple: Tunnel.open, then a TcpStream for each stream, by its public face.

import { WebSocket } from "ws";
import { webSocketDialer } from "../../src/adapters/websocket/index.ts";
import type { WebSocketConstructor } from "../../src/adapters/websocket/web-socket-like.ts";
import type { LinkDialer } from "../../src/core/link/index.ts";
import { type TcpStream, Tunnel } from "../../src/index.node.ts";
import type { BenchStream, Contender, Place } from "./contender.ts";

export async function openTunnel(place: Place): Promise<Contender> {
  let opened: (time: number) => void = () => {};
  const dialer = webSocketDialer(`ws://127.0.0.1:${place.relayPort}/`, {
    WebSocket: WebSocket as unknown as WebSocketConstructor,
  });
  const target: LinkDialer = {
    description: dialer.description,
    async dial(options) {
      const link = await dialer.dial(options);
      opened(performance.now());
      return link;
    },
  };
  const tunnel = await Tunnel.open(target, { links: place.links });
  tunnel.closed.catch(() => {});
  return {
    async open() {
      return new TunnelStream(await tunnel.connect(`127.0.0.1:${place.serverPort}`));
    },
    close() {
      void tunnel.close();
    },
    cut() {
      const next = new Promise<number>((resolve) => {
        opened = resolve;
      });
      tunnel.cutLink();
      return next;
    },
  };
}

class TunnelStream implements BenchStream {
  onData: (chunk: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  private readonly stream: TcpStream;
  private hasEnded = false;

  constructor(stream: TcpStream) {
    this.stream = stream;
    // A reader may be set before the first chunk is asked for.
    queueMicrotask(() => void this.receive());
  }

  send(data: Uint8Array): Promise<void> {
    return this.stream.writeAll(data);
  }

  close(): void {
    if (this.hasEnded) void this.stream.close();
    else this.stream.abort();
  }

  private async receive(): Promise<void> {
    const { stream } = this;
    try {
      for (;;) {
        const chunk = await stream.readChunk();
        if (chunk === null) break;
        this.onData(chunk);
      }
    } catch {
      return;
    }
    this.hasEnded = true;
    this.onEnd();
  }
}
