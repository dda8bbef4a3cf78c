// node:http over streams: a server that is handed connections, a client whose agent keeps them alive.

import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SocketDuplex } from "../../src/adapters/node/index.ts";
import type { SocketAddr } from "../../src/core/net/index.ts";
import { type Bridge, bridges } from "./bridge.ts";

describe.each(bridges)("node:http over $name", ({ open }) => {
  let bridge: Bridge;
  let server: http.Server;
  let addr: SocketAddr;
  let connections: number;
  let agent: http.Agent;
  let dialled: SocketDuplex[];

  beforeEach(async () => {
    bridge = open();
    connections = 0;
    dialled = [];
    server = http.createServer(respond);
    addr = await bridge.listen((socket) => {
      connections += 1;
      server.emit("connection", socket);
    });
    agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    // The declared type asks for a net.Socket; the agent works with any Duplex of its surface.
    (agent as unknown as { createConnection: () => unknown }).createConnection = () => {
      const socket = bridge.dial(addr);
      dialled.push(socket);
      return socket;
    };
  });

  afterEach(async () => {
    agent.destroy();
    server.closeAllConnections();
    await bridge.close();
  });

  test("a request and its response", async () => {
    expect(await request({ path: "/hello", createConnection: () => bridge.dial(addr) as never })).toEqual({
      status: 200,
      body: "GET /hello 127.0.0.1",
    });
  });

  test("a keep-alive agent sends every request over one connection", async () => {
    for (let round = 0; round < 5; round += 1) {
      expect(await request({ path: `/round/${round}`, agent })).toMatchObject({ status: 200 });
    }
    expect(connections).toBe(1);
  });

  test("a server that closes idle connections makes the agent open another", async () => {
    server.keepAliveTimeout = 1;
    await request({ path: "/one", agent });
    const [socket] = dialled as [SocketDuplex];
    if (!socket.destroyed) await once(socket, "close");
    expect(await request({ path: "/two", agent })).toMatchObject({ body: expect.stringContaining("/two") });
    expect(connections).toBe(2);
  });

  test("4 MiB up and down arrive whole", async () => {
    const body = Buffer.alloc(4 << 20, "0123456789abcdef!");
    const { body: answer } = await request({ path: "/echo", method: "POST", agent }, body);
    expect(createHash("sha256").update(answer, "latin1").digest("hex")).toBe(
      createHash("sha256").update(body).digest("hex"),
    );
  });

  test("a request that takes longer than its timeout gets a timeout event", async () => {
    const pending = http.request({ path: "/never", agent, timeout: 20 });
    pending.on("error", () => {});
    pending.end();
    await once(pending, "timeout");
    pending.destroy();
  });

  test("a client that goes away ends the response", async () => {
    const gone = new Promise<void>((resolve) => {
      server.once("request", (_request, response) => response.on("close", resolve));
    });
    const pending = http.request({ path: "/never", agent });
    pending.on("error", () => {});
    pending.end();
    await once(server, "request");
    pending.destroy();
    await gone;
  });
});

function respond(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.url === "/never") return;
  if (request.url === "/echo") request.pipe(response);
  else response.end(`${request.method} ${request.url} ${request.socket.remoteAddress}`);
}

function request(
  options: http.RequestOptions,
  body?: Buffer,
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const pending = http.request({ host: "service", ...options }, (response) => {
      let text = "";
      response.setEncoding("latin1").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode, body: text }));
      response.on("error", reject);
    });
    pending.on("error", reject);
    pending.end(body);
  });
}
