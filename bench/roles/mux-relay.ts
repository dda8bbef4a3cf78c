// The thinnest multiplexing relay: all streams over one WebSocket, no flow control but the WebSocket's own. A stream
// whose server is slow stops all others, which is what this contender is there to show.

import type { AddressInfo } from "node:net";
import net from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { MUX_HEADER, MUX_HIGH_WATER, sendFrame } from "../mux-frames.ts";
import { serveRole } from "../serving.ts";
import type { RelayRole } from "./relay-role.ts";

function relay(ws: WebSocket, port: number): void {
  const sockets = new Map<number, net.Socket>();
  const paused = new Set<net.Socket>();
  const sent = (): void => {
    if (paused.size === 0 || ws.bufferedAmount >= MUX_HIGH_WATER) return;
    for (const socket of paused) socket.resume();
    paused.clear();
  };

  const open = (id: number): net.Socket => {
    const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
    sockets.set(id, socket);
    socket.on("drain", () => ws.resume());
    socket.on("data", (chunk) => {
      sendFrame(ws, id, chunk, sent);
      if (ws.bufferedAmount < MUX_HIGH_WATER) return;
      paused.add(socket);
      socket.pause();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      paused.delete(socket);
      ws.resume();
      if (sockets.delete(id)) sendFrame(ws, id, NOTHING);
    });
    return socket;
  };

  ws.on("message", (data: Buffer) => {
    const id = data.readUInt32BE(0);
    if (data.length === MUX_HEADER) {
      const ended = sockets.get(id);
      sockets.delete(id);
      ended?.destroy();
      return;
    }
    const socket = sockets.get(id) ?? open(id);
    if (!socket.write(data.subarray(MUX_HEADER))) ws.pause();
  });
  ws.on("error", () => ws.terminate());
  ws.on("close", () => {
    for (const socket of sockets.values()) socket.destroy();
    sockets.clear();
  });
}

const NOTHING = new Uint8Array(0);

serveRole({
  serve: (serverPort) =>
    new Promise((resolve) => {
      const server: WebSocketServer = new WebSocketServer(
        { host: "127.0.0.1", port: 0, perMessageDeflate: false },
        () => resolve({ port: (server.address() as AddressInfo).port }),
      );
      server.on("connection", (ws) => relay(ws, serverPort));
    }),
} satisfies RelayRole);
