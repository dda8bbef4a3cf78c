import { describe, expect, it } from "vitest";
import { NetError } from "../../../src/core/net/index.ts";
import { open, rejected } from "./open-stream.ts";
import { bytes } from "./scripted-source.ts";
import { turn } from "./virtual-timers.ts";

describe("TcpStream writing", () => {
  it("write() gives what the source took, and waits only while that is nothing", async () => {
    const { source, stream } = open();
    source.room.push(2);
    expect(await stream.write(bytes(1, 2, 3))).toBe(2);
    let count: number | undefined;
    void stream.write(bytes(4, 5)).then((value) => {
      count = value;
    });
    await turn();
    expect(count).toBeUndefined();
    source.admit(1);
    await turn();
    expect(count).toBe(1);
    expect(source.sent).toEqual([bytes(1, 2), bytes(4)]);
    expect(stream.bytesWritten).toBe(3);
  });

  it("writeAll() goes on where a short count left it", async () => {
    const { source, stream } = open();
    source.room.push(2, 1);
    const writing = stream.writeAll(bytes(1, 2, 3, 4, 5));
    expect(source.sent).toEqual([bytes(1, 2), bytes(3)]);
    source.admit(9);
    await writing;
    expect(source.sent).toEqual([bytes(1, 2), bytes(3), bytes(4, 5)]);
  });

  it("a source that wakes its stream from within send() neither recurses nor stalls it", async () => {
    const { source, stream } = open();
    source.within = () => source.sink.writable();
    const first = stream.writeAll(bytes(1, 2));
    const second = stream.writeAll(bytes(3));
    source.within = () => {
      source.within = () => undefined;
      source.room.push(0, 1, 1, 1);
      source.sink.writable();
    };
    source.sink.writable();
    await Promise.all([first, second]);
    expect(source.sent).toEqual([bytes(1), bytes(2), bytes(3)]);
  });

  it("an aborted write lets the next one go on", async () => {
    const { source, stream } = open();
    const controller = new AbortController();
    const first = rejected(stream.writeAll(bytes(1, 2), { signal: controller.signal }));
    const second = stream.writeAll(bytes(3));
    source.admit(1);
    controller.abort("enough");
    expect(await first).toBe("enough");
    source.admit(1);
    await second;
    expect(source.sent).toEqual([bytes(1), bytes(3)]);
  });

  it("an abort of the only write before FIN lets FIN go", async () => {
    const { source, stream } = open();
    const controller = new AbortController();
    const writing = rejected(stream.writeAll(bytes(1), { signal: controller.signal }));
    const ending = stream.closeWrite();
    expect(source.calls).not.toContain("finish");
    controller.abort("enough");
    await Promise.all([writing, ending]);
    expect(source.calls).toContain("finish");
  });

  it("an aborted closeWrite still sends FIN behind what was queued", async () => {
    const { source, stream } = open();
    const controller = new AbortController();
    const writing = stream.writeAll(bytes(1));
    const ending = rejected(stream.closeWrite({ signal: controller.signal }));
    controller.abort("enough");
    expect(await ending).toBe("enough");
    expect(source.calls).not.toContain("finish");
    source.admit(1);
    await writing;
    expect(source.calls).toContain("finish");
  });

  it("FIN is sent once, however often it is asked for", async () => {
    const { source, stream } = open();
    await Promise.all([stream.closeWrite(), stream.shutdown(), stream.closeWrite()]);
    await stream.closeWrite();
    expect(source.calls.filter((call) => call === "finish")).toHaveLength(1);
  });

  it("flush() waits until nothing is unacknowledged", async () => {
    const { source, stream } = open();
    source.unacknowledged = 5;
    let isFlushed = false;
    const flushed = stream.flush().then(() => {
      isFlushed = true;
    });
    source.unacknowledged = 1;
    source.sink.writable();
    await turn();
    expect(isFlushed).toBe(false);
    source.unacknowledged = 0;
    source.sink.writable();
    await flushed;
  });

  it("tells each waiting write of a failure with its own bytesWritten", async () => {
    const { source, stream } = open();
    source.room.push(2);
    const first = rejected(stream.writeAll(bytes(1, 2, 3)));
    const second = rejected(stream.writeAll(bytes(4)));
    const flush = rejected(stream.flush());
    const cause = source.fail();
    for (const [work, bytesWritten] of [
      [first, 2],
      [second, 0],
      [flush, 0],
    ] as const) {
      expect(await work).toMatchObject({
        code: "ECONNRESET",
        op: "write",
        message: "Cannot write to 10.0.0.2:80: connection reset by peer",
        bytesWritten,
        cause,
      });
    }
  });

  it("tells a waiting write of the failure, though the source has told a reader and says EPIPE", async () => {
    const { source, stream } = open();
    source.room.push(1);
    const read = rejected(stream.read(new Uint8Array(1)));
    const write = rejected(stream.writeAll(bytes(1, 2)));
    source.within = () => {
      if (source.sendFailure !== null) source.sendFailure = new NetError("EPIPE", "It was told before");
    };
    source.fail("ERR_SESSION_EXPIRED");
    expect(await read).toMatchObject({ code: "ERR_SESSION_EXPIRED", op: "read" });
    expect(await write).toMatchObject({ code: "ERR_SESSION_EXPIRED", op: "write", bytesWritten: 1 });
  });

  it("pins the texts of writing", async () => {
    const { source, stream } = open();
    const timedOut = rejected(stream.writeAll(bytes(1), { timeout: 5 }));
    await source.timers.pass(5);
    expect((await timedOut).message).toBe("Cannot write to 10.0.0.2:80: timed out");
    await stream.closeWrite();
    expect((await rejected(stream.write(bytes(1)))).message).toBe(
      "Cannot write to 10.0.0.2:80: sending has ended",
    );
    stream.abort();
    expect((await rejected(stream.write(bytes(1)))).message).toBe(
      "Cannot write to 10.0.0.2:80: connection aborted",
    );
    expect((await rejected(stream.closeWrite())).message).toBe(
      "Cannot shut down the connection to 10.0.0.2:80: connection aborted",
    );
    const writer = open().stream.writable.getWriter();
    expect((await rejected(writer.write("text" as unknown as Uint8Array))).message).toBe(
      "Cannot write a value of type string: expected a Uint8Array",
    );
  });
});
