// A live tunnel and relay in virtual time, and somebody between them who changes, doubles, drops and invents frames, from
// the first message of the handshake on. What may come of it: the tunnel works, or it ends with a coded error; the relay
// goes on and serves others.

import {
  type ControlMessage,
  encodeControl,
  frameLength,
  type Link,
  memoryLinkPair,
} from "../../src/core/link/index.ts";
import { NetError } from "../../src/core/net/index.ts";
import { Random, SimClock } from "../../src/core/sim/index.ts";
import type { Bytes } from "../../src/core/wire/bytes.ts";
import { RelayCore } from "../../src/relay/relay-core.ts";
import { Tunnel } from "../../src/tunnel/index.ts";
import type { FuzzTarget } from "./target.ts";

export const controlTarget: FuzzTarget = {
  name: "control",
  about: "changed and invented frames between a live tunnel and its relay, from the handshake on",
  run: (seed) => runCase(new Random(`control ${seed}`)),
};

async function runCase(random: Random): Promise<number> {
  const clock = new SimClock();
  const fill = (into: Uint8Array<ArrayBuffer>): void => random.fill(into);
  const relay = new RelayCore(
    { allow: ["tcp:10.0.0.0/8:*"], publish: ["tcp:127.0.0.1:*"] },
    {
      clock,
      random: fill,
      ownAddresses: () => [],
      resolver: { resolve: async () => ["10.0.0.1"] },
      network: {
        connect: async (addr) => {
          throw new NetError("ECONNREFUSED", `Cannot connect to ${String(addr)}: nothing is there`);
        },
        bind: async (addr) => {
          throw new NetError("EADDRINUSE", `Cannot listen on ${String(addr)}: it is a simulation`);
        },
        close: async () => {},
        [Symbol.asyncDispose]: async () => {},
      },
    },
  );
  const meddler = new Meddler(random);
  const open = (name: string, meddled: boolean): Promise<Tunnel> =>
    Tunnel.open(
      {
        description: "memory",
        dial: async () => {
          const [near, far] = memoryLinkPair(clock);
          relay.accept(meddled ? meddler.between(far) : far, name);
          return meddled ? meddler.between(near) : near;
        },
      },
      { name, clock, random: fill, timeout: 5_000 },
    );
  await clock.drive(meddledTunnel(open, clock, random));
  meddler.stop();
  await clock.drive(goodTunnels(open));
  relay.end();
  await clock.driveUntil(clock.now() + 60_000_000);
  return meddler.frames;
}

/** Does what tunnels do; every failure must be a coded one. */
async function meddledTunnel(
  open: (name: string, meddled: boolean) => Promise<Tunnel>,
  clock: SimClock,
  random: Random,
): Promise<void> {
  const other = await open("other", false);
  const listener = await other.bind(":7");
  void (async () => {
    for await (const stream of listener) {
      void stream.readToEnd().then(
        () => stream.close(),
        () => {},
      );
    }
  })().catch(() => {});
  const tunnel = await coded(open("victim", true));
  if (tunnel !== null) {
    const work = [
      talk(tunnel, "other.peer:7"),
      talk(tunnel, "10.1.2.3:80"),
      talk(tunnel, "some.name:443"),
      coded(tunnel.bind(":80", { publish: ":8080", timeout: 20_000 })),
      coded(tunnel.bind(":81")),
    ];
    await Promise.all(work);
    await sleep(clock, random.integer(0, 3_000_000));
    await coded(tunnel.close());
    await tunnel.closed.catch(mustBeCoded);
  }
  await other.close();
}

async function talk(tunnel: Tunnel, to: string): Promise<void> {
  const stream = await coded(tunnel.connect(to, { timeout: 20_000 }));
  if (stream === null) return;
  await coded(stream.writeAll(new Uint8Array(20_000), { timeout: 20_000 }));
  await coded(stream.closeWrite());
  await coded(stream.readToEnd({ timeout: 20_000 }));
  await coded(stream.close());
}

/** Whom nobody meddles with. */
async function goodTunnels(open: (name: string, meddled: boolean) => Promise<Tunnel>): Promise<void> {
  const [a, b] = [await open("good-a", false), await open("good-b", false)];
  const listener = await b.bind(":7");
  const accepting = listener.accept();
  const stream = await a.connect("good-b.peer:7");
  const [peer] = await accepting;
  await stream.writeAll(new Uint8Array(5_000).fill(5));
  await stream.closeWrite();
  const bytes = await peer.readToEnd();
  if (bytes.length !== 5_000 || bytes.some((byte) => byte !== 5))
    throw new Error("Others are not served any more");
  await peer.close();
  await Promise.all([a.close(), b.close()]);
}

