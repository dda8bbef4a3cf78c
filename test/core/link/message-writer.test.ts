import { describe, expect, it } from "vitest";
import { MAX_MESSAGE, MessageMemory } from "../../../src/core/link/index.ts";
import { MessageWriter } from "../../../src/core/link/message-writer.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { pattern } from "./hosts.ts";

/** Memory that counts what it gives. */
function counted() {
  const sizes: number[] = [];
  const memory = new MessageMemory((size) => {
    sizes.push(size);
    return new Uint8Array(size);
  });
  return { sizes, memory };
}

function write(writer: MessageWriter, bytes: Uint8Array): Bytes {
  let message: Bytes | null = null;
  for (let at = 0; at < bytes.length; at += 1_000) {
    expect(writer.append(bytes.subarray(at, at + 1_000))).toBe(true);
  }
  writer.finish((finished) => {
    message = finished;
  });
  if (message === null) throw new Error("no message");
  return message;
}

describe("MessageWriter", () => {
  it("carves small messages out of one slab, and never writes into one that was handed over", () => {
    const { memory, sizes } = counted();
    const writer = new MessageWriter(memory, false);
    const messages = Array.from({ length: 500 }, (_, i) => write(writer, pattern(i, 100)));
    expect(sizes).toEqual([65_536]);
    messages.forEach((message, i) => {
      expect(message).toEqual(pattern(i, 100));
    });
  });

  it("begins messages at steps of 8 bytes", () => {
    const writer = new MessageWriter(counted().memory, false);
    for (let i = 1; i < 20; i++) expect(write(writer, pattern(0, i)).byteOffset % 8).toBe(0);
  });

  it("gives a large message memory of its own, and the next one enough at once", () => {
    const { memory, sizes } = counted();
    const writer = new MessageWriter(memory, false);
    expect(write(writer, pattern(0, 100_000))).toEqual(pattern(0, 100_000));
    const before = sizes.length;
    const message = write(writer, pattern(7, 100_000));
    expect(sizes.length).toBe(before + 1);
    expect(message).toEqual(pattern(7, 100_000));
    expect(message.buffer.byteLength).toBeLessThanOrEqual(MAX_MESSAGE);
  });

  it("returns to the slab when messages become small again", () => {
    const { memory, sizes } = counted();
    const writer = new MessageWriter(memory, false);
    write(writer, pattern(0, 120_000));
    for (let i = 0; i < 10; i++) write(writer, pattern(0, 50));
    const before = sizes.length;
    for (let i = 0; i < 100; i++) write(writer, pattern(0, 50));
    expect(sizes.length).toBe(before);
  });

  it("ends at 128 KiB", () => {
    const writer = new MessageWriter(counted().memory, false);
    const full = pattern(0, MAX_MESSAGE);
    for (let at = 0; at < MAX_MESSAGE; at += 4_096)
      expect(writer.append(full.subarray(at, at + 4_096))).toBe(true);
    expect(writer.append(new Uint8Array(1))).toBe(false);
    expect(writer.length).toBe(MAX_MESSAGE);
  });

  it("lets several writers be at work on one memory", () => {
    const { memory } = counted();
    const writers = [0, 1, 2].map(() => new MessageWriter(memory, false));
    const parts = 50;
    for (let i = 0; i < parts; i++)
      writers.forEach((writer, w) => {
        writer.append(pattern(w * 1_000 + i * 10, 10));
      });
    writers.forEach((writer, w) => {
      writer.finish((message) => {
        expect(message).toEqual(pattern(w * 1_000, parts * 10));
      });
    });
  });

  it("uses the same memory again for links that copy on send", () => {
    const { memory, sizes } = counted();
    const writer = new MessageWriter(memory, true);
    for (let i = 0; i < 1_000; i++) write(writer, pattern(i, i % 2 === 0 ? 100 : 90_000));
    expect(sizes.length).toBeLessThan(10);
  });

  it("may be written to again from within the send of a message", () => {
    const { memory } = counted();
    const writer = new MessageWriter(memory, false);
    writer.append(pattern(0, 40));
    let inner: Bytes | null = null;
    let outer: Bytes | null = null;
    writer.finish((message) => {
      outer = message;
      writer.append(pattern(500, 40));
      writer.finish((second) => {
        inner = second;
      });
    });
    expect(outer).toEqual(pattern(0, 40));
    expect(inner).toEqual(pattern(500, 40));
  });
});
