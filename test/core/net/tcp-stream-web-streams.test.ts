import { describe, expect, it } from "vitest";
import { open } from "./open-stream.ts";
import { bytes } from "./scripted-source.ts";
import { turn } from "./virtual-timers.ts";

describe("TcpStream and Web streams", () => {
  it("falls back to plain streams where there are no byte streams", async () => {
    const original = globalThis.ReadableStream;
    const base = original as unknown as new (...options: unknown[]) => object;
    globalThis.ReadableStream = class extends base {
      constructor(source: UnderlyingDefaultSource & { type?: string }, strategy: QueuingStrategy) {
        if (source.type === "bytes") throw new TypeError("No byte streams here");
        super(source, strategy);
      }
    } as unknown as typeof ReadableStream;
    try {
      const { source, stream } = open();
      source.incoming.push(bytes(1, 2), bytes(3), null);
      const reader = stream.readable.getReader();
      expect((await reader.read()).value).toEqual(bytes(1, 2));
      expect((await reader.read()).value).toEqual(bytes(3));
      expect((await reader.read()).done).toBe(true);
    } finally {
      globalThis.ReadableStream = original;
    }
  });

  it("takes nothing from the source before a reader asks", async () => {
    const { source, stream } = open();
    source.incoming.push(bytes(1));
    const reader = stream.readable.getReader();
    await turn();
    expect(source.receives).toBe(0);
    await reader.read();
    expect(source.receives).toBe(1);
  });

  it("copies chunks of a message into the stream, so that the message is not detached", async () => {
    const { source, stream } = open();
    const message = bytes(1, 2, 3, 4);
    source.incoming.push(message.subarray(0, 2));
    await stream.readable.getReader().read();
    expect([...message]).toEqual([1, 2, 3, 4]);
  });

  it("is not made before it is asked for", () => {
    const original = globalThis.ReadableStream;
    globalThis.ReadableStream = (() => {
      throw new Error("Made too early");
    }) as unknown as typeof ReadableStream;
    try {
      expect(() => open()).not.toThrow();
    } finally {
      globalThis.ReadableStream = original;
    }
  });
});
