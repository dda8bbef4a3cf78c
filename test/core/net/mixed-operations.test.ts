// Whatever mix of direct calls, Web streams, aborts and half-finished reads a user makes: no byte is lost, doubled or
// moved.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TcpStream } from "../../../src/core/net/index.ts";
import { pattern } from "../../contract/world.ts";
import { memoryStreams } from "./memory-network.ts";
import { turn } from "./virtual-timers.ts";

const size = fc.integer({ min: 1, max: 3_000 });

describe("a mix of reads", () => {
  const reads = fc.oneof(
    fc.record({ kind: fc.constant("read" as const), size }),
    fc.record({ kind: fc.constant("chunk" as const), size }),
    fc.record({ kind: fc.constant("peek" as const), size }),
    fc.record({ kind: fc.constant("exact" as const), size }),
    fc.record({ kind: fc.constant("default" as const), size }),
    fc.record({ kind: fc.constant("byob" as const), size }),
    fc.record({ kind: fc.constant("min" as const), size }),
    fc.record({ kind: fc.constant("abandoned" as const), size }),
    fc.record({ kind: fc.constant("abandoned byob" as const), size }),
    fc.record({ kind: fc.constant("abandoned min" as const), size }),
    fc.record({ kind: fc.constant("aborted" as const), size }),
    fc.record({ kind: fc.constant("aborted pipeTo" as const), size }),
    fc.record({ kind: fc.constant("pause" as const), size }),
  );

  it("gives exactly what was sent", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(reads, { maxLength: 40 }),
        fc.array(size, { maxLength: 20 }),
        async (steps, sizes) => {
          const { client, server } = memoryStreams({ sendBuffer: 700, receiveBuffer: 900 });
          const total = sizes.reduce((sum, length) => sum + length, 0);
          const sent = pattern(total);
          const writing = (async () => {
            let at = 0;
            for (const length of sizes) {
              await client.writeAll(sent.subarray(at, at + length));
              at += length;
              if (length % 3 === 0) await turn();
            }
            await client.closeWrite();
          })();
          const received: number[] = [];
          for (const step of steps) {
            if (received.length === total) break;
            received.push(...(await take(server, step.kind, Math.min(step.size, total - received.length))));
          }
          received.push(...(await server.readToEnd()));
          await writing;
          expect(Buffer.compare(Buffer.from(received), sent)).toBe(0);
          expect(server.bytesRead).toBe(total);
          server.abort();
          client.abort();
        },
      ),
      { numRuns: 150, timeout: 3_000 },
    );
  });
});

type ReadKind =
  | "read"
  | "chunk"
  | "peek"
  | "exact"
  | "default"
  | "byob"
  | "min"
  | "abandoned"
  | "abandoned byob"
  | "abandoned min"
  | "aborted"
  | "aborted pipeTo"
  | "pause";

/** One read of some kind; what it gave. `length` bytes are sure to come. */
async function take(stream: TcpStream, kind: ReadKind, length: number): Promise<Iterable<number>> {
  const buffer = new Uint8Array(length);
  switch (kind) {
    case "read":
      return buffer.subarray(0, (await stream.read(buffer)) ?? 0);
    case "chunk":
      return (await stream.readChunk({ max: length })) ?? [];
    case "exact":
      await stream.readExact(buffer);
      return buffer;
    case "peek": {
      const count = await stream.peek(buffer);
      expect(count).toBeGreaterThan(0);
      return [];
    }
    case "default": {
      const reader = stream.readable.getReader();
      const { value } = await reader.read();
      reader.releaseLock();
      return value ?? [];
    }
    case "byob":
    case "min": {
      const reader = stream.readable.getReader({ mode: "byob" });
      const { value } = await byob(reader, buffer, kind === "min" ? Math.ceil(length / 2) : 1);
      reader.releaseLock();
      return value ?? [];
    }
    case "abandoned":
    case "abandoned byob":
    case "abandoned min": {
      let gave: Iterable<number> = [];
      const isDefault = kind === "abandoned";
      const defaultReader = isDefault ? stream.readable.getReader() : null;
      const byobReader = isDefault ? null : stream.readable.getReader({ mode: "byob" });
      const read = defaultReader?.read() ?? byob(byobReader, buffer, kind === "abandoned min" ? length : 1);
      const settled = read.then(
        ({ value }) => {
          gave = value ?? [];
        },
        (error: unknown) => expect(error).toBeInstanceOf(TypeError),
      );
      if (length % 2 === 0) await turn();
      (defaultReader ?? byobReader)?.releaseLock();
      await settled;
      return gave;
    }
    case "aborted": {
      const controller = new AbortController();
      const read = stream.read(buffer, { signal: controller.signal });
      controller.abort("raced");
      const count = await read.catch((reason: unknown) => {
        expect(reason).toBe("raced");
        return 0;
      });
      return buffer.subarray(0, count ?? 0);
    }
    case "aborted pipeTo": {
      const controller = new AbortController();
      const got: number[] = [];
      const sink = new WritableStream<Uint8Array>({ write: (chunk) => void got.push(...chunk) });
      const options = {
        signal: controller.signal,
        preventCancel: true,
        preventAbort: true,
        preventClose: true,
      };
      const piping = stream.readable
        .pipeTo(sink, options)
        .catch((reason: unknown) => expect(reason).toBe("enough"));
      if (length % 2 === 0) await turn();
      controller.abort("enough");
      await piping;
      return got;
    }
    case "pause":
      await turn();
      return [];
  }
}

function byob(
  reader: ReadableStreamBYOBReader | null,
  view: Uint8Array,
  min: number,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  const read = reader?.read as unknown as (
    view: Uint8Array,
    options: { min: number },
  ) => Promise<ReadableStreamReadResult<Uint8Array>>;
  return read.call(reader, view, { min });
}

describe("a mix of writes", () => {
  const writes = fc.oneof(
    fc.record({ kind: fc.constant("writeAll" as const), size }),
    fc.record({ kind: fc.constant("writer" as const), size }),
    fc.record({ kind: fc.constant("held writer" as const), size }),
    fc.record({ kind: fc.constant("flush" as const), size }),
    fc.record({ kind: fc.constant("pause" as const), size }),
  );

  it("arrives in the order of the calls", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(writes, { maxLength: 30 }), async (steps) => {
        const { client, server } = memoryStreams({ sendBuffer: 700, receiveBuffer: 900 });
        const reading = server.readToEnd();
        const expected: Uint8Array[] = [];
        const pending: Array<Promise<unknown>> = [];
        for (const [index, step] of steps.entries()) {
          const data = pattern(step.size, index);
          if (step.kind === "pause") {
            await turn();
            continue;
          }
          if (step.kind === "flush") {
            pending.push(client.flush());
            continue;
          }
          expected.push(data);
          if (step.kind === "writeAll") {
            pending.push(client.writeAll(data));
            continue;
          }
          const writer = client.writable.getWriter();
          const written = writer.write(data);
          pending.push(written);
          if (step.kind === "held writer") await written;
          writer.releaseLock();
        }
        pending.push(client.closeWrite());
        await Promise.all(pending);
        expect(Buffer.compare(Buffer.from(await reading), Buffer.concat(expected))).toBe(0);
        server.abort();
        client.abort();
      }),
      { numRuns: 150, timeout: 3_000 },
    );
  });
});
