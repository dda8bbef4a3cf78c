// The client process: one contender, and the measurements that run in it. Every byte that is counted was checked.

import type { BenchStream, Contender, ContenderName, Place } from "../contenders/contender.ts";
import { openDirect } from "../contenders/direct.ts";
import { openMux } from "../contenders/mux.ts";
import { openPipe } from "../contenders/pipe.ts";
import { openTunnel } from "../contenders/tunnel.ts";
import {
  ANSWER_LENGTH,
  BLOCK_LENGTH,
  Command,
  decodeCount,
  ENDLESS,
  encodeCommand,
  makeBlock,
  PatternCheck,
} from "../protocol.ts";
import { serveRole } from "../serving.ts";
import { type Latency, latencyOf } from "../statistics.ts";

export type Direction = "down" | "up";

/** The calls that the parent makes. */
export interface ClientRole {
  /** Opens what all streams share. */
  connect(place: Place): Promise<void>;
  disconnect(): void;
  /** Moves `bytes` in all over `streams` streams at once. */
  transfer(direction: Direction, bytes: number, streams: number): Promise<{ readonly seconds: number }>;
  /** Round trips of 64 bytes, one after the other. */
  ping(seconds: number): Promise<Latency>;
  /** A transfer without an end, until stopBulk(). */
  startBulk(direction: Direction): Promise<void>;
  /** Bytes that a bulk download has brought. */
  bulkBytes(): { readonly bytes: number };
  stopBulk(): void;
  /** Cuts what carries a running bulk download; from the next one's opening to its first byte. */
  resume(): Promise<{ readonly milliseconds: number }>;
  /** Opens streams, each for one byte from the server and its end. */
  opening(seconds: number, atOnce: number): Promise<{ readonly perSecond: number }>;
  /** Opens streams that stay, until disconnect(). */
  hold(count: number): Promise<void>;
}

const openers: Record<ContenderName, (place: Place) => Contender | Promise<Contender>> = {
  direct: openDirect,
  pipe: openPipe,
  mux: openMux,
  tunnel: openTunnel,
};

const block = makeBlock();
const now = (): number => performance.now() / 1_000;
let contender: Contender | null = null;
let held: BenchStream[] = [];
let bulk: { readonly stream: BenchStream; readonly check: PatternCheck; isOver: boolean } | null = null;

function open(): Promise<BenchStream> {
  if (contender === null) throw new Error("There is no connection yet");
  return contender.open();
}

async function download(stream: BenchStream, bytes: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const check = new PatternCheck();
    stream.onData = (chunk) => {
      try {
        check.take(chunk);
      } catch (error) {
        reject(error);
      }
      if (check.received > bytes) reject(new Error(`${check.received} bytes came instead of ${bytes}`));
      if (check.received === bytes) resolve();
    };
    stream.onEnd = () => reject(new Error(`The stream ended after ${check.received} of ${bytes} bytes`));
    void stream.send(encodeCommand(Command.download, bytes));
  });
  stream.close();
}

async function upload(stream: BenchStream, bytes: number): Promise<void> {
  const answered = answerOf(stream, ANSWER_LENGTH);
  await stream.send(encodeCommand(Command.upload, bytes));
  for (let left = bytes; left > 0; left -= block.length) {
    const room = stream.send(left < block.length ? block.subarray(0, left) : block);
    if (room !== null) await room;
  }
  const taken = decodeCount(await answered, 0);
  if (taken !== bytes) throw new Error(`The server took ${taken} bytes instead of ${bytes}`);
  stream.close();
}

/** The first bytes that come back. */
function answerOf(stream: BenchStream, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const answer = new Uint8Array(length);
    let filled = 0;
    stream.onData = (chunk) => {
      if (filled + chunk.length > length) {
        reject(new Error(`More than ${length} bytes came back`));
        return;
      }
      answer.set(chunk, filled);
      filled += chunk.length;
      if (filled === length) resolve(answer);
    };
    stream.onEnd = () => {
      if (filled < length) reject(new Error(`The stream ended after ${filled} of ${length} bytes`));
    };
  });
}

