import { describe, expect, it } from "vitest";
import { NetError, TcpStream } from "../../../src/core/net/index.ts";
import { open, rejected } from "./open-stream.ts";
import { bytes, ScriptedSource } from "./scripted-source.ts";

describe("TcpStream endings", () => {
  it("close() stops reading, waits for queued writes, then releases", async () => {
    const { source, stream } = open();
    const reading = rejected(stream.read(new Uint8Array(1)));
    const writing = stream.writeAll(bytes(1, 2));
    const closing = stream.close();
    expect((await reading).code).toBe("ERR_SOCKET_CLOSED");
    expect(source.calls).toEqual(["attach"]);
    source.admit(2);
    await writing;
    expect(source.calls).toEqual(["attach", "close"]);
    source.sink.closed(null);
    await Promise.all([closing, stream.closed]);
  });

  it("close() after closeWrite() still releases, once", async () => {
    const { source, stream } = open();
    await stream.closeWrite();
    const closing = [stream.close(), stream.close()];
    source.sink.closed(null);
    await Promise.all([...closing, stream.close()]);
    expect(source.calls).toEqual(["attach", "finish", "close"]);
  });

  it("close() of a connection that is over releases it", async () => {
    const { source, stream } = open();
    source.deliver(bytes(1), null);
    source.sink.closed(null);
    await stream.closed;
    await stream.close();
    expect(source.calls).toEqual(["attach", "close"]);
  });

  it("close() resets when bytes were peeked at and not read, which the source cannot know", async () => {
    const { source, stream } = open();
    source.incoming.push(bytes(1));
    await stream.peek(new Uint8Array(1));
    const closing = stream.close();
    expect(source.calls).toEqual(["attach", "reset undefined"]);
    source.sink.closed(new NetError("ECONNABORTED", "Reset here"));
    await Promise.all([closing, stream.closed]);
  });

  it("close() goes on as long as the peer acknowledges something in every 30 seconds", async () => {
    const { source, stream } = open();
    source.unacknowledged = 1_000;
    let isClosed = false;
    const closing = stream.close().then(() => {
      isClosed = true;
    });
    for (let round = 0; round < 20; round++) {
      source.unacknowledged--;
      await source.timers.pass(29_000);
    }
    expect(isClosed).toBe(false);
    expect(source.calls).toEqual(["attach", "close"]);
    await source.timers.pass(60_000);
    await closing;
    expect(source.calls).toEqual(["attach", "close", "reset undefined"]);
    expect(await rejected(stream.closed)).toMatchObject({
      code: "ETIMEDOUT",
      message: "Connection to 10.0.0.2:80 failed: timed out",
    });
    expect(source.timers.active).toBe(0);
  });

  it("close({ timeout }) is absolute, and Infinity is none", async () => {
    const timed = open();
    const closing = timed.stream.close({ timeout: 100 });
    timed.source.unacknowledged = 5;
    await timed.source.timers.pass(99);
    expect(timed.source.calls).toEqual(["attach", "close"]);
    await timed.source.timers.pass(1);
    await closing;
    expect(timed.source.calls).toEqual(["attach", "close", "reset undefined"]);
    const endless = open();
    void endless.stream.close({ timeout: Number.POSITIVE_INFINITY });
    await endless.source.timers.pass(1e9);
    expect(endless.source.calls).toEqual(["attach", "close"]);
    expect(await rejected(endless.stream.close({ timeout: 0 }))).toBeInstanceOf(RangeError);
  });

  it("close() with a signal that has aborted resets at once", async () => {
    const { source, stream } = open();
    expect(await rejected(stream.close({ signal: AbortSignal.abort("now") }))).toBe("now");
    expect(source.calls).toEqual(["attach", "close", "reset now"]);
  });

  it("abort() passes its reason on and settles closed with it", async () => {
    const { source, stream } = open();
    const reason = new Error("broken");
    stream.abort(reason);
    expect(source.calls).toEqual(["attach", "reset Error: broken"]);
    source.sink.closed(null);
    expect(await rejected(stream.closed)).toMatchObject({
      code: "ECONNABORTED",
      message: "Connection to 10.0.0.2:80 failed: connection aborted",
      cause: reason,
    });
  });

  it("closed tells of a failure, with the network's own error as its cause", async () => {
    const { source, stream } = open();
    const cause = source.fail("EHOSTUNREACH");
    expect(await rejected(stream.closed)).toMatchObject({
      code: "EHOSTUNREACH",
      message: "Connection to 10.0.0.2:80 failed: host unreachable",
      localAddr: source.localAddr,
      peerAddr: source.peerAddr,
      cause,
    });
  });

  it("bytes that a failed connection left are read before its failure", async () => {
    const { source, stream } = open();
    source.incoming.push(bytes(1));
    source.fail();
    expect(await stream.readChunk()).toEqual(bytes(1));
    expect((await rejected(stream.readChunk())).code).toBe("ECONNRESET");
  });

  it("a source that is over and says nothing more ends its readers and writers", async () => {
    const { source, stream } = open();
    const read = stream.read(new Uint8Array(1));
    const write = rejected(stream.write(bytes(1)));
    source.sink.closed(null);
    expect(await read).toBe(null);
    expect(await write).toMatchObject({ code: "EPIPE", op: "write" });
  });

  it('shutdown("read") drops what comes until the end', async () => {
    const { source, stream } = open();
    await stream.shutdown("read");
    source.deliver(bytes(1), bytes(2));
    expect(source.incoming).toEqual([]);
    source.deliver(null);
    expect(await stream.read(new Uint8Array(1))).toBe(null);
    expect(stream.bytesRead).toBe(0);
  });

  it("passes options, ref and unref on", () => {
    const source = new ScriptedSource();
    const stream = TcpStream.over(source, { noDelay: false, keepAlive: { idle: 5_000 } });
    stream.setNoDelay().setKeepAlive().setKeepAlive(false).unref().ref();
    expect(stream.noDelay).toBe(true);
    expect(source.calls).toEqual([
      "attach",
      "noDelay false",
      'keepAlive {"idle":5000}',
      "noDelay true",
      "keepAlive {}",
      "keepAlive false",
      "unref",
      "ref",
    ]);
  });
});
