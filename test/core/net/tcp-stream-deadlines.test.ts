import { describe, expect, it } from "vitest";
import { open, rejected } from "./open-stream.ts";
import { bytes } from "./scripted-source.ts";

describe("TcpStream deadlines", () => {
  it("keeps one timer for a direction, however many reads there are", async () => {
    const { source, stream } = open();
    stream.setReadTimeout(1_000);
    for (let round = 0; round < 100; round++) {
      const read = stream.readChunk();
      await source.timers.pass(5);
      source.deliver(bytes(round));
      await read;
    }
    expect(source.timers.timersSet).toBe(1);
    const last = rejected(stream.readChunk());
    await source.timers.pass(999);
    expect(source.timers.active).toBe(1);
    await source.timers.pass(1);
    expect((await last).code).toBe("ETIMEDOUT");
    expect(source.timers.active).toBe(0);
  });

  it("gives each read its own deadline, in whatever order they fall", async () => {
    const { source, stream } = open();
    const outcomes: string[] = [];
    for (const timeout of [300, 100, 200]) {
      void stream.readChunk({ timeout }).catch(() => outcomes.push(`${timeout} at ${source.timers.now()}`));
    }
    await source.timers.pass(1_000);
    expect(outcomes).toEqual(["100 at 100", "200 at 200", "300 at 300"]);
  });

  it("measures a timeout that is set later from when the read began", async () => {
    const { source, stream } = open();
    const read = rejected(stream.readChunk());
    await source.timers.pass(80);
    stream.setReadTimeout(100);
    await source.timers.pass(19);
    expect(source.timers.active).toBe(1);
    await source.timers.pass(1);
    expect((await read).code).toBe("ETIMEDOUT");
    const late = rejected(stream.readChunk());
    await source.timers.pass(50);
    stream.setReadTimeout(20);
    expect((await late).code).toBe("ETIMEDOUT");
  });

  it("a timed-out write that stood before another lets it go on", async () => {
    const { source, stream } = open();
    stream.setWriteTimeout(10);
    source.unacknowledged = 1;
    const first = rejected(stream.flush());
    const second = stream.writeAll(bytes(1), { timeout: 1_000 });
    source.room.push(1);
    await source.timers.pass(10);
    await second;
    expect((await first).code).toBe("ETIMEDOUT");
    expect(source.sent).toEqual([bytes(1)]);
  });

  it("gives its timers up when the connection is over, and at once when unref'd and idle", async () => {
    const { source, stream } = open();
    stream.setReadTimeout(1_000);
    const read = stream.readChunk();
    source.deliver(bytes(1));
    await read;
    expect(source.timers.active).toBe(1);
    stream.unref();
    expect(source.timers.active).toBe(0);
    const again = stream.readChunk();
    expect(source.timers.active).toBe(1);
    source.deliver(bytes(2));
    await again;
    expect(source.timers.active).toBe(0);
    stream.ref();
    void rejected(stream.readChunk());
    stream.abort();
    expect(source.timers.active).toBe(0);
  });
});