async function coded<Result>(work: Promise<Result>): Promise<Result | null> {
  try {
    return await work;
  } catch (error) {
    mustBeCoded(error);
    return null;
  }
}

function mustBeCoded(error: unknown): void {
  if (!NetError.is(error) || !/^[A-Z].*[^.]$/s.test(error.message)) throw error;
}

function sleep(clock: SimClock, time: number): Promise<void> {
  return new Promise((resolve) => clock.schedule(clock.now() + time, resolve));
}

class Meddler {
  frames = 0;
  private readonly random: Random;
  /** How often a frame is meddled with. */
  private readonly rate: number;
  private isActive = true;

  constructor(random: Random) {
    this.random = random;
    this.rate = random.pick([0.002, 0.02, 0.1, 0.4]);
  }

  stop(): void {
    this.isActive = false;
  }

  /** The link, what it sends meddled with. */
  between(link: Link): Link {
    return {
      framed: link.framed,
      get buffered() {
        return link.buffered;
      },
      description: link.description,
      start: (handler) => link.start(handler),
      send: (message) => link.send(this.isActive ? this.meddle(message) : message),
      close: (code, reason) => link.close(code, reason),
    };
  }

  private meddle(message: Bytes): Bytes {
    const { random } = this;
    const frames: Bytes[] = [];
    for (let at = 0; at < message.length; ) {
      const length = Math.max(1, frameLength(message, at, message.length));
      this.frames++;
      frames.push(...this.change(message.slice(at, at + length)));
      at += length;
    }
    if (random.chance(this.rate / 10)) frames.push(this.invented());
    const changed = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of frames) {
      changed.set(frame, at);
      at += frame.length;
    }
    return changed;
  }

  private change(frame: Bytes): Bytes[] {
    const { random } = this;
    if (!random.chance(this.rate)) return [frame];
    switch (random.integer(1, 6)) {
      case 1:
        return [];
      case 2:
        return [frame, frame.slice()];
      case 3:
        return [this.invented(), frame];
      case 4:
        return [frame.slice(0, random.integer(0, frame.length))];
      default: {
        for (let count = random.integer(1, 4); count > 0; count--) {
          const at = random.integer(0, frame.length - 1);
          frame[at] = random.chance(0.5) ? random.integer(0, 255) : frame[at] ^ (1 << random.integer(0, 7));
        }
        return [frame];
      }
    }
  }

  /** A control frame of a known or unknown type, with known keys and values that mean something, or not. */
  private invented(): Bytes {
    const { random } = this;
    const entries = Array.from({ length: random.integer(0, 12) }, () => [random.pick(KEYS), this.value(0)]);
    const message = Object.fromEntries(entries) as ControlMessage;
    const frame = encodeControl(random.integer(0, 45), message) as Bytes;
    // Nobody sends this key but an attacker: encoders stumble over it.
    for (let at = frame.indexOf(ZERO); at >= 0; at = frame.indexOf(ZERO, at + 1)) {
      if (frame[at - 1] === T && frame[at + 1] === UNDERSCORE) frame[at] = O;
    }
    return frame;
  }

  private value(depth: number): unknown {
    const { random } = this;
    switch (random.integer(1, depth < 3 ? 9 : 7)) {
      case 1:
        return random.integer(0, 50);
      case 2:
        return random.pick([0, -1, 1.5, 2 ** 31, 2 ** 48, 2 ** 53, Number.NaN, Number.MAX_VALUE]);
      case 3:
        return random.pick(TEXTS);
      case 4:
        return random.chance(0.5);
      case 5:
        return null;
      case 6: {
        const bytes = new Uint8Array(random.pick([0, 1, 16, 32, 300]));
        random.fill(bytes);
        return bytes;
      }
      case 7:
        return random.integer(0, 65_535);
      case 8:
        return Array.from({ length: random.integer(0, 4) }, () => this.value(depth + 1));
      default:
        return { [random.pick(KEYS)]: this.value(depth + 1) };
    }
  }
}

const KEYS = [
  "n id bytes control version nonce token name receiveCap session link generation attempt proof secret survived",
  "network subject address peers handles ipv4 gateway gatewayMtu gatewayChecksum peerMtu streams handleLimit",
  "publications links message code text retryAfter rule local port handle host peerHost peerPort state published",
  "reason after __prot0__ constructor",
]
  .join(" ")
  .split(" ");

const TEXTS = [
  "",
  "victim",
  "other",
  "fd00::1",
  "::",
  "10.0.0.1",
  "fd00::/64",
  "127.0.0.1:8080",
  "ECONNRESET",
  "ERR_LIMIT",
  "gone",
  "attached",
  "detached",
  "a".repeat(600),
  "\u0000\u202e",
];

const [ZERO, T, UNDERSCORE, O] = new TextEncoder().encode("0t_o");
