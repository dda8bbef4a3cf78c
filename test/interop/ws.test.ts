// ws over streams: its server is handed connections by node:http, its client brings one.

import { once } from "node:events";
import http from "node:http";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { bridges } from "./bridge.ts";

describe.each(bridges)("ws over $name", ({ open }) => {
  test("echoes small and large messages in order, and closes with its code", async () => {
    const bridge = open();
    const server = http.createServer();
    const webSockets = new WebSocketServer({ server });
    webSockets.on("connection", (webSocket) => {
      webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
    });
    const addr = await bridge.listen((socket) => server.emit("connection", socket));

    const client = new WebSocket("ws://service/path", {
      createConnection: () => bridge.dial(addr) as never,
    });
    await once(client, "open");
    const sent = [
      Buffer.from("small"),
      Buffer.alloc(0),
      Buffer.alloc(3_000_000, "large "),
      Buffer.from("last"),
    ];
    const received: Buffer[] = [];
    const all = new Promise<void>((resolve) => {
      client.on("message", (data: Buffer) => {
        received.push(data);
        if (received.length === sent.length) resolve();
      });
    });
    for (const message of sent) client.send(message);
    await all;
    expect(received.map((message) => message.length)).toEqual(sent.map((message) => message.length));
    expect(received.every((message, index) => message.equals(sent[index] as Buffer))).toBe(true);

    client.close(4001, "enough");
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, "enough"]);
    webSockets.close();
    await bridge.close();
  });

  test("a connection that is reset closes the client with 1006", async () => {
    const bridge = open();
    const server = http.createServer();
    const webSockets = new WebSocketServer({ server });
    const addr = await bridge.listen((socket) => {
      server.emit("connection", socket);
      webSockets.once("connection", () => setImmediate(() => socket.resetAndDestroy()));
    });
    const client = new WebSocket("ws://service/", { createConnection: () => bridge.dial(addr) as never });
    client.on("error", () => {});
    expect((await once(client, "close"))[0]).toBe(1006);
    webSockets.close();
    await bridge.close();
  });
});
