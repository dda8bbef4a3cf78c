// A tunnel outlives its WebSocket: over real WebSockets to a relay in this process, cut in every way.
import { createHash } from "node:crypto";
import net from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { webSocketDialer } from "../../src/adapters/websocket/index.ts";
import type { WebSocketConstructor } from "../../src/adapters/websocket/web-socket-like.ts";
import type { LinkDialer } from "../../src/core/link/index.ts";
import { NetError, type TcpStream } from "../../src/core/net/index.ts";
import { eachTestbed, failing, Relay, type Testbed, Tunnel, until, utf8 } from "../relay/testbed.ts";

let bed: Testbed;
eachTestbed((fresh) => {
  bed = fresh;
});

/** Ends a tunnel's WebSockets as a broken network does: neither side hears of it in words. */
function kill(tunnel: Tunnel): void {
  const { ports } = tunnel.driver as unknown as { readonly ports: readonly { readonly link: unknown }[] };
  for (const { link } of [...ports]) {
    (link as { readonly inner: { readonly socket: { terminate(): void } } }).inner.socket.terminate();
  }
}

function once(tunnel: Tunnel, name: "detached" | "resumed" | "attached"): Promise<Event> {
  return new Promise((resolve) => tunnel.addEventListener(name, (event) => resolve(event), { once: true }));
}

async function readExactly(stream: TcpStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const n = await stream.read(bytes.subarray(at));
    if (n === null) throw new Error(`The stream ended after ${at} of ${length} bytes`);
    at += n;
  }
  return bytes;
}

async function echoes(stream: TcpStream, text: string): Promise<void> {
  await stream.writeAll(utf8.encode(text));
  expect(utf8.decode(await readExactly(stream, text.length))).toBe(text);
}

describe("A tunnel whose WebSocket drops", () => {
  test("goes on with its streams, and says what happened", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const tunnel = await bed.tunnel(relay, { name: "alice" });
    const events: string[] = [];
    for (const name of ["statechange", "detached", "attached", "resumed", "closed"] as const) {
      tunnel.addEventListener(name, ({ state }) => events.push(`${name} ${state.phase}`));
    }
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    await echoes(stream, "before");
    for (let round = 0; round < 5; round++) {
      const resumed = once(tunnel, "resumed");
      kill(tunnel);
      const event = (await resumed) as Event & { outage: number; survived: boolean };
      expect(event.survived).toBe(true);
      expect(event.outage).toBeGreaterThanOrEqual(0);
      await echoes(stream, `after ${round}`);
    }
    expect(events.slice(0, 5)).toEqual([
      "statechange detached",
      "detached detached",
      "statechange open",
      "attached open",
      "resumed open",
    ]);
    expect(relay.counters).toMatchObject({ sessionsOpened: 1, linksResumed: 5, sessionsDetached: 5 });
    expect(relay.sessions).toMatchObject([{ name: "alice", links: 1, streams: 1 }]);
    await stream.close();
  });

  test("loses, doubles and reorders nothing, killed again and again in the middle of it", async () => {
    const size = 4 << 20;
    const port = await bed.server((socket) => socket.pipe(socket));
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const tunnel = await bed.tunnel(relay);
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    const data = new Uint8Array(size);
    for (let at = 0; at < size; at++) data[at] = (at * 31 + (at >>> 8) * 7 + (at >>> 16)) & 255;
    let isOver = false;
    const killer = (async () => {
      for (let kills = 0; !isOver; kills++) {
        await new Promise((resolve) => setTimeout(resolve, 15));
        kill(tunnel);
        if (kills > 400) return;
      }
    })();
    const [, back] = await Promise.all([stream.writeAll(data), readExactly(stream, size)]);
    isOver = true;
    await killer;
    const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    expect(hash(back)).toBe(hash(data));
    expect(relay.counters.linksResumed).toBeGreaterThan(2);
    await stream.close();
  });
});

describe("Between tunnels", () => {
  async function pair(
    relay: Relay,
  ): Promise<{ alice: Tunnel; bob: Tunnel; client: TcpStream; server: TcpStream }> {
    const alice = await bed.tunnel(relay, { name: "alice" });
    const bob = await bed.tunnel(relay, { name: "bob" });
    const listener = await bob.bind(":7000");
    const [client, [server]] = await Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    return { alice, bob, client, server };
  }

  test("the loss of either link, or of both, costs the stream nothing", async () => {
    const relay = await bed.relay();
    const { alice, bob, client, server } = await pair(relay);
    for (const cut of [[alice], [bob], [alice, bob]]) {
      for (const tunnel of cut) kill(tunnel);
      await client.writeAll(utf8.encode("forth"));
      await server.writeAll(utf8.encode("back"));
      expect(utf8.decode(await readExactly(server, 5))).toBe("forth");
      expect(utf8.decode(await readExactly(client, 4))).toBe("back");
    }
  });
});

