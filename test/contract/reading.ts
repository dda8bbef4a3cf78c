// Contract: short reads, the end of the stream, peek, exact and whole reads, order, cancel safety.

import type { TcpStream } from "../../src/core/net/index.ts";
import { bytesEqual, equal, ok, rejection, rejectsWith } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { pattern, readBytes, settle } from "./world.ts";

export function reading({ test }: Chapter): void {
  test("a read into an empty buffer gives 0 at once", async (place) => {
    const { client } = await place.connect();
    equal(await client.read(new Uint8Array(0)), 0, "read");
    equal(await client.peek(new Uint8Array(0)), 0, "peek");
  });

  test("a read gives at least one byte and at most the buffer", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(10_000));
    const all = new Uint8Array(10_000);
    let filled = 0;
    while (filled < all.length) {
      const part = all.subarray(filled, filled + 333);
      const count = await server.read(part);
      ok(count !== null && count >= 1 && count <= part.length, `a count of ${count} into ${part.length}`);
      filled += count;
    }
    bytesEqual(all, pattern(10_000), "bytes");
    equal(server.bytesRead, 10_000, "bytesRead");
  });

  test("a read returns what is there without waiting for a full buffer", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(3));
    const buffer = new Uint8Array(100);
    let filled = 0;
    while (filled < 3) filled += (await server.read(buffer.subarray(filled))) ?? 100;
    bytesEqual(buffer.subarray(0, filled), pattern(3), "bytes");
  });

  test("the end of the stream is null and stays null", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(5));
    await client.closeWrite();
    bytesEqual(await readBytes(server, 5), pattern(5), "bytes");
    for (let round = 0; round < 2; round++) {
      equal(await server.read(new Uint8Array(9)), null, "read");
      equal(await server.readChunk(), null, "readChunk");
      equal(await server.peek(new Uint8Array(9)), null, "peek");
      equal((await server.readToEnd()).length, 0, "readToEnd");
    }
  });

  test("readChunk hands over what has arrived, at most max bytes", async (place) => {
    const { client, server } = await place.connect();
    const sent = pattern(100_000);
    const writing = client.writeAll(sent).then(() => client.closeWrite());
    const all = new Uint8Array(sent.length);
    let filled = 0;
    for (
      let chunk = await server.readChunk({ max: 777 });
      chunk !== null;
      chunk = await server.readChunk({ max: 777 })
    ) {
      ok(chunk.length >= 1 && chunk.length <= 777, `a chunk of ${chunk.length}`);
      ok(chunk.buffer instanceof ArrayBuffer, "a plain ArrayBuffer");
      all.set(chunk, filled);
      filled += chunk.length;
    }
    await writing;
    equal(filled, sent.length, "length");
    bytesEqual(all, sent, "bytes");
  });

  test("a chunk that was handed over never changes", async (place) => {
    const { client, server } = await place.connect();
    const chunks: Uint8Array[] = [];
    const sent = pattern(400_000);
    const writing = client.writeAll(sent).then(() => client.closeWrite());
    for await (const chunk of server) chunks.push(chunk);
    await writing;
    let offset = 0;
    for (const chunk of chunks) {
      bytesEqual(chunk, sent.subarray(offset, offset + chunk.length), `chunk at ${offset}`);
      offset += chunk.length;
    }
    equal(offset, sent.length, "length");
  });

  test("peek shows bytes that the next read still gives", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(10));
    const seen = new Uint8Array(4);
    for (let round = 0; round < 2; round++) {
      const count = await server.peek(seen);
      ok(count !== null && count >= 1, `peek gave ${count}`);
      bytesEqual(seen.subarray(0, count), pattern(10).subarray(0, count), "peeked");
    }
    equal(server.bytesRead, 0, "bytesRead");
    bytesEqual(await readBytes(server, 10), pattern(10), "read after peek");
  });

  test("a peek longer than the last shows more once more has come", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(10));
    equal(await server.peek(new Uint8Array(1)), 1, "one byte");
    const seen = new Uint8Array(10);
    while ((await server.peek(seen)) !== 10) await settle(5);
    bytesEqual(seen, pattern(10), "peeked");
    bytesEqual((await server.readChunk({ max: 10 }))?.subarray(0, 1) ?? null, pattern(1), "read after peek");
  });

  test("readExact waits for all of its bytes", async (place) => {
    const { client, server } = await place.connect();
    const reading = readBytes(server, 5_000);
    for (let offset = 0; offset < 5_000; offset += 1_000) {
      await client.writeAll(pattern(5_000).subarray(offset, offset + 1_000));
      await settle(1);
    }
    bytesEqual(await reading, pattern(5_000), "bytes");
  });

  test("readExact that meets the end rejects with ERR_UNEXPECTED_EOF", async (place) => {
    const { client, server } = await place.connect();
    const reading = rejectsWith(
      server.readExact(new Uint8Array(10)),
      "ERR_UNEXPECTED_EOF",
      "readExact",
      "read",
    );
    await client.writeAll(pattern(9));
    await client.closeWrite();
    ok((await reading).message.includes("9 of 10"), "the message tells how far it came");
    equal(await server.read(new Uint8Array(1)), null, "read after it");
  });

  test("readToEnd gives everything up to the end", async (place) => {
    const { client, server } = await place.connect();
    const sent = pattern(300_000);
    const [received] = await Promise.all([
      server.readToEnd(),
      client.writeAll(sent).then(() => client.closeWrite()),
    ]);
    bytesEqual(received, sent, "bytes");
  });

  test("readToEnd rejects with EMSGSIZE beyond its limit", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(101));
    await client.closeWrite();
    await rejectsWith(server.readToEnd({ limit: 100 }), "EMSGSIZE", "readToEnd", "read");
  });

  test("readToEnd takes a stream of just its limit", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(100));
    await client.closeWrite();
    bytesEqual(await server.readToEnd({ limit: 100 }), pattern(100), "bytes");
  });

  test("concurrent reads are served in order", async (place) => {
    const { client, server } = await place.connect();
    const reads = [0, 1, 2, 3].map(() => readBytes(server, 250));
    await client.writeAll(pattern(1_000));
    for (const [index, read] of reads.entries()) {
      bytesEqual(await read, pattern(1_000).subarray(index * 250, index * 250 + 250), `read ${index}`);
    }
  });

  test("an aborted read rejects with the reason and has taken nothing", async (place) => {
    const { client, server } = await place.connect();
    const buffer = new Uint8Array(8);
    const starts: Array<(signal: AbortSignal) => Promise<unknown>> = [
      (signal) => server.read(buffer, { signal }),
      (signal) => server.readChunk({ signal }),
      (signal) => server.peek(buffer, { signal }),
    ];
    for (const start of starts) {
      const controller = new AbortController();
      const reason = new Error("no longer wanted");
      const read = rejection(start(controller.signal), "the aborted read");
      const next = readBytes(server, 8);
      await settle(2);
      controller.abort(reason);
      equal(await read, reason, "reason");
      await client.writeAll(pattern(8));
      bytesEqual(await next, pattern(8), "the read behind it");
    }
    equal(
      buffer.every((byte) => byte === 0),
      true,
      "the aborted buffer is untouched",
    );
  });

  test("reads that race their abort lose and double nothing", async (place) => {
    const { client, server } = await place.connect();
    const sent = pattern(20_000);
    const writing = (async () => {
      for (let offset = 0; offset < sent.length; offset += 200) {
        await client.writeAll(sent.subarray(offset, offset + 200));
        if (offset % 2_000 === 0) await settle(1);
      }
      await client.closeWrite();
    })();
    const received = new Uint8Array(sent.length);
    let filled = 0;
    for (;;) {
      const controller = new AbortController();
      const read = server.read(received.subarray(filled, filled + 1_500), { signal: controller.signal });
      queueMicrotask(() => controller.abort("raced"));
      const count = await read.catch((reason: unknown) => {
        equal(reason, "raced", "reason");
        return 0;
      });
      if (count === null || filled === sent.length) break;
      filled += count;
      if (count === 0) await settle(0);
    }
    await writing;
    bytesEqual(received.subarray(0, filled), sent, "bytes");
  });

  test("a signal that has aborted refuses a read even when bytes are there", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(4));
    await server.peek(new Uint8Array(1));
    equal(
      await rejection(server.read(new Uint8Array(4), { signal: AbortSignal.abort("no") }), "read"),
      "no",
      "reason",
    );
    bytesEqual(await readBytes(server, 4), pattern(4), "bytes");
  });

  test("for await over a stream gives all bytes and leaves it open for writing", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(1_000));
    await client.closeWrite();
    let length = 0;
    for await (const chunk of server) length += chunk.length;
    equal(length, 1_000, "bytes read");
    await server.writeAll(pattern(10));
    bytesEqual(await readBytes(client, 10), pattern(10), "bytes the other way");
  });

  test("leaving a loop over a stream closes the stream", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(1_000));
    for await (const _ of server) break;
    await rejectsWith(server.read(new Uint8Array(1)), "ERR_SOCKET_CLOSED", "read", "read");
    await rejectsWith(server.write(new Uint8Array(1)), "ERR_SOCKET_CLOSED", "write", "write");
  });

  test("a read pending at close rejects with ERR_SOCKET_CLOSED, a loop ends quietly", async (place) => {
    const first = await place.connect();
    const read = rejectsWith(
      first.client.read(new Uint8Array(1)),
      "ERR_SOCKET_CLOSED",
      "the pending read",
      "read",
    );
    await first.client.close();
    await read;
    const second = await place.connect();
    const loop = countChunks(second.client);
    await settle(2);
    await second.client.close();
    equal(await loop, 0, "chunks of the loop");
  });
}

async function countChunks(stream: TcpStream): Promise<number> {
  let count = 0;
  for await (const chunk of stream) count += Math.min(1, chunk.length);
  return count;
}
