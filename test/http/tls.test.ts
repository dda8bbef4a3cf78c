// https: by connectTls, as docs/http.md shows it: TLS by Node over a stream of any network.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { expect, test } from "vitest";
import { fromSocket, nodeNetwork, toDuplex } from "../../src/adapters/node/index.ts";
import { fetchOver } from "../../src/http/index.ts";

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../interop/fixtures/service.${name}.pem`, import.meta.url));

test("fetchOver() speaks https: through connectTls, and keeps the connection", async () => {
  let connections = 0;
  const server = createServer({ key: fixture("key"), cert: fixture("cert") }, (request, response) => {
    response.end(`${request.method} ${request.headers.host} ${"x".repeat(200_000)}`);
  });
  server.on("secureConnection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fetch = fetchOver(nodeNetwork, {
    async connectTls(stream, { hostname }) {
      expect(hostname).toBe("127.0.0.1");
      const socket = connect({ socket: toDuplex(stream), servername: "service.test", ca: fixture("cert") });
      await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
      return fromSocket(socket);
    },
  });
  const { port } = server.address() as AddressInfo;
  for (let index = 0; index < 3; index++) {
    const response = await fetch(`https://127.0.0.1:${port}/`);
    expect(await response.text()).toBe(`GET 127.0.0.1:${port} ${"x".repeat(200_000)}`);
  }
  expect(connections).toBe(1);
  await fetch.close();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});
