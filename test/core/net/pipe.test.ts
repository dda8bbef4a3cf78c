import { describe, expect, it } from "vitest";
import { NetError, type PipeResult, pipe, TcpStream } from "../../../src/core/net/index.ts";
import { memoryStreams } from "./memory-network.ts";
import { bytes, OwningSource, ScriptedSource } from "./scripted-source.ts";
import { turn } from "./virtual-timers.ts";

interface Piped {
  readonly a: ScriptedSource;
  readonly b: ScriptedSource;
  readonly result: Promise<PipeResult>;
}

function open(a: ScriptedSource = new ScriptedSource(), b: ScriptedSource = new ScriptedSource()): Piped {
  return { a, b, result: pipe(TcpStream.over(a), TcpStream.over(b)) };
}

describe("pipe()", () => {
  it("passes ownership on without a copy where the source takes it", () => {
    const { a, b } = open(new OwningSource(), new OwningSource());
    const chunk = bytes(1, 2, 3);
    b.room.push(9);
    a.deliver(chunk);
    expect(b.sent[0].buffer).toBe(chunk.buffer);
  });

  it("works within the wake of the source, without a promise in between", () => {
    const { a, b } = open();
    b.room.push(9, 9);
    a.deliver(bytes(1), bytes(2));
    expect(b.sent).toEqual([bytes(1), bytes(2)]);
  });

  it("holds one chunk while there is no room, and asks for nothing more", () => {
    const { a, b } = open();
    b.room.push(2);
    a.deliver(bytes(1, 2, 3), bytes(4));
    const receives = a.receives;
    a.sink.readable();
    a.sink.readable();
    expect(a.receives).toBe(receives);
    expect(a.incoming).toEqual([bytes(4)]);
    b.admit(9, 9);
    expect(b.sent).toEqual([bytes(1, 2), bytes(3), bytes(4)]);
  });

  it("is not thrown off by sources that wake it from within their calls", () => {
    const { a, b } = open();
    a.within = () => a.sink.readable();
    b.within = () => {
      b.sink.writable();
      a.sink.readable();
    };
    b.room.push(1, 9, 9);
    a.incoming.push(bytes(1, 2), bytes(3));
    a.within = () => undefined;
    a.sink.readable();
    expect(b.sent).toEqual([bytes(1), bytes(2), bytes(3)]);
  });

  it("passes each end on as FIN and releases both when both have come", async () => {
    const { a, b, result } = open();
    b.room.push(9);
    a.deliver(bytes(1, 2), null);
    expect(b.calls).toEqual(["attach", "finish"]);
    expect(a.calls).toEqual(["attach"]);
    a.room.push(9);
    b.deliver(bytes(3), null);
    expect(await result).toEqual({ aToB: 2, bToA: 1, error: null });
    expect(a.calls).toEqual(["attach", "finish", "close"]);
    expect(b.calls).toEqual(["attach", "finish", "close"]);
  });

  it("passes a reset on once the bytes before it are acknowledged", async () => {
    const { a, b, result } = open();
    b.room.push(9);
    a.incoming.push(bytes(1, 2));
    b.unacknowledged = 2;
    const failure = a.fail();
    await turn();
    expect(b.sent).toEqual([bytes(1, 2)]);
    expect(b.calls).toEqual(["attach"]);
    b.unacknowledged = 0;
    b.sink.writable();
    const { error, aToB } = await result;
    expect(error).toMatchObject({ code: "ECONNRESET", cause: failure });
    expect(aToB).toBe(2);
    expect(b.calls[1]).toMatch(/^reset NetError/);
  });

  it("waits no longer than five seconds for that", async () => {
    const { a, b, result } = open();
    b.unacknowledged = 1;
    a.fail();
    await a.timers.pass(4_999);
    expect(b.calls).toEqual(["attach"]);
    await a.timers.pass(1);
    expect((await result).error?.code).toBe("ECONNRESET");
    expect(b.calls[1]).toMatch(/^reset NetError/);
    expect(a.timers.active).toBe(0);
  });

  it("does not let a peer without room hold a reset back for longer", async () => {
    const { a, b, result } = open();
    a.incoming.push(bytes(1, 2, 3));
    a.sink.readable();
    a.fail();
    await a.timers.pass(5_000);
    expect(await result).toMatchObject({ aToB: 0, error: { code: "ECONNRESET" } });
    expect(b.calls[1]).toMatch(/^reset NetError/);
  });

  it("delivers what a failed side had still sent before it resets the other", async () => {
    const { a, b, result } = open();
    b.incoming.push(bytes(7, 8));
    b.fail();
    a.admit(9);
    expect(a.sent).toEqual([bytes(7, 8)]);
    expect(await result).toMatchObject({ bToA: 2, error: { code: "ECONNRESET" } });
    expect(a.calls[1]).toMatch(/^reset NetError/);
  });

  it("resets the other side too when one side ends here", async () => {
    const a = new ScriptedSource();
    const b = new ScriptedSource();
    const stream = TcpStream.over(a);
    const result = pipe(stream, TcpStream.over(b));
    stream.abort("gone");
    expect((await result).error?.code).toBe("ECONNABORTED");
    expect(b.calls[1]).toMatch(/^reset/);
  });

  it("turns a bug of a network into an error of the pipe", async () => {
    const { a, b, result } = open();
    const bug = new RangeError("A bug");
    a.deliver(bug);
    await a.timers.pass(5_000);
    expect((await result).error).toMatchObject({ code: "EPROTO", cause: bug });
    expect(b.calls[1]).toMatch(/^reset/);
  });

  it("refuses streams that are locked or in use", async () => {
    const { client, server } = memoryStreams();
    const other = memoryStreams();
    const reader = client.readable.getReader();
    await expect(pipe(client, other.client)).rejects.toThrow(
      new TypeError("Cannot pipe: stream is locked by readable"),
    );
    reader.releaseLock();
    const read = server.read(new Uint8Array(1));
    await expect(pipe(server, other.client)).rejects.toThrow(
      new TypeError("Cannot pipe: a read or write is pending"),
    );
    void read;
    for (const stream of [server, client, other.client, other.server]) stream.abort();
    await expect(read).rejects.toMatchObject({ code: "ECONNABORTED" });
  });

  it("gives direct calls back when it is done", async () => {
    const [near, far] = [memoryStreams(), memoryStreams()];
    const result = pipe(near.server, far.client);
    await expect(near.server.read(new Uint8Array(1))).rejects.toThrow(
      new TypeError("Cannot read: stream is being piped"),
    );
    await expect(near.server.write(bytes(1))).rejects.toThrow(
      new TypeError("Cannot write: stream is being piped"),
    );
    await Promise.all([near.client.closeWrite(), far.server.closeWrite()]);
    await result;
    await expect(near.server.read(new Uint8Array(1))).rejects.toMatchObject({ code: "ERR_SOCKET_CLOSED" });
  });

  it("works through the public face on streams of another implementation", async () => {
    const [near, far] = [memoryStreams(), memoryStreams()];
    const result = pipe(foreign(near.server), foreign(far.client));
    await near.client.writeAll(bytes(1, 2, 3));
    await near.client.closeWrite();
    expect(await far.server.readToEnd()).toEqual(bytes(1, 2, 3));
    await far.server.writeAll(bytes(4));
    await far.server.closeWrite();
    expect(await near.client.readToEnd()).toEqual(bytes(4));
    expect(await result).toEqual({ aToB: 3, bToA: 1, error: null });
  });

  it("passes resets on between streams of another implementation", async () => {
    const [near, far] = [memoryStreams(), memoryStreams()];
    const result = pipe(foreign(near.server), foreign(far.client));
    near.client.abort();
    await expect(far.server.read(new Uint8Array(1))).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(NetError.is((await result).error, "ECONNRESET")).toBe(true);
  });

  it("rejects with the reason of its signal on streams of another implementation too", async () => {
    const [near, far] = [memoryStreams(), memoryStreams()];
    const controller = new AbortController();
    const result = pipe(foreign(near.server), foreign(far.client), { signal: controller.signal });
    controller.abort("enough");
    await expect(result).rejects.toBe("enough");
    await expect(near.client.read(new Uint8Array(1))).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

/** The same stream behind another object, as a copy of the package would make it. */
function foreign(stream: TcpStream): TcpStream {
  return new Proxy({} as TcpStream, {
    get: (_, name) => {
      const value: unknown = Reflect.get(stream, name, stream);
      return typeof value === "function" ? value.bind(stream) : value;
    },
  });
}
