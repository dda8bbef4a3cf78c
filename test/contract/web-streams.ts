// Contract: the lazy Web byte streams, their locks, BYOB, and what cancel, close and abort mean.

import type { TcpStream } from "../../src/core/net/index.ts";
import { bytesEqual, equal, ok, rejection, rejectsWith } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { pattern, readBytes, settle } from "./world.ts";

export function webStreams({ test }: Chapter): void {
  test("readable and writable are always the same streams", async (place) => {
    const { client } = await place.connect();
    equal(client.readable, client.readable, "readable");
    equal(client.writable, client.writable, "writable");
  });

  test("direct reads throw TypeError while readable is locked, and only then", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(20));
    void server.readable;
    bytesEqual(await readBytes(server, 5), pattern(20).subarray(0, 5), "before the lock");
    const reader = server.readable.getReader();
    const buffer = new Uint8Array(1);
    for (const work of [server.read(buffer), server.peek(buffer), server.readChunk(), server.readToEnd()]) {
      const error = await rejection(work, "a locked read");
      ok(error instanceof TypeError, "a TypeError");
      equal(error.message, "Cannot read: stream is locked by readable", "message");
    }
    const { value } = await reader.read();
    reader.releaseLock();
    const got = value?.length ?? 0;
    bytesEqual(value ?? null, pattern(20).subarray(5, 5 + got), "from the Web stream");
    if (got < 15)
      bytesEqual(await readBytes(server, 15 - got), pattern(20).subarray(5 + got), "after the lock");
  });

  test("direct writes throw TypeError while writable is locked, and only then", async (place) => {
    const { client, server } = await place.connect();
    void client.writable;
    await client.writeAll(pattern(5, 1));
    const writer = client.writable.getWriter();
    for (const work of [client.write(pattern(1)), client.writeAll(pattern(1)), client.closeWrite()]) {
      const error = await rejection(work, "a locked write");
      ok(error instanceof TypeError, "a TypeError");
      equal(error.message, "Cannot write: stream is locked by writable", "message");
    }
    await writer.write(pattern(5, 2));
    writer.releaseLock();
    await client.writeAll(pattern(5, 3));
    for (const seed of [1, 2, 3]) bytesEqual(await readBytes(server, 5), pattern(5, seed), `bytes ${seed}`);
  });

  test("chunks that a released writer left behind go before direct writes", async (place) => {
    const { client, server } = await place.connect();
    const writer = client.writable.getWriter();
    const chunks = [1, 2, 3].map((seed) => writer.write(pattern(300_000, seed)));
    writer.releaseLock();
    const direct = [client.writeAll(pattern(10, 4)), client.writeAll(pattern(10, 5)), client.closeWrite()];
    const received = await server.readToEnd();
    await Promise.all([...chunks, ...direct]);
    equal(received.length, 900_020, "length");
    for (const seed of [1, 2, 3]) {
      bytesEqual(
        received.subarray((seed - 1) * 300_000, seed * 300_000),
        pattern(300_000, seed),
        `chunk ${seed}`,
      );
    }
    bytesEqual(received.subarray(900_000, 900_010), pattern(10, 4), "the first direct write");
    bytesEqual(received.subarray(900_010), pattern(10, 5), "the second direct write");
  });

  test("a reader that let go while it waited takes no bytes with it", async (place) => {
    const { client, server } = await place.connect();
    const reader = server.readable.getReader();
    const waiting = rejection(reader.read(), "the read that was let go");
    await settle(5);
    reader.releaseLock();
    ok((await waiting) instanceof TypeError, "a TypeError");
    const direct = readBytes(server, 10);
    await client.writeAll(pattern(10, 1));
    bytesEqual(await direct, pattern(10, 1), "the direct read");
    await client.writeAll(pattern(10, 2));
    await settle();
    const again = server.readable.getReader();
    bytesEqual((await again.read()).value ?? null, pattern(10, 2), "the next reader");
  });

  test("a BYOB reader that let go while it waited takes no bytes with it", async (place) => {
    for (const next of ["direct", "byob", "default"] as const) {
      const { client, server } = await place.connect();
      const reader = server.readable.getReader({ mode: "byob" });
      const waiting = rejection(reader.read(new Uint8Array(64)), "the read that was let go");
      await settle(5);
      reader.releaseLock();
      ok((await waiting) instanceof TypeError, "a TypeError");
      await client.writeAll(pattern(10));
      await client.closeWrite();
      await settle();
      bytesEqual(await firstBytes(server, next), pattern(10), `bytes of the ${next} read`);
      equal(await ending(server), true, "the end");
    }
  });

  test("BYOB readers get bytes in the buffer they bring", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(100));
    await client.closeWrite();
    const reader = server.readable.getReader({ mode: "byob" });
    const received = new Uint8Array(100);
    let filled = 0;
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(7));
      if (done) break;
      equal(value.buffer.byteLength, 7, "the buffer that was brought");
      received.set(value, filled);
      filled += value.length;
    }
    bytesEqual(received.subarray(0, filled), pattern(100), "bytes");
  });

  test("BYOB reads with min wait for so many bytes", async (place) => {
    const { client, server } = await place.connect();
    const reader = server.readable.getReader({ mode: "byob" });
    const reading = readAtLeast(reader, 100, 50);
    for (let offset = 0; offset < 60; offset += 10) {
      await client.writeAll(pattern(60).subarray(offset, offset + 10));
      await settle(1);
    }
    const { value } = await reading;
    ok(value !== undefined && value.length >= 50, `at least 50 bytes, got ${value?.length}`);
    bytesEqual(value, pattern(60).subarray(0, value.length), "bytes");
  });

  test("bytes in a min read whose reader let go come back", async (place) => {
    const { client, server } = await place.connect();
    const reader = server.readable.getReader({ mode: "byob" });
    const reading = rejection(readAtLeast(reader, 100, 50), "the read that was let go");
    await client.writeAll(pattern(30));
    await settle();
    reader.releaseLock();
    ok((await reading) instanceof TypeError, "a TypeError");
    await client.closeWrite();
    bytesEqual(await server.readToEnd(), pattern(30), "bytes");
  });

  test("pipeTo works both ways", async (place) => {
    const { client, server } = await place.connect();
    const sent = pattern(1_000_000);
    const echo = server.readable.pipeTo(server.writable);
    const sending = new Blob([sent]).stream().pipeTo(client.writable);
    const received = new Uint8Array(await new Response(client.readable).arrayBuffer());
    await Promise.all([echo, sending]);
    bytesEqual(received, sent, "bytes");
  });

  test("a message is not detached by the Web stream that reads it", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(1_000));
    const chunk = await server.readChunk({ max: 100 });
    const reader = server.readable.getReader();
    let rest = 1_000 - (chunk?.length ?? 0);
    while (rest > 0) rest -= (await reader.read()).value?.length ?? rest;
    bytesEqual(chunk, pattern(1_000).subarray(0, chunk?.length), "the chunk that was handed over before");
  });

  test("cancelling readable ends reading and leaves writing", async (place) => {
    const { client, server } = await place.connect();
    await server.readable.cancel("not interested");
    equal(await server.read(new Uint8Array(1)), null, "a direct read");
    await client.writeAll(pattern(500_000));
    await server.writeAll(pattern(100));
    bytesEqual(await readBytes(client, 100), pattern(100), "the other direction");
  });

  test("closing writable is a half close", async (place) => {
    const { client, server } = await place.connect();
    const writer = client.writable.getWriter();
    void writer.write(pattern(100));
    await writer.close();
    writer.releaseLock();
    bytesEqual(await server.readToEnd(), pattern(100), "bytes");
    await rejectsWith(client.write(pattern(1)), "EPIPE", "a direct write", "write");
    await server.writeAll(pattern(10));
    bytesEqual(await readBytes(client, 10), pattern(10), "the other direction");
  });

  test(
    "aborting writable resets",
    async (place) => {
      const { client, server } = await place.connect();
      const reason = new Error("broken");
      await client.writable.abort(reason);
      await rejectsWith(server.read(new Uint8Array(1)), "ECONNRESET", "the peer", "read");
      const error = await rejectsWith(client.closed, "ECONNABORTED", "closed");
      equal(error.cause, reason, "cause");
    },
    "reset",
  );

  test(
    "a reset fails both Web streams with the NetError",
    async (place) => {
      const { client, server } = await place.connect();
      const reading = rejectsWith(client.readable.getReader().read(), "ECONNRESET", "the reader", "read");
      const writer = client.writable.getWriter();
      const writing = rejectsWith(writer.closed, ["ECONNRESET", "EPIPE"], "the writer", "write");
      await settle(5);
      server.abort();
      await Promise.all([reading, writing]);
    },
    "reset",
  );

  test("close fails Web streams that are in use with ERR_SOCKET_CLOSED", async (place) => {
    const { client } = await place.connect();
    const reading = rejectsWith(
      client.readable.getReader().read(),
      "ERR_SOCKET_CLOSED",
      "the reader",
      "read",
    );
    await settle(2);
    await client.close();
    await reading;
    const writer = client.writable.getWriter();
    await rejectsWith(writer.write(pattern(1)), "ERR_SOCKET_CLOSED", "the writer", "write");
  });

  test("the Web stream shows the end of the stream", async (place) => {
    const { client, server } = await place.connect();
    await client.closeWrite();
    equal((await server.readable.getReader().read()).done, true, "done");
  });

  test("tee gives both branches every byte", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(50_000));
    await client.closeWrite();
    const branches = server.readable
      .tee()
      .map(async (branch) => new Uint8Array(await new Response(branch).arrayBuffer()));
    for (const branch of branches) bytesEqual(await branch, pattern(50_000), "a branch");
  });
}

async function firstBytes(stream: TcpStream, how: "direct" | "byob" | "default"): Promise<Uint8Array | null> {
  if (how === "direct") return stream.readChunk();
  if (how === "byob") {
    const reader = stream.readable.getReader({ mode: "byob" });
    const { value } = await reader.read(new Uint8Array(64));
    reader.releaseLock();
    return value ?? null;
  }
  const reader = stream.readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return value ?? null;
}

/** `min` is newer than the DOM library of TypeScript 5.9. */
function readAtLeast(
  reader: ReadableStreamBYOBReader,
  size: number,
  min: number,
): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> {
  const read = reader.read as unknown as (
    view: Uint8Array,
    options: { readonly min: number },
  ) => Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>>;
  return read.call(reader, new Uint8Array(size), { min });
}

async function ending(stream: TcpStream): Promise<boolean> {
  return (await stream.read(new Uint8Array(1))) === null;
}
