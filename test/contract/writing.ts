// Contract: short and whole writes, back-pressure, no interleaving, what an end in the middle tells.

import { bytesEqual, equal, ok, rejection, rejectsWith } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { fill, pattern, readBytes, settle } from "./world.ts";

export function writing({ test, limits }: Chapter): void {
  test("write gives the number of bytes accepted", async (place) => {
    const { client, server } = await place.connect();
    equal(await client.write(new Uint8Array(0)), 0, "an empty write");
    const count = await client.write(pattern(1_000));
    ok(count >= 1 && count <= 1_000, `a count of ${count}`);
    equal(client.bytesWritten, count, "bytesWritten");
    bytesEqual(await readBytes(server, count), pattern(1_000).subarray(0, count), "bytes");
  });

  test("an array may be reused as soon as its write has settled", async (place) => {
    const { client, server } = await place.connect();
    const array = pattern(1_000);
    const count = await client.write(array);
    array.fill(0);
    const second = pattern(1_000, 2);
    await client.writeAll(second);
    second.fill(0);
    bytesEqual(await readBytes(server, count), pattern(1_000).subarray(0, count), "the first");
    bytesEqual(await readBytes(server, 1_000), pattern(1_000, 2), "the second");
  });

  test(`an echo of ${limits.echo} bytes comes back exact`, async (place) => {
    const { client, server } = await place.connect();
    const block = pattern(Math.min(1 << 20, limits.echo));
    const rounds = Math.ceil(limits.echo / block.length);
    const echo = (async () => {
      for await (const chunk of server) await server.writeAll(chunk);
      await server.closeWrite();
    })();
    const sending = (async () => {
      for (let round = 0; round < rounds; round++) await client.writeAll(block);
      await client.closeWrite();
    })();
    let received = 0;
    for await (const chunk of client) {
      const at = received % block.length;
      const head = Math.min(chunk.length, block.length - at);
      bytesEqual(chunk.subarray(0, head), block.subarray(at, at + head), `bytes at ${received}`);
      for (let rest = head; rest < chunk.length; rest += block.length) {
        const part = chunk.subarray(rest, rest + block.length);
        bytesEqual(part, block.subarray(0, part.length), `bytes at ${received + rest}`);
      }
      received += chunk.length;
    }
    await Promise.all([echo, sending]);
    equal(received, rounds * block.length, "bytes echoed");
  });

  test("two concurrent writeAll calls never interleave", async (place) => {
    const { client, server } = await place.connect();
    const size = 700_000;
    const writes = [1, 2, 3].map((value) => client.writeAll(new Uint8Array(size).fill(value)));
    for (const value of [1, 2, 3]) {
      const bytes = await readBytes(server, size);
      ok(
        bytes.every((byte) => byte === value),
        `bytes of the others within write ${value}`,
      );
    }
    await Promise.all(writes);
  });

  test(
    "a slow reader stops the writer and still gets every byte",
    async (place) => {
      const { client, server } = await place.connect();
      const sent = await fill(client, limits.buffered);
      ok(sent > 0, "something fits");
      const rest = client.writeAll(pattern(10_000));
      for (let read = 0; read < sent; ) {
        const chunk = await server.readChunk({ max: Math.min(65_536, sent - read), timeout: 20_000 });
        ok(chunk !== null, "not the end");
        read += chunk.length;
      }
      bytesEqual(await readBytes(server, 10_000), pattern(10_000), "bytes after the stop");
      await rest;
    },
    "backpressure",
  );

  test(
    "a stopped direction does not stop the other",
    async (place) => {
      const { client, server } = await place.connect();
      await fill(client, limits.buffered);
      await server.writeAll(pattern(50_000));
      bytesEqual(await readBytes(client, 50_000), pattern(50_000), "bytes against the stop");
    },
    "backpressure",
  );

  test("flush resolves when nothing is left to be acknowledged", async (place) => {
    const { client, server } = await place.connect();
    const reading = readBytes(server, 200_000);
    await client.writeAll(pattern(200_000));
    await client.flush();
    bytesEqual(await reading, pattern(200_000), "bytes");
    await client.flush();
  });

  test(
    "flush waits for the peer",
    async (place) => {
      const { client, server } = await place.connect();
      await fill(client, limits.buffered);
      await rejectsWith(client.flush({ timeout: 50 }), "ETIMEDOUT", "flush", "write");
      const flushed = client.flush();
      const reader = server.readToEnd();
      await flushed;
      await client.closeWrite();
      await reader;
    },
    "seesAcknowledgement",
  );

  test(
    "an aborted writeAll rejects with the reason, bytesWritten tells what was sent",
    async (place) => {
      const { client, server } = await place.connect();
      const controller = new AbortController();
      const reason = new Error("too slow");
      const writing = rejection(
        client.writeAll(pattern(64 << 20), { signal: controller.signal }),
        "writeAll",
      );
      await settle(100);
      controller.abort(reason);
      equal(await writing, reason, "reason");
      const sent = client.bytesWritten;
      ok(sent < 64 << 20, "not everything was sent");
      await Promise.all([client.closeWrite(), server.readToEnd()]).then(([, received]) => {
        bytesEqual(received, pattern(64 << 20).subarray(0, sent), "the prefix that was sent");
      });
    },
    "backpressure",
  );

  test("a write after closeWrite rejects with EPIPE", async (place) => {
    const { client } = await place.connect();
    await client.closeWrite();
    await rejectsWith(client.write(pattern(1)), "EPIPE", "write", "write");
    await rejectsWith(client.writeAll(pattern(1)), "EPIPE", "writeAll", "write");
  });

  test("closeWrite comes after every write that was queued before it", async (place) => {
    const { client, server } = await place.connect();
    const writes = [client.writeAll(pattern(500_000)), client.writeAll(pattern(10, 2)), client.closeWrite()];
    const late = rejectsWith(client.writeAll(pattern(1)), "EPIPE", "a write behind closeWrite", "write");
    const received = await server.readToEnd();
    await Promise.all([...writes, late]);
    equal(received.length, 500_010, "length");
    bytesEqual(received.subarray(500_000), pattern(10, 2), "the last bytes");
  });

  test("after close every operation rejects with ERR_SOCKET_CLOSED", async (place) => {
    const { client } = await place.connect();
    await client.close();
    const buffer = new Uint8Array(1);
    await rejectsWith(client.read(buffer), "ERR_SOCKET_CLOSED", "read", "read");
    await rejectsWith(client.readChunk(), "ERR_SOCKET_CLOSED", "readChunk", "read");
    await rejectsWith(client.readExact(buffer), "ERR_SOCKET_CLOSED", "readExact", "read");
    await rejectsWith(client.readToEnd(), "ERR_SOCKET_CLOSED", "readToEnd", "read");
    await rejectsWith(client.peek(buffer), "ERR_SOCKET_CLOSED", "peek", "read");
    await rejectsWith(client.write(buffer), "ERR_SOCKET_CLOSED", "write", "write");
    await rejectsWith(client.writeAll(buffer), "ERR_SOCKET_CLOSED", "writeAll", "write");
    await rejectsWith(client.flush(), "ERR_SOCKET_CLOSED", "flush", "write");
    await rejectsWith(client.closeWrite(), "ERR_SOCKET_CLOSED", "closeWrite", "shutdown");
  });

  test("what is no Uint8Array rejects with TypeError", async (place) => {
    const { client } = await place.connect();
    const text = "text" as unknown as Uint8Array;
    for (const work of [client.write(text), client.writeAll(text), client.read(text)]) {
      ok((await rejection(work, "a string")) instanceof TypeError, "a TypeError");
    }
  });

  test("close sends what was written, queued writes too, then the end", async (place) => {
    const { client, server } = await place.connect();
    const queued = client.writeAll(pattern(2_000_000));
    const closing = client.close();
    const received = await server.readToEnd();
    await Promise.all([queued, closing]);
    bytesEqual(received, pattern(2_000_000), "bytes");
  });
}