describe("A restarted relay with the same key", () => {
  test("takes sessions back: streams between tunnels go on, those through the gateway end", async () => {
    const key = new Uint8Array(32).fill(7);
    const port = await bed.echo();
    const options = { key, allow: [`tcp:127.0.0.1:${port}`] };
    const first = await bed.relay(options);
    const addr = `${first.addr}`;
    const alice = await bed.tunnel(first, { name: "alice" });
    const bob = await bed.tunnel(first, { name: "bob" });
    const listener = await bob.bind(":7000", { publish: ":0" });
    const [client, [server]] = await Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    const outside = await alice.connect(`127.0.0.1:${port}`);
    await echoes(outside, "hello");
    const ended = failing(outside.read(new Uint8Array(1)));
    const back = Promise.all([once(alice, "resumed"), once(bob, "resumed")]);
    await first.drain({ spread: 10 });
    await client.writeAll(utf8.encode("across"));
    const second = await Relay.serve(addr, options);
    bed.onClose(() => second.close());
    expect((await ended).code).toBe("ECONNRESET");
    await back;
    expect(utf8.decode(await readExactly(server, 6))).toBe("across");
    await server.writeAll(utf8.encode("and back"));
    expect(utf8.decode(await readExactly(client, 8))).toBe("and back");
    expect(second.counters).toMatchObject({ sessionsReborn: 2, sessions: 2 });
    await echoes(await alice.connect(`127.0.0.1:${port}`), "again");
    const socket = net.connect(listener.published?.port ?? 0, "127.0.0.1");
    const [stream] = await listener.accept();
    socket.write("plain");
    expect(utf8.decode(await readExactly(stream, 5))).toBe("plain");
    socket.destroy();
  });
});

