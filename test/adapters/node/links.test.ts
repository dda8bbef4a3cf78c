// Links over node:net: in Node, and in Bun and Deno through their node:net.

import { once } from "node:events";
import net from "node:net";
import { describe, expect, test } from "vitest";
import { linkFromSocket, nodeDialer, nodeLinkListener } from "../../../src/adapters/node/index.ts";
import type { LinkClosed } from "../../../src/core/link/link.ts";
import { linkSuite } from "../link-suite.ts";
import { openSockets } from "../open-sockets.ts";
import { runIn } from "../run-in.ts";

describe("links on the node adapter in node", () => {
  linkSuite(
    {
      name: "links of the node adapter",
      dialer: nodeDialer,
      listen: nodeLinkListener,
      openCount: openSockets() === undefined ? undefined : () => openSockets() ?? 0,
    },
    { test: (name, body) => void test(name, body), skip: () => {}, after: () => {} },
  );

  test("a link of a socket that is still connecting is refused", () => {
    const socket = net.connect(1, "127.0.0.1").on("error", () => {});
    expect(() => linkFromSocket(socket)).toThrow(/it must be connected/);
    socket.destroy();
  });

  test("a reset is told as an error", async () => {
    const server = net
      .createServer((socket) => socket.once("data", () => socket.resetAndDestroy()))
      .listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    const end = await new Promise<LinkClosed>((closed) => {
      const link = linkFromSocket(socket);
      link.start({ message: () => {}, drained: () => {}, closed });
      link.send(new Uint8Array(1));
    });
    expect(end.error).toMatchObject({ name: "NetError", code: "ECONNRESET" });
    server.close();
  });
});

await runIn({ suite: "links", runtime: "bun", adapter: "node", atLeast: 12 });
await runIn({ suite: "links", runtime: "deno", adapter: "node", atLeast: 12 });
