// What the two stacks do with each other beyond bytes: options, closing in every way, resets, closed windows, keepalive.
// What they say is seen on the device.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TcpStream } from "../../src/core/net/index.ts";
import { judgeCapture } from "./judge-capture.ts";
import type { Running } from "./namespace.ts";
import { kernels, ours, Rig } from "./rig.ts";
import { readAll, sendAll } from "./stream-data.ts";
import { isAck, isFin, isRst, isSyn, type Seen } from "./watch.ts";

const peer = fileURLToPath(new URL("peer.mjs", import.meta.url));
const MEBIBYTE = 1 << 20;

let rig: Rig;
let port = 6_000;

/** Starts a role of peer.mjs on a port of its own. */
async function role(
  name: string,
  ...parameters: readonly string[]
): Promise<{ port: number; process: Running }> {
  const here = ++port;
  const process_ = rig.namespace.start(process.execPath, [peer, name, String(here), ...parameters]);
  await process_.until(/ready/);
  return { port: here, process: process_ };
}

async function connectTo(name: string, ...parameters: readonly string[]): Promise<[TcpStream, Running]> {
  const { port: there, process: process_ } = await role(name, ...parameters);
  return [await rig.network.connect(`${kernels.v4}:${there}`), process_];
}

/** What was seen of the connection with this port at the kernel's end. */
function seen(): Seen[] {
  return rig.seen.filter((segment) => segment.kernelPort === port);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let patience = 0; patience < 1_000; patience++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`It never came to be that ${what}`);
}

