// Contract: addresses, refusals, and giving up a connect at every moment.

import { type SocketAddr, TcpListener, TcpStream } from "../../src/core/net/index.ts";
import { bytesEqual, equal, ok, rejection, rejectsWith } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { pattern, readBytes, settle } from "./world.ts";

export function connecting({ test }: Chapter): void {
  test(
    "connect and accept see the same two addresses",
    async (place) => {
      const listener = await place.listen();
      const [client, [server, from]] = await Promise.all([place.dial(listener), listener.accept()]);
      place.keep(server);
      equal(String(client.localAddr), String(server.peerAddr), "the client's address");
      equal(String(client.peerAddr), String(server.localAddr), "the server's address");
      equal(String(from), String(server.peerAddr), "the address from accept()");
      equal(client.peerAddr.port, listener.localAddr.port, "the port that was bound");
    },
    "sameAddresses",
  );

  test("addresses have their names in Deno and Go too", async (place) => {
    const { client, listener } = await place.connect();
    equal(client.remoteAddr, client.peerAddr, "remoteAddr");
    equal(listener.addr, listener.localAddr, "addr");
    equal(client.localAddr.transport, "tcp", "transport");
  });

  test("port 0 binds a free port, another each time", async (place) => {
    const [first, second] = [await place.listen(), await place.listen()];
    ok(first.localAddr.port > 0, "a real port");
    ok(first.localAddr.port !== second.localAddr.port, "two listeners, two ports");
  });

  test("TcpStream.connect and TcpListener.bind work on a network that is passed", async (place) => {
    const { world } = place;
    const listener = place.keepListener(await TcpListener.bind(world.bindAddr, { network: world.server }));
    const dialling = TcpStream.connect(place.addressOf(listener), { network: world.client });
    const server = await place.accept(listener);
    const client = place.keep(await dialling);
    await client.writeAll(pattern(10));
    bytesEqual(await readBytes(server, 10), pattern(10), "bytes");
  });

  test(
    "a port nobody listens on refuses with ECONNREFUSED",
    async (place) => {
      const listener = await place.listen();
      const addr = place.addressOf(listener);
      await listener.close();
      const error = await rejectsWith(place.world.client.connect(addr), "ECONNREFUSED", "connect", "connect");
      equal(error.syscall, "connect", "syscall");
      ok(error.message.includes(String((addr as SocketAddr).port)), `the address is in "${error.message}"`);
    },
    "refused",
  );

  test(
    "a port in use is refused with EADDRINUSE",
    async (place) => {
      const listener = await place.listen();
      const error = await rejectsWith(
        place.world.server.bind(listener.localAddr),
        "EADDRINUSE",
        "bind",
        "bind",
      );
      equal(error.port, listener.localAddr.port, "the port in the error");
    },
    "addressInUse",
  );

  test("a port can be bound again once its listener is closed", async (place) => {
    const listener = await place.listen();
    await listener.close();
    const again = place.keepListener(await place.world.server.bind(listener.localAddr));
    equal(again.localAddr.port, listener.localAddr.port, "the port");
  });

  test("malformed addresses reject with TypeError and RangeError", async (place) => {
    const { client, server } = place.world;
    const wrongName = { host: "127.0.0.1", port: 80 } as unknown as string;
    ok((await rejection(client.connect(wrongName), "host")) instanceof TypeError, "host");
    ok((await rejection(client.connect("127.0.0.1"), "no port")) instanceof TypeError, "no port");
    for (const work of [client.connect("127.0.0.1:65536"), server.bind({ port: -1 })]) {
      const error = await rejection(work, "bad port");
      ok(error instanceof RangeError, "a bad port is a RangeError");
      equal((error as { code?: string }).code, "ERR_SOCKET_BAD_PORT", "code");
    }
  });

  test("connect with a signal that has aborted rejects with its reason and leaves nothing", async (place) => {
    const listener = await place.listen();
    const reason = new Error("changed my mind");
    const connect = place.world.client.connect(place.addressOf(listener), {
      signal: AbortSignal.abort(reason),
    });
    equal(await rejection(connect, "connect"), reason, "the reason");
    await rejectsWith(listener.accept({ timeout: 50 }), "ETIMEDOUT", "accept");
  });

  test("an abort during connect rejects with the reason, whatever it is", async (place) => {
    const listener = await place.listen();
    const controller = new AbortController();
    const connect = place.world.client.connect(place.addressOf(listener), { signal: controller.signal });
    controller.abort("a string");
    equal(await rejection(connect, "connect"), "a string", "the reason");
  });

  test("an abort after connect leaves the stream alone", async (place) => {
    const listener = await place.listen();
    const controller = new AbortController();
    const { signal } = controller;
    const [client, server] = await Promise.all([
      place.world.client.connect(place.addressOf(listener), { signal, timeout: 10_000 }),
      place.accept(listener),
    ]);
    place.keep(client);
    controller.abort();
    await settle();
    await client.writeAll(pattern(1000));
    bytesEqual(await readBytes(server, 1000), pattern(1000), "bytes");
  });

  test(
    "a connect that nobody answers times out with ETIMEDOUT",
    async (place) => {
      const silent = place.world.silentAddr;
      ok(silent !== undefined, "the world names a silent address");
      const connect = place.world.client.connect(silent, { timeout: 50 });
      const error = await rejectsWith(connect, "ETIMEDOUT", "connect", "connect");
      equal(error.isTimeout, true, "isTimeout");
    },
    "silent",
  );

  test(
    "a connect that nobody answers can be aborted",
    async (place) => {
      const silent = place.world.silentAddr;
      ok(silent !== undefined, "the world names a silent address");
      const controller = new AbortController();
      const connect = place.world.client.connect(silent, { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 20);
      const reason = { my: "reason" };
      equal(await rejection(connect, "connect"), reason, "the reason");
    },
    "silent",
  );

  test("a timeout of 0 is a RangeError", async (place) => {
    const listener = await place.listen();
    const connect = place.world.client.connect(place.addressOf(listener), { timeout: 0 });
    ok((await rejection(connect, "connect")) instanceof RangeError, "connect");
    ok((await rejection(listener.accept({ timeout: 0 }), "accept")) instanceof RangeError, "accept");
  });
}