const PING_LENGTH = 64;

async function ping(seconds: number): Promise<Latency> {
  const stream = await open();
  const times: number[] = [];
  await stream.send(encodeCommand(Command.echo));
  await new Promise<void>((resolve, reject) => {
    const message = block.subarray(0, PING_LENGTH);
    const end = now() + seconds;
    let sentAt = 0;
    let missing = 0;
    const send = (): void => {
      missing = PING_LENGTH;
      sentAt = now();
      void stream.send(message);
    };
    stream.onData = (chunk) => {
      missing -= chunk.length;
      if (missing > 0) return;
      const arrivedAt = now();
      times.push(arrivedAt - sentAt);
      if (missing < 0) reject(new Error("More bytes came back than were sent"));
      else if (arrivedAt < end) send();
      else resolve();
    };
    stream.onEnd = () => reject(new Error("The stream ended between two pings"));
    send();
  });
  stream.close();
  return latencyOf(times);
}

async function openOnce(): Promise<void> {
  const stream = await open();
  await new Promise<void>((resolve, reject) => {
    let received = 0;
    stream.onData = (chunk) => {
      received += chunk.length;
    };
    stream.onEnd = () => {
      if (received === 1) resolve();
      else reject(new Error(`The stream ended after ${received} bytes instead of 1`));
    };
    void stream.send(encodeCommand(Command.once));
  });
  stream.close();
}

serveRole({
  async connect(place) {
    const name = process.argv[2] as ContenderName;
    contender = await openers[name](place);
  },

  disconnect() {
    for (const stream of held) stream.close();
    held = [];
    contender?.close();
    contender = null;
  },

  async transfer(direction, bytes, streams) {
    const each = Math.ceil(bytes / streams / BLOCK_LENGTH) * BLOCK_LENGTH;
    const move = direction === "down" ? download : upload;
    const opened = await Promise.all(Array.from({ length: streams }, open));
    const began = now();
    await Promise.all(opened.map((stream) => move(stream, each)));
    const seconds = now() - began;
    // For the bytes that were moved, when rounding up made them more than was asked for.
    return { seconds: seconds * (bytes / (each * streams)) };
  },

  ping,

  async startBulk(direction) {
    const stream = await open();
    const check = new PatternCheck();
    const running = { stream, check, isOver: false };
    bulk = running;
    stream.onData = (chunk) => check.take(chunk);
    await stream.send(encodeCommand(direction === "down" ? Command.download : Command.upload, ENDLESS));
    if (direction === "up") void sendUntilOver(running);
  },

  bulkBytes: () => ({ bytes: bulk?.check.received ?? 0 }),

  stopBulk() {
    if (bulk === null) return;
    bulk.isOver = true;
    bulk.stream.close();
    bulk = null;
  },

  async resume() {
    if (bulk === null || contender?.cut === undefined) throw new Error("There is no tunnel with a download");
    const { stream, check } = bulk;
    const openedAt = await contender.cut();
    return new Promise((resolve) => {
      stream.onData = (chunk) => {
        check.take(chunk);
        resolve({ milliseconds: performance.now() - openedAt });
      };
    });
  },

  async opening(seconds, atOnce) {
    const began = now();
    const end = began + seconds;
    let count = 0;
    const work = async (): Promise<void> => {
      while (now() < end) {
        await openOnce();
        count++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return { perSecond: count / (now() - began) };
  },

  async hold(count) {
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        const stream = await open();
        const answered = answerOf(stream, 1);
        await stream.send(encodeCommand(Command.idle));
        await answered;
        stream.onData = nothing;
        stream.onEnd = nothing;
        held.push(stream);
      }
    };
    await Promise.all(Array.from({ length: 64 }, work));
  },
} satisfies ClientRole);

async function sendUntilOver(running: { readonly stream: BenchStream; isOver: boolean }): Promise<void> {
  try {
    while (!running.isOver) {
      const room = running.stream.send(block);
      if (room !== null) await room;
    }
  } catch (error) {
    if (!running.isOver) throw error;
  }
}

const nothing = (): void => {};
