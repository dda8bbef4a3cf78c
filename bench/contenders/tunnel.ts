// fourtuple: Tunnel.open, then a TcpStream for each stream, by its public face.

import { type TcpStream, Tunnel } from "../../src/index.node.ts";
import type { BenchStream, Contender, Place } from "./contender.ts";

export async function openTunnel(place: Place): Promise<Contender> {
  const tunnel = await Tunnel.open(`ws://127.0.0.1:${place.relayPort}/`);
  tunnel.closed.catch(() => {});
  return {
    async open() {
      return new TunnelStream(await tunnel.connect(`127.0.0.1:${place.serverPort}`));
    },
    close() {
      void tunnel.close();
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
