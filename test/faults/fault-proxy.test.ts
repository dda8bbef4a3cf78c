// The fault proxy does what it says: a tool that broke nothing, or broke more, would prove nothing.
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { FaultProxy } from "./fault-proxy.ts";
import { type Held, held, released } from "./leaks.ts";

let before: Held;
let ends: (() => void | Promise<void>)[] = [];

beforeEach(() => {
  before = held();
});

afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
  await released(before);
});

/** A proxy before a server that keeps what it gets and can answer. */
async function world() {
  const sockets: net.Socket[] = [];
  const got: Buffer[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("data", (chunk: Buffer) => got.push(chunk));
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await FaultProxy.start((server.address() as AddressInfo).port);
  ends.push(
    async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
    () => proxy.close(),
  );
  const received = (): Buffer => Buffer.concat(got);
  return { proxy, sockets, received, dial: () => dial(proxy) };
}

async function dial(proxy: FaultProxy) {
  const got: Buffer[] = [];
  const client = net.connect(proxy.port, "127.0.0.1");
  client.on("data", (chunk: Buffer) => got.push(chunk));
  client.on("error", () => {});
  await once(client, "connect");
  await until(() => proxy.newest !== undefined);
  ends.push(() => void client.destroy());
  return { client, received: () => Buffer.concat(got) };
}

async function until(holds: () => boolean): Promise<void> {
  for (let patience = 0; patience < 500; patience++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("It never came to be");
}

const someTime = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe("The fault proxy", () => {
  test("passes bytes and half closes both ways", async () => {
    const { proxy, sockets, received, dial } = await world();
    const { client, received: answered } = await dial();
    client.end("forth");
    await until(() => received().length === 5);
    sockets[0].end("back");
    await until(() => answered().length === 4 && client.destroyed);
    expect(answered().toString()).toBe("back");
    await until(() => proxy.connections.size === 0);
  });

  test("cuts after exactly so many bytes of both ways", async () => {
    const { proxy, sockets, received, dial } = await world();
    const { client, received: answered } = await dial();
    proxy.newest?.cutAfter(150);
    client.write(Buffer.alloc(100));
    await until(() => received().length === 100);
    sockets[0].write(Buffer.alloc(100));
    await until(() => client.destroyed);
    expect(answered()).toHaveLength(50);
    await until(() => sockets[0].destroyed);
  });

  test("stalls one way or both, and delivers everything when it goes on", async () => {
    const { proxy, sockets, received, dial } = await world();
    const { client, received: answered } = await dial();
    proxy.newest?.stall("up");
    client.write("held");
    await until(() => sockets.length === 1);
    sockets[0].write("passes");
    await until(() => answered().length >= 6);
    await someTime();
    expect(received()).toHaveLength(0);
    proxy.newest?.release();
    await until(() => received().toString() === "held");
  });

  test("mutes a way: what is sent is taken and never delivered", async () => {
    const { proxy, sockets, received, dial } = await world();
    const { client, received: answered } = await dial();
    client.write("first");
    await until(() => received().length === 5);
    proxy.newest?.mute("down");
    sockets[0].write("lost");
    client.write("second");
    await until(() => received().length === 11);
    proxy.newest?.release();
    await someTime();
    expect(answered()).toHaveLength(0);
  });

  test("drops the client's side and delivers what it had sent later", async () => {
    const { proxy, sockets, received, dial } = await world();
    const { client } = await dial();
    const old = proxy.newest;
    old?.stall("up");
    client.write("late");
    await until(() => (old?.bytes("up") ?? 0) === 4);
    old?.dropClient();
    await until(() => client.destroyed);
    const next = await dial();
    next.client.write("early ");
    await until(() => received().length === 6);
    expect(sockets[0].destroyed).toBe(false);
    old?.release("up");
    await until(() => received().toString() === "early late");
  });

  test("takes its time, in order", async () => {
    const { received, dial, proxy } = await world();
    await proxy.close();
    const slow = await FaultProxy.start(proxy.target, { delay: 30 });
    ends.push(() => slow.close());
    void dial;
    const client = net.connect(slow.port, "127.0.0.1");
    ends.push(() => void client.destroy());
    await once(client, "connect");
    const began = performance.now();
    client.write("a");
    setTimeout(() => client.write("b"), 10);
    await until(() => received().toString() === "ab");
    expect(performance.now() - began).toBeGreaterThanOrEqual(38);
  });

  test("refuses while it is down", async () => {
    const { proxy } = await world();
    proxy.isUp = false;
    const client = net.connect(proxy.port, "127.0.0.1");
    const [error] = (await once(client, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
  });

  test("closes a WebSocket cleanly between two frames, for both sides", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    const proxy = await FaultProxy.start((server.address() as AddressInfo).port);
    const codes: string[] = [];
    const lengths: number[] = [];
    server.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => lengths.push(data.length));
      socket.on("error", (error) => codes.push(String(error)));
      socket.on("close", (code) => codes.push(`relay ${code}`));
    });
    const client = new WebSocket(proxy.url);
    client.on("error", (error) => codes.push(String(error)));
    client.on("close", (code) => codes.push(`client ${code}`));
    ends.push(
      async () => {
        server.close();
        await once(server, "close");
      },
      () => proxy.close(),
      () => client.terminate(),
    );
    await once(client, "open");
    for (const length of [0, 125, 126, 65_535, 65_536, 1_000_000]) client.send(Buffer.alloc(length));
    await until(() => (proxy.newest?.bytes("up") ?? 0) > 1_130_000);
    proxy.newest?.closeWebSocket(1000);
    await until(() => codes.length === 2);
    expect(codes.sort()).toEqual(["client 1000", "relay 1000"]);
    expect(lengths).toEqual([0, 125, 126, 65_535, 65_536, 1_000_000]);
  });
});
