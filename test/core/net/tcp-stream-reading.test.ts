import { describe, expect, it } from "vitest";
import { open, rejected } from "./open-stream.ts";
import { bytes } from "./scripted-source.ts";

describe("TcpStream reading", () => {
  it("takes what is there without a timer, an operation or a second look", async () => {
    const { source, stream } = open();
    stream.setReadTimeout(1_000);
    source.incoming.push(bytes(1, 2), bytes(3));
    const buffer = new Uint8Array(3);
    expect(await stream.read(buffer)).toBe(3);
    expect([...buffer]).toEqual([1, 2, 3]);
    expect(source.receives).toBe(2);
    expect(source.timers.timersSet).toBe(0);
  });

  it("read() fills from several chunks and leaves the rest to the source", async () => {
    const { source, stream } = open();
    source.incoming.push(bytes(1, 2), bytes(3, 4, 5));
    expect(await stream.read(new Uint8Array(4))).toBe(4);
    expect(source.incoming).toEqual([bytes(5)]);
    expect(stream.bytesRead).toBe(4);
  });

  it("read() tells what came before a failure first, and the failure next", async () => {
    const { source, stream } = open();
    source.incoming.push(bytes(1, 2));
    source.fail();
    expect(await stream.read(new Uint8Array(9))).toBe(2);
    expect(await rejected(stream.read(new Uint8Array(9)))).toMatchObject({
      code: "ECONNRESET",
      op: "read",
      message: "Cannot read from 10.0.0.2:80: connection reset by peer",
    });
  });

  it("readChunk() hands over the source's own chunk", async () => {
    const { source, stream } = open();
    const chunk = bytes(1, 2, 3);
    source.incoming.push(chunk);
    expect((await stream.readChunk())?.buffer).toBe(chunk.buffer);
  });

  it("a waiting read survives wakes without bytes", async () => {
    const { source, stream } = open();
    const read = stream.read(new Uint8Array(4));
    source.sink.readable();
    source.sink.writable();
    source.sink.readable();
    source.deliver(bytes(7));
    expect(await read).toBe(1);
  });

  it("a source that wakes its stream from within receive() neither recurses nor stalls it", async () => {
    const { source, stream } = open();
    source.within = () => source.sink.readable();
    const exact = new Uint8Array(3);
    const read = stream.readExact(exact);
    const next = stream.readChunk();
    source.within = () => undefined;
    source.deliver(bytes(1, 2));
    source.within = () => {
      source.within = () => undefined;
      source.incoming.push(bytes(3), bytes(4));
      source.sink.readable();
    };
    source.sink.readable();
    await read;
    expect([...exact]).toEqual([1, 2, 3]);
    expect(await next).toEqual(bytes(4));
  });

  it("asks the source for nothing while nobody reads", () => {
    const { source } = open();
    source.deliver(bytes(1));
    expect(source.receives).toBe(0);
  });

  it("peek() looks at no more than it was asked for", async () => {
    const { source, stream } = open();
    source.incoming.push(bytes(1, 2, 3, 4));
    expect(await stream.peek(new Uint8Array(2))).toBe(2);
    expect(source.incoming).toEqual([bytes(3, 4)]);
    expect(stream.bytesRead).toBe(0);
    source.incoming.push(null);
    expect(await stream.readToEnd()).toEqual(bytes(1, 2, 3, 4));
    expect(stream.bytesRead).toBe(4);
  });

  it("an error that is no NetError is passed on as it is", async () => {
    const { source, stream } = open();
    const odd = new RangeError("A bug of the network");
    source.incoming.push(odd);
    expect(await rejected(stream.read(new Uint8Array(1)))).toBe(odd);
  });

  it("pins the texts of reading", async () => {
    const { source, stream } = open();
    const timedOut = rejected(stream.read(new Uint8Array(1), { timeout: 5 }));
    await source.timers.pass(5);
    expect((await timedOut).message).toBe("Cannot read from 10.0.0.2:80: timed out");
    source.incoming.push(bytes(1, 2, 3));
    const tooLong =
      "Cannot read from 10.0.0.2:80: the stream is longer than 2 bytes, pass a larger limit if that is expected";
    expect((await rejected(stream.readToEnd({ limit: 2 }))).message).toBe(tooLong);
    source.incoming.push(bytes(1), null);
    expect((await rejected(stream.readExact(new Uint8Array(2)))).message).toBe(
      "Cannot read from 10.0.0.2:80: the stream ended after 1 of 2 bytes",
    );
    for (const [work, message] of [
      [stream.readChunk({ max: 0 }), "Invalid max 0: expected at least 1 bytes"],
      [stream.readToEnd({ limit: Number.NaN }), "Invalid limit NaN: expected at least 0 bytes"],
      [
        stream.read(new Uint8Array(1), { timeout: 0 }),
        "Invalid timeout 0: expected milliseconds above 0, or null for none",
      ],
      [stream.read([] as unknown as Uint8Array), "Invalid buffer of type object: expected a Uint8Array"],
      [stream.shutdown("all" as "both"), 'Invalid direction "all": expected "read", "write" or "both"'],
    ] as const) {
      expect((await rejected(work)).message).toBe(message);
    }
    void stream.close();
    expect((await rejected(stream.read(new Uint8Array(1)))).message).toBe(
      "Cannot read from 10.0.0.2:80: closed on this side",
    );
  });
});
