// Two stacks in one process, joined by a memory link through two drivers: the TCP itself, with no kernel in it.

import { unzeroed } from "../../src/adapters/node/unzeroed.ts";
import {
  Driver,
  type Link,
  memoryLinkPair,
  StackNetwork,
  systemClock,
  systemRandom,
} from "../../src/core/link/index.ts";
import type { TcpListener, TcpStream } from "../../src/core/net/index.ts";
import { defaultKeepAlive, Stack } from "../../src/core/stack/index.ts";
import { accelerateChecksums } from "../../src/core/wire/checksum.ts";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { allocateBy } from "../../src/core/wire/memory.ts";
import { Prefix } from "../../src/core/wire/prefix.ts";
import { BLOCK_LENGTH, makeBlock, PatternCheck } from "../protocol.ts";
import { serveRole } from "../serving.ts";
import { type Latency, latencyOf } from "../statistics.ts";

/**
 * small: MSS 1,448, checksums, as over raw IP. large: MSS 65,463 and no checksums, as between tunnel and relay.
 * idle: as small, with keepalive, so that every connection has a timer.
 */
export type PairKind = "small" | "large" | "idle";

/** The calls that the parent makes. */
export interface PairRole {
  open(kind: PairKind): Promise<{ readonly mss: number }>;
  close(): void;
  transfer(bytes: number, streams: number): Promise<{ readonly seconds: number }>;
  ping(seconds: number): Promise<Latency>;
  /** Connections opened, used for one byte and closed. */
  opening(seconds: number, atOnce: number): Promise<{ readonly perSecond: number }>;
  hold(count: number): Promise<void>;
  /** Does nothing for so long: what the stacks use meanwhile, and the timers of the runtime. */
  rest(seconds: number): Promise<{ readonly cpuSeconds: number; readonly timers: number }>;
}

interface Pair {
  readonly client: StackNetwork;
  readonly server: StackNetwork;
}

// As the root entry for Node does.
accelerateChecksums();
allocateBy(unzeroed);

const address = "10.0.0.2";
const block = makeBlock();
const now = (): number => performance.now() / 1_000;
let pair: Pair | null = null;
let held: TcpStream[] = [];
let nextPort = 1_000;

function host(text: string, kind: PairKind): { readonly network: StackNetwork; attach(link: Link): void } {
  const secret = new Uint8Array(32);
  systemRandom(secret);
  // A second of TIME-WAIT, as on the gateway's route: with a minute the ports would run out.
  const stack = new Stack({ secret, addresses: [IpAddress.parse(text)!], timeWait: 1_000_000 });
  const route = stack.addRoute(
    Prefix.parse("10.0.0.0/24")!,
    kind === "large"
      ? { reliable: true, checksum: false, mtu: 65_535 }
      : { reliable: false, checksum: true, mtu: 1_500, ...(kind === "idle" ? KEPT_ALIVE : {}) },
  );
  const driver = new Driver({ stack });
  return {
    network: new StackNetwork(driver),
    attach: (link) => void driver.attach(link, { routes: [route] }),
  };
}

function running(): Pair {
  if (pair === null) throw new Error("There are no stacks yet");
  return pair;
}

async function listen(): Promise<{ readonly listener: TcpListener; readonly target: string }> {
  const port = nextPort++;
  return { listener: await running().server.bind(`:${port}`), target: `${address}:${port}` };
}

async function connected(
  listener: TcpListener,
  target: string,
): Promise<readonly [near: TcpStream, far: TcpStream]> {
  const accepting = listener.accept();
  const near = await running().client.connect(target);
  const [far] = await accepting;
  return [near, far];
}

async function move(near: TcpStream, far: TcpStream, bytes: number): Promise<void> {
  const send = async (): Promise<void> => {
    for (let left = bytes; left > 0; left -= block.length) {
      await near.writeAll(left < block.length ? block.subarray(0, left) : block);
    }
    await near.closeWrite();
  };
  const take = async (): Promise<void> => {
    const check = new PatternCheck();
    for (;;) {
      const chunk = await far.readChunk();
      if (chunk === null) break;
      check.take(chunk);
    }
    if (check.received !== bytes) throw new Error(`${check.received} bytes came instead of ${bytes}`);
  };
  await Promise.all([send(), take()]);
  await Promise.all([near.close(), far.close()]);
}

