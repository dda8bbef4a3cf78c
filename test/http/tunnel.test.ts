// HTTP through a tunnel and a real relay, both ways: out to a server of node:http, and in from plain TCP and a peer.
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { fetchOver, fileResponse, serve } from "../../src/http/index.ts";
import { Tunnel } from "../../src/index.node.ts";
import { Relay } from "../../src/relay/index.node.ts";

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const hash = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

test("fetchOver(tunnel) reaches a server behind the relay, 8 requests at once, byte for byte", async () => {
  const server = createServer((request, response) => request.pipe(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const relay = await Relay.serve("127.0.0.1:0", { allow: [`tcp:127.0.0.1:${port}`] });
  closers.push(() => relay.close());
  const tunnel = await Tunnel.open(relay.url);
  closers.push(() => tunnel.close());
  const fetch = fetchOver(tunnel);
  closers.push(() => fetch.close());
  const same = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const data = randomBytes(index * 250_000);
      const body = index % 2 === 0 ? data : new Blob([data]).stream();
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      return hash(new Uint8Array(await response.arrayBuffer())) === hash(data);
    }),
  );
  expect(same).toEqual(same.map(() => true));
  await expect(fetch("http://127.0.0.1:1/")).rejects.toMatchObject({ code: "ERR_DENIED" });
});

test("serve() on a tunnel's published port answers plain TCP and peers, with ranges", async () => {
  const relay = await Relay.serve("127.0.0.1:0");
  closers.push(() => relay.close());
  const alice = await Tunnel.open(relay.url, { name: "alice" });
  closers.push(() => alice.close());
  const data = randomBytes(4_000_000);
  const file = new File([data], "photo.jpg", { lastModified: 0 });
  const server = serve(await alice.bind(":80", { publish: ":0" }), (request, info) =>
    request.url.endsWith("/who") ? new Response(info.peer?.name ?? "somebody") : fileResponse(request, file),
  );
  closers.push(() => server.close());
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const whole = await fetch(server.url);
  expect(hash(new Uint8Array(await whole.arrayBuffer()))).toBe(hash(data));
  const part = await fetch(server.url, { headers: { Range: "bytes=1000000-1999999" } });
  expect(part.status).toBe(206);
  expect(hash(new Uint8Array(await part.arrayBuffer()))).toBe(hash(data.subarray(1_000_000, 2_000_000)));
  expect(await (await fetch(`${server.url}who`)).text()).toBe("somebody");

  const bob = await Tunnel.open(relay.url, { name: "bob" });
  closers.push(() => bob.close());
  const peerFetch = fetchOver(bob);
  closers.push(() => peerFetch.close());
  expect(await (await peerFetch("http://alice.peer/who")).text()).toBe("bob");
  const fromPeer = await peerFetch("http://alice.peer/");
  expect(hash(new Uint8Array(await fromPeer.arrayBuffer()))).toBe(hash(data));
});
