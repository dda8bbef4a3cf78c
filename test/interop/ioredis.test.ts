// ioredis over streams, by a connector of its own, against a scripted server.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SocketDuplex } from "../../src/adapters/node/index.ts";
import type { SocketAddr } from "../../src/core/net/index.ts";
import { load } from "../runtimes/index.ts";
import { type Bridge, bridges } from "./bridge.ts";
import { serveRedis } from "./scripted-redis.ts";

const { Redis } = load("ioredis");

describe.each(bridges)("ioredis over $name, with a scripted server", ({ open }) => {
  let bridge: Bridge;
  let addr: SocketAddr;
  let connections: number;

  beforeEach(async () => {
    bridge = open();
    connections = 0;
    addr = await bridge.listen((socket) => {
      connections += 1;
      serveRedis(socket, connections === 1);
    });
  });
  afterEach(() => bridge.close());

  test("sets, gets, pipelines", async () => {
    const redis = client();
    expect(await redis.set("key", "value")).toBe("OK");
    expect(await redis.get("key")).toBe("value");
    expect(await redis.get("nothing")).toBe(null);
    const big = "x".repeat(500_000);
    await redis.set("big", big);
    expect(await redis.get("big")).toBe(big);
    const pipeline = redis.pipeline();
    for (let index = 0; index < 500; index += 1) pipeline.set(`k${index}`, `v${index}`).get(`k${index}`);
    const results = await pipeline.exec();
    expect(results?.length).toBe(1000);
    expect(results?.at(-1)).toEqual([null, "v499"]);
    expect(connections).toBe(1);
    await redis.quit();
  });

  test("comes back by itself when the connection is reset", async () => {
    const redis = client();
    await redis.set("key", "value");
    await expect(redis.get("reset-me")).resolves.toBe(null);
    expect(connections).toBe(2);
    expect(await redis.get("key")).toBe(null);
    redis.disconnect();
  });

  function client(): InstanceType<typeof Redis> {
    class StreamConnector {
      firstError = undefined;
      private socket: SocketDuplex | undefined;
      check(): boolean {
        return true;
      }
      async connect(): Promise<unknown> {
        this.socket = bridge.dial(addr);
        return this.socket;
      }
      disconnect(): void {
        this.socket?.end();
      }
    }
    const redis = new Redis({ Connector: StreamConnector as never, retryStrategy: () => 5 });
    // It says so itself, and tries again.
    redis.on("error", () => {});
    return redis;
  }
});
