// What ends while there is no link: half closes, resets and closes are told when one is back, and connections that are
// asked for meanwhile are made then.
import { once } from "node:events";
import type net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NetError } from "../../src/core/net/index.ts";
import type { Tunnel } from "../../src/tunnel/index.ts";
import { until, utf8 } from "../relay/testbed.ts";
import { sleep } from "./exchange.ts";
import { FaultWorld } from "./world.ts";

let world: FaultWorld;
let tunnel: Tunnel;
let sockets: net.Socket[] = [];
let addr = "";

beforeEach(async () => {
  world = await FaultWorld.start();
  sockets = [];
  addr = `127.0.0.1:${await world.bed.server((socket) => void sockets.push(socket))}`;
  tunnel = await world.tunnel();
});
afterEach(() => world.end());

async function connected() {
  const stream = await tunnel.connect(addr);
  await until("the server has it", () => sockets.length > 0);
  const socket = sockets[0];
  if (socket === undefined) throw new Error("no socket");
  socket.on("error", () => {});
  return { stream, socket };
}

/** No link, and none to be had. */
async function down(): Promise<void> {
  world.proxy.isUp = false;
  world.proxy.cut();
  await until("the tunnel knows", () => tunnel.state.phase === "detached");
}

function up(): void {
  world.proxy.isUp = true;
}

describe("While there is no link", () => {
  test("a half close on this side is kept, with what was written before it", async () => {
    const { stream, socket } = await connected();
    await down();
    await stream.writeAll(utf8.encode("last words"));
    await stream.closeWrite().catch(() => {});
    const ended = once(socket, "end");
    const heard: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => heard.push(chunk));
    await sleep(50);
    up();
    await ended;
    expect(Buffer.concat(heard).toString()).toBe("last words");
    socket.end("and mine");
    expect(utf8.decode(await stream.readToEnd())).toBe("and mine");
  });

  test("a half close on the other side is kept too", async () => {
    const { stream, socket } = await connected();
    await down();
    socket.end("from behind");
    await sleep(50);
    up();
    expect(utf8.decode(await stream.readToEnd())).toBe("from behind");
    await stream.close();
  });

  test("an abort on this side resets the other when the link is back", async () => {
    const { stream, socket } = await connected();
    await down();
    stream.abort();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.resume();
    up();
    // The relay's side learns of it by the reset that answers what it says.
    socket.write("are you there?");
    await closed;
  });

  test("a reset from the other side is told when the link is back, and not before", async () => {
    const { stream, socket } = await connected();
    await down();
    const reading = stream.readChunk().then(
      () => "bytes",
      (error: unknown) => (NetError.is(error) ? error.code : String(error)),
    );
    socket.resetAndDestroy();
    const first = await Promise.race([reading, sleep(100).then(() => "waiting")]);
    expect(first).toBe("waiting");
    up();
    expect(await reading).toBe("ECONNRESET");
  });

  test("connect waits, under its own timeout", async () => {
    await down();
    const late = tunnel.connect(addr, { timeout: 60 });
    await expect(late).rejects.toMatchObject({ code: "ETIMEDOUT" });
    const waiting = tunnel.connect(addr, { timeout: 20_000 });
    await sleep(30);
    up();
    const stream = await waiting;
    await stream.writeAll(utf8.encode("hello"));
    await stream.close();
  });

  test("close() of the tunnel ends it within its time", async () => {
    await connected();
    await down();
    await tunnel.close();
    expect(tunnel.state.phase).toBe("closed");
    up();
    // The relay still holds the session until its grace is over; the end of the test ends it.
  });
});
