// Many tunnels to one relay, whose process ends without a goodbye: what is left of them are detached sessions.

import { WebSocket } from "ws";
import { webSocketDialer } from "../../src/adapters/websocket/index.ts";
import type { WebSocketConstructor } from "../../src/adapters/websocket/web-socket-like.ts";
import { Tunnel } from "../../src/index.node.ts";
import { ANSWER_LENGTH, BLOCK_LENGTH, Command, encodeCommand, makeBlock } from "../protocol.ts";
import { serveRole } from "../serving.ts";

export interface SessionsRole {
  /** Opens `count` tunnels; through each, one after the other, `streams` uploads that are over when it resolves. */
  open(relayPort: number, serverPort: number, count: number, streams: number): Promise<void>;
}

const WebSocketClass = WebSocket as unknown as WebSocketConstructor;
const AT_ONCE = 32;
const block = makeBlock();
const tunnels: Tunnel[] = [];

async function upload(tunnel: Tunnel, serverPort: number): Promise<void> {
  const stream = await tunnel.connect(`127.0.0.1:${serverPort}`);
  await stream.writeAll(encodeCommand(Command.upload, BLOCK_LENGTH));
  await stream.writeAll(block);
  await stream.readExact(new Uint8Array(ANSWER_LENGTH));
  await stream.close();
}

serveRole({
  async open(relayPort, serverPort, count, streams) {
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        const tunnel = await Tunnel.open(
          webSocketDialer(`ws://127.0.0.1:${relayPort}/`, { WebSocket: WebSocketClass }),
        );
        tunnel.closed.catch(() => {});
        for (let stream = 0; stream < streams; stream++) await upload(tunnel, serverPort);
        tunnels.push(tunnel);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  },
} satisfies SessionsRole);
