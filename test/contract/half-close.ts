// Contract: each direction ends on its own, in every order; close; closed.

import type { TcpStream } from "../../src/core/net/index.ts";
import { bytesEqual, equal } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { pattern, readBytes, settle } from "./world.ts";

export function halfClose({ test }: Chapter): void {
  test("half close, the dialler first: the listener's side still sends", async (place) => {
    const { client, server } = await place.connect();
    await oneThenTheOther(client, server);
  });

  test("half close, the listener's side first: the dialler still sends", async (place) => {
    const { client, server } = await place.connect();
    await oneThenTheOther(server, client);
  });

  test("half close of both at once", async (place) => {
    const { client, server } = await place.connect();
    await Promise.all([client.writeAll(pattern(1_000, 1)), server.writeAll(pattern(1_000, 2))]);
    await Promise.all([client.closeWrite(), server.closeWrite()]);
    const [atClient, atServer] = await Promise.all([client.readToEnd(), server.readToEnd()]);
    bytesEqual(atServer, pattern(1_000, 1), "at the listener's side");
    bytesEqual(atClient, pattern(1_000, 2), "at the dialler");
    await Promise.all([client.closed, server.closed]);
  });

  test("half close answered by close: both ends are told", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(100, 1));
    await client.closeWrite();
    bytesEqual(await server.readToEnd(), pattern(100, 1), "the question");
    await server.writeAll(pattern(10_000, 2));
    const [answer] = await Promise.all([client.readToEnd(), server.close()]);
    bytesEqual(answer, pattern(10_000, 2), "the answer");
    await client.close();
    await Promise.all([client.closed, server.closed]);
  });

  test("a half close waits for nothing: a long answer comes after it", async (place) => {
    const { client, server } = await place.connect();
    await client.closeWrite();
    equal(await server.read(new Uint8Array(1)), null, "the end at the listener's side");
    for (let round = 0; round < 5; round++) {
      await server.writeAll(pattern(10_000, round));
      bytesEqual(await readBytes(client, 10_000), pattern(10_000, round), `round ${round}`);
      await settle(2);
    }
    await server.closeWrite();
    equal(await client.read(new Uint8Array(1)), null, "the end at the dialler");
    await Promise.all([client.closed, server.closed]);
  });

  test("closeWrite and shutdown are idempotent", async (place) => {
    const { client, server } = await place.connect();
    await Promise.all([client.closeWrite(), client.shutdown()]);
    await client.shutdown("write");
    equal(await server.read(new Uint8Array(1)), null, "the end");
  });

  test('shutdown("read") drops what comes and keeps the other direction', async (place) => {
    const { client, server } = await place.connect();
    const pending = client.read(new Uint8Array(1));
    await client.shutdown("read");
    equal(await pending, null, "the pending read");
    await server.writeAll(pattern(2_000_000));
    equal(await client.read(new Uint8Array(1)), null, "a later read");
    await client.writeAll(pattern(100));
    bytesEqual(await readBytes(server, 100), pattern(100), "the other direction");
  });

  test('shutdown("both") ends both', async (place) => {
    const { client, server } = await place.connect();
    await client.shutdown("both");
    equal(await client.read(new Uint8Array(1)), null, "reading");
    equal(await server.read(new Uint8Array(1)), null, "the peer reading");
  });

  test("closing a stream twice, and at the same time, is no error", async (place) => {
    const { client, server } = await place.connect();
    await Promise.all([client.close(), client.close()]);
    await client.close();
    await client.closed;
    equal(await server.read(new Uint8Array(1)), null, "the end");
    await server.close();
  });

  test("closed waits for both directions", async (place) => {
    const { client, server } = await place.connect();
    let isClosed = false;
    void client.closed.then(() => {
      isClosed = true;
    });
    await client.closeWrite();
    await server.read(new Uint8Array(1));
    await settle();
    equal(isClosed, false, "closed after one direction");
    await server.closeWrite();
    // Where the system tells of the end to readers only, somebody has to read.
    equal(await client.read(new Uint8Array(1)), null, "the end");
    await client.closed;
  });

  test("bytes that wait unread when both directions have ended are still read", async (place) => {
    const { client, server } = await place.connect();
    await server.writeAll(pattern(1_000));
    await Promise.all([server.closeWrite(), client.closeWrite()]);
    equal(await server.read(new Uint8Array(1)), null, "the end at the listener's side");
    await settle();
    bytesEqual(await client.readToEnd(), pattern(1_000), "bytes");
  });

  test("a stream is disposed of by closing it", async (place) => {
    const { client, server } = await place.connect();
    const dispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
    await client.writeAll(pattern(10));
    await client[dispose]();
    bytesEqual(await server.readToEnd(), pattern(10), "bytes");
  });
}

async function oneThenTheOther(first: TcpStream, second: TcpStream): Promise<void> {
  await first.writeAll(pattern(1_000, 1));
  await first.closeWrite();
  bytesEqual(await second.readToEnd(), pattern(1_000, 1), "what came before the first end");
  await second.writeAll(pattern(1_000, 2));
  bytesEqual(await readBytes(first, 1_000), pattern(1_000, 2), "what comes after the first end");
  await second.closeWrite();
  equal(await first.read(new Uint8Array(1)), null, "the second end");
  await Promise.all([first.closed, second.closed]);
}