async function echo(stream: TcpStream): Promise<void> {
  const buffer = new Uint8Array(4_096);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) break;
    await stream.writeAll(buffer.subarray(0, count));
  }
  await stream.close();
}

async function answerOnce(listener: TcpListener): Promise<void> {
  for await (const stream of listener.incoming()) {
    void (async () => {
      await stream.writeAll(ONE_BYTE);
      await stream.closeWrite();
      await stream.read(new Uint8Array(1));
      await stream.close();
    })();
  }
}

const ONE_BYTE = new Uint8Array(1);

serveRole({
  async open(kind) {
    const client = host("10.0.0.1", kind);
    const server = host(address, kind);
    const [near, far] = memoryLinkPair(systemClock);
    client.attach(near);
    server.attach(far);
    pair = { client: client.network, server: server.network };
    const { listener, target } = await listen();
    const [stream, accepted] = await connected(listener, target);
    const mss = stream.info().mss ?? 0;
    await Promise.all([stream.close(), accepted.close(), listener.close()]);
    return { mss: kind === "large" ? mss : mss - TIMESTAMPS };
  },

  close() {
    held = [];
    void running().client.close();
    void running().server.close();
    pair = null;
  },

  async transfer(bytes, streams) {
    const each = Math.ceil(bytes / streams / BLOCK_LENGTH) * BLOCK_LENGTH;
    const { listener, target } = await listen();
    const pairs: (readonly [TcpStream, TcpStream])[] = [];
    for (let i = 0; i < streams; i++) pairs.push(await connected(listener, target));
    const began = now();
    await Promise.all(pairs.map(([near, far]) => move(near, far, each)));
    const seconds = now() - began;
    await listener.close();
    return { seconds: seconds * (bytes / (each * streams)) };
  },

  async ping(seconds) {
    const { listener, target } = await listen();
    const [near, far] = await connected(listener, target);
    const echoing = echo(far);
    const message = block.slice(0, 64);
    const answer = new Uint8Array(64);
    const times: number[] = [];
    const end = now() + seconds;
    for (let sentAt = now(); sentAt < end; ) {
      await near.writeAll(message);
      await near.readExact(answer);
      const arrivedAt = now();
      times.push(arrivedAt - sentAt);
      sentAt = arrivedAt;
    }
    await near.close();
    await echoing;
    await listener.close();
    return latencyOf(times);
  },

  async opening(seconds, atOnce) {
    const { listener, target } = await listen();
    const serving = answerOnce(listener);
    const { client } = running();
    const began = now();
    const end = began + seconds;
    let count = 0;
    const work = async (): Promise<void> => {
      const buffer = new Uint8Array(1);
      while (now() < end) {
        const stream = await client.connect(target);
        if ((await stream.read(buffer)) !== 1) throw new Error("The one byte did not come");
        if ((await stream.read(buffer)) !== null) throw new Error("The stream did not end");
        await stream.close();
        count++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    const perSecond = count / (now() - began);
    await listener.close();
    await serving;
    return { perSecond };
  },

  async hold(count) {
    const { listener, target } = await listen();
    for (let i = 0; i < count; i++) {
      const [near, far] = await connected(listener, target);
      await far.writeAll(ONE_BYTE);
      if ((await near.read(new Uint8Array(1))) !== 1) throw new Error("The one byte did not come");
      held.push(near, far);
    }
  },

  async rest(seconds) {
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const { user, system } = process.cpuUsage(before);
    return { cpuSeconds: (user + system) / 1e6 / seconds, timers };
  },
} satisfies PairRole);

const KEPT_ALIVE = { tcp: { keepAlive: defaultKeepAlive } };

/** The option in every segment, which MSS counts (RFC 6691). */
const TIMESTAMPS = 12;