describe("This stack and the kernel's", () => {
  beforeAll(async () => {
    rig = await Rig.create({ watch: true, capture: "behaviour", tcp: { finWait2: 5_000_000 } });
  });
  afterAll(() => rig.close());

  it("agree on window scaling, timestamps, SACK and the segment size, whoever dials (RFC 7323, 2018, 6691)", async () => {
    const agreed = { windowScale: expect.any(Number), hasTimestamps: true, sackPermitted: true, mss: 1_460 };
    const [stream] = await connectTo("echo");
    expect(seen().filter(isSyn)).toEqual([expect.objectContaining(agreed), expect.objectContaining(agreed)]);
    expect(stream.info().options).toMatchObject({ timestamps: true, sack: true });
    await stream.close();

    const listener = await rig.network.bind(":7001");
    const dial = rig.namespace.start(process.execPath, [peer, "dial", ours.v4, "7001", "1000"]);
    const [accepted] = await listener.accept();
    const { port: from } = accepted.peerAddr;
    const syns = rig.seen.filter((segment) => segment.kernelPort === from && isSyn(segment));
    expect(syns).toEqual([expect.objectContaining(agreed), expect.objectContaining(agreed)]);
    await readAll(accepted);
    await accepted.close();
    await dial.over;
    listener.close();
  });

  it("go on in one direction when the other is closed, either way (RFC 9293 §3.6)", async () => {
    const [first, source] = await connectTo("source", String(MEBIBYTE));
    await first.closeWrite();
    expect(await readAll(first)).toBe((await source.until(/\d+ [0-9a-f]{64}/))[0]);
    await first.close();

    const [second] = await connectTo("greet");
    expect(new TextDecoder().decode(await second.readToEnd())).toBe("greetings\n");
    const sent = await sendAll(second, MEBIBYTE);
    const [sink] = await connectTo("sink");
    const again = await sendAll(sink, MEBIBYTE);
    expect(new TextDecoder().decode(await sink.readToEnd())).toBe(again);
    expect(sent).toBe(again);
    await Promise.all([second.close(), sink.close()]);
  });

  it("reset each other: ECONNRESET, and nothing follows (RFC 9293 §3.5.2)", async () => {
    const [stream] = await connectTo("reset");
    await stream.writeAll(new Uint8Array(10));
    await expect(stream.readToEnd()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(seen().filter((segment) => isRst(segment) && segment.direction === "in")).toHaveLength(1);

    const [aborted, echo] = await connectTo("echo");
    await aborted.writeAll(new Uint8Array(10));
    await aborted.read(new Uint8Array(10));
    aborted.abort();
    expect((await echo.until(/error \w+/))[0]).toBe("error ECONNRESET");
    expect(seen().filter(isRst)).toHaveLength(1);
  });

  it("refuse each other's connections to ports nobody listens on", async () => {
    await expect(rig.network.connect(`${kernels.v4}:9`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(rig.network.connect(`[${kernels.v6}]:9`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const dial = rig.namespace.start(process.execPath, [peer, "dial", ours.v6, "9", "1000"]);
    expect((await dial.until(/error \w+/))[0]).toBe("error ECONNREFUSED");
  });

  it("wait at a closed window and go on when it opens, either way (RFC 9293 §3.8.6.1)", async () => {
    const [up, stalled] = await connectTo("stall", "1500");
    const sent = await sendAll(up, 32 * MEBIBYTE);
    expect((await stalled.until(/\d+ [0-9a-f]{64}/))[0]).toBe(sent);
    const closed = seen().filter(
      (segment) => segment.direction === "in" && segment.window === 0 && !isRst(segment),
    );
    expect(closed.length).toBeGreaterThan(0);
    await up.close();

    const { port: there, process: source } = await role("source", String(4 * MEBIBYTE));
    const down = await rig.network.connect(`${kernels.v4}:${there}`, { readBufferSize: 65_536 });
    await until("our window is closed and the kernel asks", () => {
      const shut = seen().filter(
        (segment) => segment.direction === "out" && segment.window === 0 && isAck(segment),
      );
      return shut.length >= 2;
    });
    expect(await readAll(down)).toBe((await source.until(/\d+ [0-9a-f]{64}/))[0]);
    await down.close();
  });

  it("answer each other's keepalive (RFC 9293 §3.8.4)", async () => {
    const { port: there } = await role("echo");
    const stream = await rig.network.connect(`${kernels.v4}:${there}`, {
      keepAlive: { idle: 200, interval: 200, count: 3 },
    });
    const probes = (direction: "in" | "out"): number => {
      const acks = seen().filter((segment) => segment.direction === direction && segment.flags === 16);
      return acks.filter((segment, at) => at > 0 && segment.length === 0).length;
    };
    await until(
      "it has asked more often than may go unanswered",
      () => probes("out") >= 6 && probes("in") >= 5,
    );
    expect(stream.info().state).toBe("ESTABLISHED");
    await stream.close();

    const [asked] = await connectTo("keepalive", "1000");
    await until("the kernel has asked", () => probes("in") >= 1 && probes("out") >= 1);
    await asked.writeAll(new TextEncoder().encode("alive"));
    const answer = new Uint8Array(5);
    await asked.readExact(answer);
    expect(new TextDecoder().decode(answer)).toBe("alive");
    await asked.close();
  });

  it("are found well formed by tshark, checksums included", async (context) => {
    const judged = await judgeCapture("behaviour.pcapng", true);
    if (judged === null) context.skip("tshark is not installed");
    else expect(judged).toEqual([]);
  });
});

describe("This stack and the kernel's, 200 ms apart", () => {
  beforeAll(async () => {
    rig = await Rig.create({ watch: true, path: { delay: 100_000 } });
  });
  afterAll(() => rig.close());

  it("close at the same moment: both go through CLOSING (RFC 9293 §3.6, figure 13)", async () => {
    for (let attempt = 0; ; attempt++) {
      // It closes half a way after it was reached; we when that is half a way from us.
      const [stream] = await connectTo("bye", "150");
      await new Promise((resolve) => setTimeout(resolve, 200));
      await stream.closeWrite();
      expect(await stream.readToEnd()).toHaveLength(0);
      const fins = seen().filter(isFin);
      const [mine, theirs] = [fins.find(isOut), fins.find((segment) => !isOut(segment))];
      if (mine === undefined || theirs === undefined) throw new Error("There were no two FINs");
      const haveCrossed = mine.seq === theirs.ack && theirs.seq === mine.ack;
      // A machine that is busy may be late.
      if (!haveCrossed && attempt < 5) continue;
      expect(haveCrossed).toBe(true);
      await stream.close();
      await until("both FINs are acknowledged", () => {
        const acked = (fin: Seen): boolean =>
          seen().some(
            (segment) => segment.direction !== fin.direction && segment.ack === (fin.seq + 1) >>> 0,
          );
        return acked(mine) && acked(theirs);
      });
      return;
    }
  });
});

describe("This stack and the kernel's, over a path that loses", () => {
  beforeAll(async () => {
    rig = await Rig.create({ watch: true, path: { delay: 2_000, loss: 0.02 }, seed: 7 });
  });
  afterAll(() => rig.close());

  it("tell each other what arrived behind a gap: SACK, both ways (RFC 2018)", async () => {
    const [up] = await connectTo("sink");
    const sent = await sendAll(up, 2 * MEBIBYTE);
    expect(new TextDecoder().decode(await up.readToEnd())).toBe(sent);
    expect(seen().some((segment) => segment.direction === "in" && segment.sackCount > 0)).toBe(true);
    await up.close();
    const [down, source] = await connectTo("source", String(2 * MEBIBYTE));
    expect(await readAll(down)).toBe((await source.until(/\d+ [0-9a-f]{64}/))[0]);
    expect(seen().some((segment) => segment.direction === "out" && segment.sackCount > 0)).toBe(true);
    await down.close();
  });
});

function isOut(segment: Seen): boolean {
  return segment.direction === "out";
}
