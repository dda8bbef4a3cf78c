// Contract: timeouts for each call and for each direction; the stream stays usable; nothing is lost.

import { bytesEqual, equal, ok, rejectsWith, throws } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { fill, pattern, readBytes, settle } from "./world.ts";

export function deadlines({ test, limits }: Chapter): void {
  test("a timed-out read takes nothing and the stream goes on", async (place) => {
    const { client, server } = await place.connect();
    const error = await rejectsWith(
      client.read(new Uint8Array(9), { timeout: 20 }),
      "ETIMEDOUT",
      "read",
      "read",
    );
    ok(error.isTimeout, "isTimeout");
    await server.writeAll(pattern(9));
    bytesEqual(await readBytes(client, 9), pattern(9), "bytes");
  });

  test("setReadTimeout bounds every read, also in readExact, until it is null", async (place) => {
    const { client, server } = await place.connect();
    equal(client.readTimeout, null, "at first");
    equal(client.setReadTimeout(20), client, "setReadTimeout returns the stream");
    equal(client.readTimeout, 20, "readTimeout");
    await rejectsWith(client.read(new Uint8Array(9)), "ETIMEDOUT", "read", "read");
    await rejectsWith(client.readExact(new Uint8Array(9)), "ETIMEDOUT", "readExact", "read");
    await rejectsWith(client.readChunk(), "ETIMEDOUT", "readChunk", "read");
    client.setReadTimeout(null);
    const reading = readBytes(client, 9);
    await settle(40);
    await server.writeAll(pattern(9));
    bytesEqual(await reading, pattern(9), "bytes");
  });

  test("the timeout of a call goes before that of its direction", async (place) => {
    const { client } = await place.connect();
    client.setReadTimeout(3_600_000);
    await rejectsWith(client.read(new Uint8Array(1), { timeout: 20 }), "ETIMEDOUT", "read", "read");
  });

  test("a timeout that is set while a read waits counts for it", async (place) => {
    const { client, server } = await place.connect();
    const first = rejectsWith(client.read(new Uint8Array(1)), "ETIMEDOUT", "the waiting read", "read");
    await settle(5);
    client.setReadTimeout(1);
    await first;
    client.setReadTimeout(60);
    const second = readBytes(client, 4);
    client.setReadTimeout(null);
    await settle(100);
    await server.writeAll(pattern(4));
    bytesEqual(await second, pattern(4), "the read whose deadline was taken away");
  });

  test("reads before a deadline are not touched by it", async (place) => {
    const { client, server } = await place.connect();
    client.setReadTimeout(10_000);
    const echo = (async () => {
      for await (const chunk of server) await server.writeAll(chunk);
    })();
    for (let round = 0; round < 50; round++) {
      await client.writeAll(pattern(10, round));
      bytesEqual(await readBytes(client, 10), pattern(10, round), `round ${round}`);
    }
    await client.closeWrite();
    await echo;
  });

  test("0, negative numbers and NaN are a RangeError", async (place) => {
    const { client } = await place.connect();
    for (const timeout of [0, -1, Number.NaN]) {
      throws(RangeError, () => client.setReadTimeout(timeout), "setReadTimeout");
      throws(RangeError, () => client.setWriteTimeout(timeout), "setWriteTimeout");
    }
    equal(client.readTimeout, null, "nothing was set");
  });

  test(
    "a timed-out writeAll tells how much was accepted, which is what arrives",
    async (place) => {
      const { client, server } = await place.connect();
      const data = pattern(64 << 20);
      const error = await rejectsWith(
        client.writeAll(data, { timeout: 200 }),
        "ETIMEDOUT",
        "writeAll",
        "write",
      );
      const { bytesWritten } = error;
      ok(
        bytesWritten !== undefined && bytesWritten > 0 && bytesWritten < data.length,
        `bytesWritten ${bytesWritten}`,
      );
      equal(client.bytesWritten, bytesWritten, "the stream's bytesWritten");
      const ending = client.writeAll(pattern(10, 2)).then(() => client.closeWrite());
      const received = await server.readToEnd();
      await ending;
      bytesEqual(received.subarray(0, bytesWritten), data.subarray(0, bytesWritten), "the prefix");
      bytesEqual(received.subarray(bytesWritten), pattern(10, 2), "what was written after it");
    },
    "backpressure",
  );

  test(
    "setWriteTimeout bounds every write until it is null",
    async (place) => {
      const { client, server } = await place.connect();
      const sent = await fill(client, limits.buffered);
      client.setWriteTimeout(20);
      equal(client.writeTimeout, 20, "writeTimeout");
      // A stack may still find room for a little: the last segment before a closed window.
      const more = await rejectsWith(client.writeAll(pattern(64 << 20)), "ETIMEDOUT", "writeAll", "write");
      client.setWriteTimeout(null);
      const writing = client.writeAll(pattern(100));
      await readBytes(server, sent + (more.bytesWritten ?? 0));
      bytesEqual(await readBytes(server, 100), pattern(100), "bytes");
      await writing;
    },
    "backpressure",
  );
}