describe("Leases", () => {
  /** A dialer that the test can hold back. */
  function gated(relay: Relay): { readonly dialer: LinkDialer; isShut: boolean } {
    const inner = webSocketDialer(relay.url, { WebSocket: WebSocket as unknown as WebSocketConstructor });
    const gate = {
      isShut: false,
      dialer: {
        description: inner.description,
        dial: (options: { readonly signal: AbortSignal }) =>
          gate.isShut
            ? Promise.reject(new NetError("ECONNREFUSED", "Held back", { op: "connect" }))
            : inner.dial(options),
      },
    };
    return gate;
  }

  async function opened(limits: object = {}): Promise<{
    relay: Relay;
    tunnel: Tunnel;
    gate: { isShut: boolean };
  }> {
    const relay = await bed.relay({ limits });
    const gate = gated(relay);
    const tunnel = await Tunnel.open(gate.dialer, { name: "site" });
    bed.onClose(() => tunnel.close());
    return { relay, tunnel, gate };
  }

  test("a published port stays, and who dials it meanwhile waits and is served", async () => {
    const { relay, tunnel, gate } = await opened();
    const listener = await tunnel.bind(":80", { publish: ":0" });
    gate.isShut = true;
    kill(tunnel);
    await until("the relay knows", () => relay.counters.detached === 1);
    const socket = net.connect(listener.published?.port ?? 0, "127.0.0.1");
    socket.write("question");
    await until("it waits", () => relay.counters.publishedAccepted === 1);
    gate.isShut = false;
    const [stream] = await listener.accept();
    expect(utf8.decode(await readExactly(stream, 8))).toBe("question");
    expect(relay.counters).toMatchObject({ publishedFailed: 0, publishedLimited: 0 });
    socket.destroy();
  });

  test("those who wait are bounded in number and in time", async () => {
    const { relay, tunnel, gate } = await opened({ publishedPending: 2, detachedWait: 200 });
    const listener = await tunnel.bind(":80", { publish: ":0" });
    gate.isShut = true;
    kill(tunnel);
    await until("the relay knows", () => relay.counters.detached === 1);
    const sockets = [0, 1, 2].map(() => net.connect(listener.published?.port ?? 0, "127.0.0.1"));
    for (const socket of sockets) socket.on("error", () => {});
    await until("one is refused", () => relay.counters.publishedLimited === 1);
    await until("the others are too", () => relay.counters.publishedFailed === 2);
    expect(relay.counters.streams).toBe(0);
    for (const socket of sockets) socket.destroy();
    gate.isShut = false;
  });

  test("real connections of the gateway are reset when the session's time is over", async () => {
    const sockets: net.Socket[] = [];
    const port = await bed.server((socket) => sockets.push(socket));
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`], limits: { grace: 100 } });
    const gate = gated(relay);
    const tunnel = await Tunnel.open(gate.dialer);
    bed.onClose(() => tunnel.close());
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    await until("it is there", () => sockets.length === 1);
    const reset = new Promise((resolve) => sockets[0].on("error", resolve));
    sockets[0].resume();
    const listener = await tunnel.bind(":80", { publish: ":0" });
    gate.isShut = true;
    kill(tunnel);
    expect(((await reset) as NodeJS.ErrnoException).code).toBe("ECONNRESET");
    await until("it is over", () => relay.counters.sessions === 0 && relay.counters.streams === 0);
    const refused = net.connect(listener.published?.port ?? 0, "127.0.0.1");
    expect(await new Promise((resolve) => refused.on("error", resolve))).toMatchObject({
      code: "ECONNREFUSED",
    });
    gate.isShut = false;
    expect((await failing(stream.read(new Uint8Array(1)))).code).toBe("ERR_SESSION_EXPIRED");
  });
});

describe("tunnel.roam()", () => {
  test("opens the new link before it drops the old one", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const tunnel = await bed.tunnel(relay);
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    const events: string[] = [];
    tunnel.addEventListener("detached", () => events.push("detached"));
    tunnel.addEventListener("attached", () => events.push("attached"));
    await tunnel.roam();
    await echoes(stream, "on the new one");
    expect(events.at(-1)).toBe("attached");
    expect(relay.counters).toMatchObject({ linksResumed: 1, sessionsDetached: 0 });
  });
});

describe("A relay that goes for good", () => {
  const key = new Uint8Array(32).fill(7);

  /** What a tunnel says of its links. */
  function listen(tunnel: Tunnel): { readonly detached: string[]; readonly resumed: unknown[] } {
    const heard = { detached: [] as string[], resumed: [] as unknown[] };
    tunnel.addEventListener("detached", () => heard.detached.push(tunnel.name));
    tunnel.addEventListener("resumed", ({ outage, survived }) => heard.resumed.push({ outage, survived }));
    return heard;
  }

  test.each([1, 2])(
    "is left, by %i links, when the one that it names is there: no outage, streams go on",
    async (links) => {
      const port = await bed.echo();
      const options = { key, allow: [`tcp:127.0.0.1:${port}`] };
      const first = await bed.relay(options);
      const second = await bed.relay(options);
      const alice = await bed.tunnel(first, { name: "alice", links });
      const bob = await bed.tunnel(first, { name: "bob", links });
      await until(
        "all links are there",
        () => alice.info().links.length + bob.info().links.length === 2 * links,
      );
      const heard = [listen(alice), listen(bob)];
      const listener = await bob.bind(":7000");
      const [client, [server]] = await Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
      const outside = await alice.connect(`127.0.0.1:${port}`);
      await echoes(outside, "as long as the relay lives");
      const ended = failing(outside.read(new Uint8Array(1)));
      await Promise.all([
        once(alice, "resumed"),
        once(bob, "resumed"),
        first.drain({ spread: 50, alternates: ["no url", second.url] }),
      ]);
      expect([alice.url, bob.url]).toEqual([second.url, second.url]);
      // Both directions, and what was written before anything of it was known.
      await client.writeAll(utf8.encode("across"));
      expect(utf8.decode(await readExactly(server, 6))).toBe("across");
      await server.writeAll(utf8.encode("and back"));
      expect(utf8.decode(await readExactly(client, 8))).toBe("and back");
      expect((await ended).code).toBe("ECONNRESET");
      await echoes(await alice.connect(`127.0.0.1:${port}`), "by the new one");
      expect(second.counters).toMatchObject({ sessionsReborn: 2, sessions: 2 });
      expect(first.counters).toMatchObject({ sessions: 0, detached: 0 });
      for (const { detached, resumed } of heard) {
        expect(detached).toEqual([]);
        expect(resumed).toEqual([{ outage: 0, survived: false }]);
      }
      await until(
        "all links are there",
        () => alice.info().links.length + bob.info().links.length === 2 * links,
      );
    },
  );

  test("and names one that is not there is left all the same, and awaited", async () => {
    const first = await bed.relay({ key });
    const alice = await bed.tunnel(first, { name: "alice" });
    const heard = listen(alice);
    // Longer than the test may take: the alternate refuses, and nothing is to be gained by staying.
    await first.drain({ spread: 10, timeout: 300_000, alternates: ["ws://127.0.0.1:1/"] });
    expect(heard.detached).toEqual(["alice"]);
    const back = once(alice, "resumed");
    const again = await Relay.serve(`${first.addr}`, { key });
    bed.onClose(() => again.close());
    await back;
    expect(again.counters).toMatchObject({ sessionsReborn: 1 });
  });
});
