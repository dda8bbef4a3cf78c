// Contract: abort at one end, ECONNRESET at the other, after what came before it; close that becomes a reset.

import type { NetError } from "../../src/core/net/index.ts";
import { bytesEqual, equal, ok, rejection, rejectsWith } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { fill, pattern, readBytes, settle } from "./world.ts";

/** A writer learns of a reset as such, or from a system that told of it before as EPIPE. */
const writerCodes = ["ECONNRESET", "EPIPE"];

export function resets({ test, limits }: Chapter): void {
  test(
    "bytes that arrived before a reset are still read, then ECONNRESET, which stays",
    async (place) => {
      const { client, server } = await place.connect();
      await server.writeAll(pattern(1_000));
      await server.flush();
      // The first byte tells that the segment has arrived.
      await client.peek(new Uint8Array(1));
      server.abort();
      await settle();
      bytesEqual(await readBytes(client, 1_000), pattern(1_000), "bytes before the reset");
      await rejectsWith(client.read(new Uint8Array(1)), "ECONNRESET", "read", "read");
      await rejectsWith(client.readChunk(), "ECONNRESET", "readChunk", "read");
      await rejectsWith(client.readToEnd(), "ECONNRESET", "readToEnd", "read");
      await rejectsWith(client.closed, "ECONNRESET", "closed");
    },
    "reset",
  );

  test(
    "a reset is never the end of the stream to a waiting reader",
    async (place) => {
      const { client, server } = await place.connect();
      const read = rejectsWith(client.read(new Uint8Array(1)), "ECONNRESET", "the waiting read", "read");
      await settle(5);
      server.abort();
      const error = await read;
      equal(String(error.peerAddr), String(client.peerAddr), "peerAddr of the error");
      equal(error.syscall, "read", "syscall");
    },
    "reset",
  );

  test(
    "a reset ends a loop with ECONNRESET",
    async (place) => {
      const { client, server } = await place.connect();
      const loop = (async () => {
        for await (const _ of client);
      })();
      await settle(5);
      server.abort();
      await rejectsWith(loop, "ECONNRESET", "the loop", "read");
    },
    "reset",
  );

  test(
    "a reset fails a waiting writer, with what it had written, and every later one",
    async (place) => {
      const { client, server } = await place.connect();
      await fill(client, limits.buffered);
      const before = client.bytesWritten;
      const writing = rejectsWith(
        client.writeAll(pattern(1 << 20)),
        writerCodes,
        "the waiting write",
        "write",
      );
      await settle(5);
      server.abort();
      const error = await writing;
      equal(error.bytesWritten, client.bytesWritten - before, "bytesWritten of the error");
      await rejection(client.closed, "closed");
      await rejectsWith(client.write(pattern(1)), writerCodes, "a later write", "write");
      await rejectsWith(client.flush(), writerCodes, "a later flush", "write");
      await rejectsWith(client.closeWrite(), writerCodes, "a later closeWrite", "shutdown");
    },
    "reset",
    "backpressure",
  );

  test(
    "abort rejects what waits with ECONNABORTED and the reason as its cause",
    async (place) => {
      const { client } = await place.connect();
      await fill(client, limits.buffered);
      const reason = new Error("no more");
      const before = client.bytesWritten;
      const waiting = [
        rejectsWith(client.read(new Uint8Array(1)), "ECONNABORTED", "read", "read"),
        rejectsWith(client.writeAll(pattern(1 << 20)), "ECONNABORTED", "writeAll", "write"),
        rejectsWith(client.flush(), "ECONNABORTED", "flush", "write"),
        rejectsWith(client.closed, "ECONNABORTED", "closed"),
      ];
      await settle(5);
      client.abort(reason);
      const errors: NetError[] = await Promise.all(waiting);
      for (const error of errors) equal(error.cause, reason, "cause");
      equal(errors[1].bytesWritten, client.bytesWritten - before, "bytesWritten of the error");
      await rejectsWith(client.read(new Uint8Array(1)), "ECONNABORTED", "a later read", "read");
      await rejectsWith(client.write(pattern(1)), "ECONNABORTED", "a later write", "write");
    },
    "backpressure",
  );

  test("abort twice, abort after close and close after abort are no errors", async (place) => {
    const { client, server } = await place.connect();
    client.abort("first");
    client.abort("second");
    await client.close();
    equal(((await rejection(client.closed, "closed")) as NetError).cause, "first", "the first reason counts");
    await server.close();
    server.abort();
  });

  test(
    "abort drops what was not sent: the peer sees no end of the stream",
    async (place) => {
      const { client, server } = await place.connect();
      await fill(client, limits.buffered);
      client.abort();
      await rejectsWith(server.readToEnd(), "ECONNRESET", "readToEnd", "read");
    },
    "reset",
    "backpressure",
  );

  test(
    "closing with unread data resets",
    async (place) => {
      const { client, server } = await place.connect();
      await client.writeAll(pattern(1_000));
      await server.peek(new Uint8Array(1));
      await server.close();
      await rejectsWith(client.read(new Uint8Array(1)), "ECONNRESET", "read", "read");
    },
    "unreadReset",
  );

  test(
    "closing with data that was only peeked at resets too",
    async (place) => {
      const { client, server } = await place.connect();
      await client.writeAll(pattern(1_000));
      while ((await server.peek(new Uint8Array(2_000))) !== 1_000) await settle(1);
      await server.close();
      await server.closed;
      await rejectsWith(client.read(new Uint8Array(1)), "ECONNRESET", "read", "read");
    },
    "unreadReset",
  );

  test(
    "writing to a peer that has closed fails in the end",
    async (place) => {
      const { client, server } = await place.connect();
      await server.close();
      equal(await client.read(new Uint8Array(1)), null, "the end");
      const writing = (async () => {
        for (;;) {
          await client.writeAll(pattern(1_000));
          await settle(1);
        }
      })();
      await rejectsWith(writing, writerCodes, "write", "write");
    },
    "reset",
  );

  test(
    "close gives up after its timeout: the connection is reset, closed tells",
    async (place) => {
      const { client, server } = await place.connect();
      await fill(client, limits.buffered);
      await client.close({ timeout: 50 });
      await rejectsWith(client.closed, "ETIMEDOUT", "closed");
      await rejectsWith(server.readToEnd(), "ECONNRESET", "the peer", "read");
    },
    "reset",
    "backpressure",
    "seesAcknowledgement",
  );

  test(
    "an aborted close resets and rejects with the reason",
    async (place) => {
      const { client, server } = await place.connect();
      await fill(client, limits.buffered);
      const controller = new AbortController();
      const reason = new Error("now");
      const closing = rejection(client.close({ signal: controller.signal }), "close");
      await settle(5);
      controller.abort(reason);
      equal(await closing, reason, "reason");
      const error = await rejectsWith(client.closed, "ECONNABORTED", "closed");
      equal(error.cause, reason, "cause");
      await rejectsWith(server.readToEnd(), "ECONNRESET", "the peer", "read");
    },
    "reset",
    "backpressure",
    "seesAcknowledgement",
  );

  test("a failure that nobody waits for is no unhandled rejection", async (place) => {
    const { client, server } = await place.connect();
    void client.closed;
    void client.readable;
    void client.writable;
    server.abort();
    await settle();
    ok(true, "the runner fails the test on an unhandled rejection");
  });
}
