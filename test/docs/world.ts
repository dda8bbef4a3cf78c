// The small world that code in documents runs in: an echo server, an HTTP server, and a relay that knows both by
// the names that documents use. All on loopback; the addresses are put into the text before it runs.

import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Relay } from "../../src/relay/index.node.ts";

export interface World {
  /** Puts the world's addresses in the place of the names that documents use. */
  place(code: string): string;
  close(): Promise<void>;
}

export async function openWorld(): Promise<World> {
  const sockets = new Set<import("node:net").Socket>();
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy()));
    socket.pipe(socket);
  });
  const http = createHttpServer((_request, response) => {
    response.setHeader("content-type", "text/plain");
    response.end("hello from example.com\n");
  });
  const [echoPort, httpPort] = await Promise.all([listen(echo), listen(http)]);
  const relay = await Relay.serve("127.0.0.1:0", {
    allow: [`tcp:127.0.0.1:${echoPort}`, `tcp:127.0.0.1:${httpPort}`],
    tokens: [{ token, subject: "reader" }],
  });
  return {
    place: (code) =>
      code
        .replaceAll("wss://relay.example/", relay.url)
        .replaceAll("echo.example:7", `127.0.0.1:${echoPort}`)
        .replaceAll("example.com:80", `127.0.0.1:${httpPort}`),
    async close() {
      await relay.close();
      for (const socket of sockets) socket.destroy();
      http.closeAllConnections();
      await Promise.all([echo, http].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** What documents write. */
const token = "a-token-that-nobody-guesses";

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
