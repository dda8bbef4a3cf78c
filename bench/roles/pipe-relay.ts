// The thinnest relay: each WebSocket is one stream, piped into one socket of node:net, with backpressure both ways.

import type { AddressInfo } from "node:net";
import net from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { serveRole } from "../serving.ts";
import type { RelayRole } from "./relay-role.ts";

const HIGH_WATER = 262_144;
const sendOptions = { binary: true, compress: false } as const;

function relay(ws: WebSocket, port: number): void {
  const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
  ws.on("message", (data: Buffer) => {
    if (!socket.write(data)) ws.pause();
  });
  socket.on("drain", () => ws.resume());
  socket.on("data", (chunk) => {
    ws.send(chunk, sendOptions, () => {
      if (socket.isPaused() && ws.bufferedAmount < HIGH_WATER) socket.resume();
    });
    if (ws.bufferedAmount >= HIGH_WATER) socket.pause();
  });
  socket.on("end", () => ws.close());
  socket.on("error", () => ws.terminate());
  ws.on("error", () => socket.destroy());
  ws.on("close", () => socket.destroy());
}

serveRole({
  serve: (serverPort) =>
    new Promise((resolve) => {
      const server: WebSocketServer = new WebSocketServer(
        { host: "127.0.0.1", port: 0, backlog: 4_096, perMessageDeflate: false },
        () => resolve({ port: (server.address() as AddressInfo).port }),
      );
      server.on("connection", (ws) => relay(ws, serverPort));
    }),
} satisfies RelayRole);
