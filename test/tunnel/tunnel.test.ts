// The tunnel's client over real WebSockets to a relay in this process: opening, connecting, publishing, ending.
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { NetError, TcpStream } from "../../src/core/net/index.ts";
import { RawClient } from "../relay/raw-client.ts";
import { eachTestbed, failing, type Relay, type Testbed, Tunnel, until, utf8 } from "../relay/testbed.ts";

let bed: Testbed;
eachTestbed((fresh) => {
  bed = fresh;
});

describe("Tunnel.open", () => {
  test("gives name, address, state and figures", async () => {
    const relay = await bed.relay();
    const tunnel = await bed.tunnel(relay, { name: "Alice" });
    expect(tunnel.name).toBe("alice");
    expect(tunnel.address).toMatch(/^fd/);
    expect(tunnel.url).toBe(relay.url);
    expect(tunnel.state).toEqual({ phase: "open", error: null, links: [{ id: 0, description: relay.url }] });
    expect(Object.isFrozen(tunnel.state)).toBe(true);
    expect(tunnel.info()).toMatchObject({
      network: "fourtuple",
      subject: "anonymous",
      limits: { publications: 64 },
    });
    expect(relay.sessions).toMatchObject([{ name: "alice", address: tunnel.address, streams: 0 }]);
  });

  test("without a name gets one that no other has", async () => {
    const relay = await bed.relay();
    const [a, b] = [await bed.tunnel(relay), await bed.tunnel(relay)];
    expect(a.name).toMatch(/^t-[0-9a-f]{20}$/);
    expect(b.name).not.toBe(a.name);
  });

  test("tries several URLs in order", async () => {
    const relay = await bed.relay();
    const tunnel = await Tunnel.open(["ws://127.0.0.1:1/", relay.url]);
    bed.onClose(() => tunnel.close());
    expect(tunnel.url).toBe(relay.url);
  });

  test("where no relay is fails with ECONNREFUSED and says what to do", async () => {
    const error = await failing(Tunnel.open("ws://127.0.0.1:1/"));
    expect(error.code).toBe("ECONNREFUSED");
    expect(error.message).toContain("is the relay running");
  });

  test("where another server is fails with one code", async () => {
    const plain = http.createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(plain, "listening");
    bed.onClose(async () => {
      plain.close();
      plain.closeAllConnections();
      await once(plain, "close");
    });
    expect((await failing(Tunnel.open(`ws://127.0.0.1:${portOf(plain)}/`))).code).toBe("ECONNREFUSED");
    const chat = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => {});
    chat.on("connection", (socket) => socket.send(new Uint8Array([1, 2, 3])));
    await once(chat, "listening");
    bed.onClose(async () => {
      for (const client of chat.clients) client.terminate();
      chat.close();
      await once(chat, "close");
    });
    expect((await failing(Tunnel.open(`ws://127.0.0.1:${portOf(chat)}/`))).code).toBe("EPROTO");
    const relay = await bed.relay({ path: "/tunnel" });
    expect((await failing(Tunnel.open(relay.url.replace("/tunnel", "/")))).code).toBe("ECONNREFUSED");
    await bed.tunnel(relay);
  });

  test("with a server that never answers times out, and an abort rejects with its reason", async () => {
    const silent = await bed.server(() => {});
    const url = `ws://127.0.0.1:${silent}/`;
    expect((await failing(Tunnel.open(url, { timeout: 50 }))).code).toBe("ETIMEDOUT");
    const controller = new AbortController();
    const attempt = Tunnel.open(url, { signal: controller.signal });
    setTimeout(() => controller.abort("enough"), 10);
    await expect(attempt).rejects.toBe("enough");
    await expect(Tunnel.open(url, { signal: AbortSignal.abort("before") })).rejects.toBe("before");
  });

  test("rejects arguments that cannot be meant", async () => {
    for (const [target, options] of [
      ["not a url", {}],
      ["ftp://relay.example/", {}],
      ["ws://user:secret@127.0.0.1/", {}],
      [[], {}],
      ["ws://127.0.0.1:1/", { name: "Bob!" }],
    ] as const) {
      await expect(Tunnel.open(target as string, options)).rejects.toThrow(TypeError);
    }
    await expect(Tunnel.open("ws://127.0.0.1:1/", { timeout: 0 })).rejects.toThrow(RangeError);
    await expect(Tunnel.open("ws://127.0.0.1:1/", { links: 0 })).rejects.toThrow(RangeError);
  });
});

describe("Through the gateway", () => {
  test("an address and a name reach the same server, and the stream tells the real peer", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const tunnel = await bed.tunnel(relay);
    for (const host of ["127.0.0.1", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]", "127.1"]) {
      const stream = await tunnel.connect(`${host}:${port}`);
      expect(`${stream.peerAddr}`).toBe(`127.0.0.1:${port}`);
      expect(stream.localAddr.hostname).toBe(tunnel.address);
      expect(stream.peer).toBeUndefined();
      expect(await exchange(stream, "hello")).toBe("hello");
    }
    expect(relay.counters).toMatchObject({ dials: 5, dialsOpened: 5, dialsFailed: 0 });
    await until("no stream is left", () => relay.counters.streams === 0);
    expect(relay.counters).toMatchObject({ bytesFromTunnels: 25, bytesToTunnels: 25 });
  });

  test("what goes wrong has one code, which the error of connect carries", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({
      allow: ["tcp:127.0.0.1:*", "tcp:*.invalid:80"],
      limits: { dialTime: 2_000 },
    });
    const tunnel = await bed.tunnel(relay);
    expect((await failing(tunnel.connect("127.0.0.1:1"))).message).toBe(
      "Cannot connect to 127.0.0.1:1: connection refused",
    );
    expect((await failing(tunnel.connect("nothing.invalid:80"))).code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
    const denied = await failing(tunnel.connect(`10.0.0.1:${port}`));
    expect(denied).toMatchObject({ code: "ERR_DENIED", rule: "private", op: "connect", address: "10.0.0.1" });
    expect((await failing(tunnel.connect("fe80::1%eth0".replace(/^(.*)$/, "[$1]:80")))).code).toBe("EINVAL");
    expect(relay.counters).toMatchObject({ dialsFailed: 2, dialsDenied: 1 });
  });

  test("limits are told with ERR_LIMIT and when to try again", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`], limits: { streams: 2 } });
    const tunnel = await bed.tunnel(relay);
    const kept = [await tunnel.connect(`127.0.0.1:${port}`), await tunnel.connect(`127.0.0.1:${port}`)];
    const error = await failing(tunnel.connect(`127.0.0.1:${port}`));
    expect(error).toMatchObject({ code: "ERR_LIMIT", retryAfter: 1_000 });
    for (const stream of kept) await stream.close();
    await until("both are gone", () => relay.counters.streams === 0);
    expect(await exchange(await tunnel.connect(`127.0.0.1:${port}`), "again")).toBe("again");
    expect(relay.counters.dialsLimited).toBe(1);
  });

  test("a rate of connects is a limit too", async () => {
    const port = await bed.echo();
    const limits = { connectRate: 0.001, connectBurst: 2 };
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`], limits });
    const tunnel = await bed.tunnel(relay);
    await tunnel.connect(`127.0.0.1:${port}`);
    await tunnel.connect(`127.0.0.1:${port}`);
    const error = await failing(tunnel.connect(`127.0.0.1:${port}`));
    expect(error.code).toBe("ERR_LIMIT");
    expect(error.retryAfter).toBeGreaterThan(1_000);
  });

  test("an abort while the relay dials gives the relay's attempt up", async () => {
    const relay = await bed.relay({
      allow: ["tcp:slow.example:80"],
      // Never answers: the dial stays open until it is given up.
      authorize: () => new Promise(() => {}),
    });
    const tunnel = await bed.tunnel(relay);
    const controller = new AbortController();
    const attempt = tunnel.connect("slow.example:80", { signal: controller.signal });
    await until("the relay dials", () => relay.counters.dials === 1);
    expect(relay.counters.streams).toBe(1);
    controller.abort("enough");
    await expect(attempt).rejects.toBe("enough");
    await until("it is given up", () => relay.counters.dialsCancelled === 1);
    expect(relay.counters.streams).toBe(0);
  });

  test("the owner's hook may refuse, and one that fails refuses", async () => {
    const port = await bed.echo();
    const asked: string[] = [];
    const relay = await bed.relay({
      allow: ["tcp:127.0.0.1:*"],
      authorize: (principal, action) => {
        asked.push(`${principal.subject} ${action.kind}`);
        if (action.kind === "connect" && action.port === 1) throw new Error("broken");
        return { allowed: false, rule: "my-rule", text: "not today" };
      },
    });
    const tunnel = await bed.tunnel(relay);
    expect(await failing(tunnel.connect(`127.0.0.1:${port}`))).toMatchObject({
      code: "ERR_DENIED",
      rule: "my-rule",
      message: expect.stringContaining("not today"),
    });
    expect(await failing(tunnel.connect("127.0.0.1:1"))).toMatchObject({
      code: "ERR_DENIED",
      rule: "authorize",
    });
    expect(asked).toEqual(["anonymous connect", "anonymous connect"]);
  });

  test("a reset at either end is a reset at the other", async () => {
    const sockets: net.Socket[] = [];
    const port = await bed.server((socket) => sockets.push(socket));
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const tunnel = await bed.tunnel(relay);
    const first = await tunnel.connect(`127.0.0.1:${port}`);
    await until("it is there", () => sockets.length === 1);
    sockets[0].resetAndDestroy();
    expect((await failing(first.read(new Uint8Array(1)))).code).toBe("ECONNRESET");
    const second = await tunnel.connect(`127.0.0.1:${port}`);
    await until("it is there", () => sockets.length === 2);
    const error = once(sockets[1], "error") as Promise<[NodeJS.ErrnoException]>;
    sockets[1].resume();
    second.abort();
    expect((await error)[0].code).toBe("ECONNRESET");
  });
});

describe("Between tunnels", () => {
  test("a listener learns from the relay who dials", async () => {
    const tokens = [
      { token: "the-token-of-ann-1", subject: "ann" },
      { token: "the-token-of-ben-1", subject: "ben" },
    ];
    const relay = await bed.relay({ tokens });
    const alice = await bed.tunnel(relay, { token: tokens[0].token, name: "alice" });
    const bob = await bed.tunnel(relay, { token: tokens[1].token, name: "bob" });
    const listener = await bob.bind(":7000");
    expect(`${listener.localAddr}`).toBe(`[${bob.address}]:7000`);
    const [client, [server, from]] = await Promise.all([alice.connect("Bob.peer:7000"), listener.accept()]);
    expect(server.peer).toMatchObject({ name: "alice", subject: "ann" });
    expect(`${from}`).toBe(`${client.localAddr}`);
    await Promise.all([
      exchange(client, "from alice").then((text) => expect(text).toBe("from bob")),
      exchange(server, "from bob").then((text) => expect(text).toBe("from alice")),
    ]);
    expect(relay.counters.peerPackets).toBeGreaterThan(5);
    expect(relay.counters.dials).toBe(0);
  });

  test("a tunnel reaches itself", async () => {
    const relay = await bed.relay();
    const tunnel = await bed.tunnel(relay, { name: "alone" });
    const listener = await tunnel.bind(":7000");
    const [client, [server]] = await Promise.all([tunnel.connect("alone.peer:7000"), listener.accept()]);
    await Promise.all([exchange(client, "a"), exchange(server, "b")]);
    const again = listener.accept();
    await (await tunnel.connect(":7000")).close();
    await (await again)[0].close();
  });

  test("who is not there, or listens not, refuses at once", async () => {
    const relay = await bed.relay();
    const alice = await bed.tunnel(relay, { name: "alice" });
    await bed.tunnel(relay, { name: "bob" });
    expect((await failing(alice.connect("carol.peer:80"))).code).toBe("EHOSTUNREACH");
    expect(await failing(alice.connect("bob.peer:80"))).toMatchObject({
      code: "ECONNREFUSED",
      message: "Cannot connect to bob.peer:80: connection refused",
    });
    expect((await failing(alice.connect("no_name.peer:80"))).code).toBe("EINVAL");
    expect(relay.counters.peerUnknown).toBe(1);
  });

  test("rules and the hook say who may dial whom", async () => {
    const token = "a-token-of-some-length";
    const relay = await bed.relay({
      tokens: [
        { token, subject: "ann" },
        { token: `${token}2`, subject: "ben", peers: ["peer:b*:80"] },
      ],
      peers: ["peer:bob:7000"],
    });
    const alice = await bed.tunnel(relay, { token, name: "alice" });
    const bob = await bed.tunnel(relay, { token: `${token}2`, name: "bob" });
    const listener = await bob.bind(":7000");
    const [client] = await Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    await client.close();
    expect(await failing(alice.connect("bob.peer:7001"))).toMatchObject({
      code: "ERR_DENIED",
      rule: "peers",
    });
    expect(await failing(bob.connect("alice.peer:7000"))).toMatchObject({ code: "ERR_DENIED" });
    expect((await failing(bob.connect("bob.peer:80"))).code).toBe("ECONNREFUSED");
    expect(relay.counters.peerDenied).toBe(2);
  });

  test("errors name what was dialled, not the address behind it", async () => {
    const relay = await bed.relay();
    const alice = await bed.tunnel(relay, { name: "alice" });
    const bob = await bed.tunnel(relay, { name: "bob" });
    const listener = await bob.bind(":7000");
    const [client, [server]] = await Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    expect(`${client.peerAddr}`).toBe("bob.peer:7000");
    const read = failing(client.read(new Uint8Array(1)));
    server.abort();
    expect(await read).toMatchObject({
      code: "ECONNRESET",
      message: "Cannot read from bob.peer:7000: connection reset by peer",
    });
    expect((await failing(alice.connect("carol.peer:80"))).message).toMatch(
      /^Cannot connect to carol\.peer:80: /,
    );
    // Without a host there is no name to tell.
    expect((await failing(alice.connect(":81"))).message).toMatch(/^Cannot connect to \[fd[0-9a-f:]+\]:81: /);
  });

  test("a hook that takes its time holds the SYN, and the connection comes", async () => {
    const relay = await bed.relay({
      authorize: async (_principal, action) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return { allowed: action.kind !== "peer" || action.port === 7000, rule: "hook", text: "no" };
      },
    });
    const alice = await bed.tunnel(relay, { name: "alice" });
    const bob = await bed.tunnel(relay, { name: "bob" });
    const listener = await bob.bind(":7000");
    const [client, [server]] = await Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    expect(server.peer?.name).toBe("alice");
    await client.close();
    expect((await failing(alice.connect("bob.peer:7001"))).code).toBe("ERR_DENIED");
  });

  test("the end of one is told to those it talked with", async () => {
    const relay = await bed.relay();
    const alice = await bed.tunnel(relay, { name: "alice" });
    const bob = await Tunnel.open(relay.url, { name: "bob" });
    const listener = await bob.bind(":7000");
    const [client] = await Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    const read = failing(client.read(new Uint8Array(1)));
    // Its streams are not closed: another tunnel takes its name.
    const next = await bed.tunnel(relay, { name: "bob" });
    expect((await read).code).toBe("ECONNRESET");
    await expect(bob.closed).rejects.toMatchObject({ code: "ERR_NAME_TAKEN" });
    expect(next.address).toBe(bob.address);
  });
});

describe("Publishing", () => {
  test("a listener is reached by plain TCP, and knows who really dials", async () => {
    const relay = await bed.relay();
    const tunnel = await bed.tunnel(relay, { name: "site" });
    const listener = await tunnel.bind(":80", { publish: ":0" });
    expect(listener.published?.hostname).toBe("127.0.0.1");
    const socket = net.connect({
      port: listener.published?.port ?? 0,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    const [stream, from] = await listener.accept();
    expect(`${from}`).toBe(`127.0.0.1:${socket.localPort}`);
    expect(stream.peer).toMatchObject({ name: undefined, subject: undefined });
    socket.end("question");
    expect(utf8.decode(await stream.readToEnd())).toBe("question");
    await stream.writeAll(utf8.encode("answer"));
    await stream.close();
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toBe("answer");
    await once(socket, "close");
    await until("no stream is left", () => relay.counters.streams === 0);
    expect(relay.counters).toMatchObject({ publications: 1, publishedAccepted: 1, publishedFailed: 0 });
  });

  test("ends with the listener and with the tunnel, and the port is free again", async () => {
    const relay = await bed.relay();
    const tunnel = await bed.tunnel(relay, { name: "site" });
    const listener = await tunnel.bind(":80", { publish: ":0" });
    const place = `127.0.0.1:${listener.published?.port}`;
    await listener.close();
    const again = await retry(() => tunnel.bind(":81", { publish: place }));
    expect(`${again.published}`).toBe(place);
    await tunnel.close();
    const other = await bed.tunnel(relay, { name: "other" });
    const last = await retry(() => other.bind(":80", { publish: place }));
    expect(`${last.published}`).toBe(place);
  });

  test("is refused with a code: in use, forbidden, too many, no address", async () => {
    const relay = await bed.relay({ limits: { publications: 2 } });
    const tunnel = await bed.tunnel(relay);
    const taken = await bed.echo();
    const bind = (publish: string): Promise<NetError> => failing(tunnel.bind(":0", { publish }));
    expect((await bind(`:${taken}`)).code).toBe("EADDRINUSE");
    expect(await bind("0.0.0.0:8080")).toMatchObject({ code: "ERR_DENIED", rule: "publish" });
    expect((await bind(":80")).code).toBe("ERR_DENIED");
    expect((await bind("10.1.2.3:8080")).code).toBe("ERR_DENIED");
    expect((await bind("example.com:8080")).code).toBe("EINVAL");
    await tunnel.bind(":0", { publish: ":0" });
    await tunnel.bind(":0", { publish: ":0" });
    expect((await bind(":0")).code).toBe("ERR_LIMIT");
    expect(relay.counters).toMatchObject({ publicationsDenied: 3, publicationsFailed: 2, publications: 2 });
    // What failed left no listener behind.
    expect(tunnel.driver.stack.countByState().LISTEN).toBe(2);
  });

  test("on an address that others reach takes a rule that says so", async () => {
    const relay = await bed.relay({ publish: ["tcp:0.0.0.0/0:1-65535"] });
    const tunnel = await bed.tunnel(relay);
    const listener = await tunnel.bind(":80", { publish: "0.0.0.0:0" });
    expect(listener.published?.hostname).toBe("0.0.0.0");
  });

  test("without anybody behind it resets who dials", async () => {
    const relay = await bed.relay({ limits: { dialTime: 100 } });
    const { client } = await RawClient.enter(relay.url, "raw");
    bed.onClose(() => client.close());
    client.sendControl(34, { n: 1, id: 1, host: "", port: 0, local: 80 });
    const { port } = await client.control(35);
    const socket = net.connect(port as number, "127.0.0.1");
    const [error] = (await once(socket, "error").catch((reason: unknown) => [reason])) as [
      NodeJS.ErrnoException,
    ];
    expect(["ECONNRESET", "ETIMEDOUT"]).toContain(error.code);
  }, 30_000);
});

describe("The end of a tunnel", () => {
  async function busy(
    relay: Relay,
    port: number,
  ): Promise<{ tunnel: Tunnel; stream: TcpStream; ends: Promise<NetError[]> }> {
    const tunnel = await Tunnel.open(relay.url, { name: "busy" });
    bed.onClose(() => tunnel.close());
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    const listener = await tunnel.bind(":80");
    const pending = tunnel.connect("slow.example:80");
    await until("the relay dials", () => relay.counters.dials === 2);
    const ends = Promise.all([
      failing(stream.read(new Uint8Array(1))),
      failing(listener.accept()),
      failing(pending),
      failing(tunnel.closed),
    ]);
    return { tunnel, stream, ends };
  }

  const slow = {
    allow: ["tcp:127.0.0.1:*", "tcp:slow.example:80"],
    authorize: (_principal: unknown, action: { readonly kind: string }) =>
      action.kind === "lookup" ? new Promise<never>(() => {}) : { allowed: true, rule: "", text: "" },
  };

  test("by a newer one with its name is ERR_NAME_TAKEN everywhere, and nothing is left at the relay", async () => {
    const port = await bed.echo();
    const relay = await bed.relay(slow);
    const { tunnel, ends } = await busy(relay, port);
    const events: string[] = [];
    tunnel.addEventListener("statechange", ({ state }) => events.push(`statechange ${state.phase}`));
    tunnel.addEventListener("closed", ({ reason }) => events.push(`closed ${reason?.code}`));
    const newer = await Tunnel.open(relay.url, { name: "busy" });
    const errors = await ends;
    expect(errors.map(({ code }) => code)).toEqual(new Array(4).fill("ERR_NAME_TAKEN"));
    expect(errors.map(({ message }) => message)).toEqual([
      `Cannot read from 127.0.0.1:${port}: a newer tunnel has taken the name`,
      `Cannot accept on [${tunnel.address}]:80: a newer tunnel has taken the name`,
      "Cannot connect to slow.example:80: The tunnel has ended: a newer tunnel has taken the name busy",
      "The tunnel has ended: a newer tunnel has taken the name busy",
    ]);
    expect(events).toEqual(["statechange closed", "closed ERR_NAME_TAKEN"]);
    expect((await failing(tunnel.connect("127.0.0.1:1"))).code).toBe("ERR_NAME_TAKEN");
    expect((await failing(tunnel.bind(":0"))).code).toBe("ERR_NAME_TAKEN");
    await tunnel.close();
    await newer.close();
    await until("the relay forgot it", () => relay.counters.sessions === 0 && relay.counters.streams === 0);
  });

  test("by the relay's closing is the relay's word", async () => {
    const port = await bed.echo();
    const relay = await bed.relay(slow);
    const { ends } = await busy(relay, port);
    await relay.close();
    expect((await ends).map(({ code }) => code)).toEqual(new Array(4).fill("ECONNRESET"));
    expect((await failing(Tunnel.open(relay.url))).code).toBe("ECONNREFUSED");
  });

  test("by close() flushes what was written, and is ERR_SOCKET_CLOSED for what comes after", async () => {
    const received: Buffer[] = [];
    const port = await bed.server((socket) => socket.on("data", (data) => received.push(data)));
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const tunnel = await bed.tunnel(relay, { name: "closing" });
    const listener = await tunnel.bind(":80");
    const accepting = failing(listener.accept());
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    const data = new Uint8Array(300_000).fill(7);
    await stream.writeAll(data);
    const closing = tunnel.close();
    expect(tunnel.state.phase).toBe("closing");
    expect(tunnel.close()).toBe(closing);
    expect((await failing(tunnel.connect(`127.0.0.1:${port}`))).code).toBe("ERR_SOCKET_CLOSED");
    await closing;
    await tunnel.closed;
    expect(tunnel.state).toEqual({ phase: "closed", links: [], error: null });
    expect((await accepting).code).toBe("ERR_SOCKET_CLOSED");
    await until("all has arrived", () => Buffer.concat(received).length === data.length);
    await until("the relay forgot it", () => relay.counters.sessions === 0 && relay.counters.streams === 0);
  });

  test("is final: close() after it resolves, and it can be disposed of", async () => {
    const relay = await bed.relay();
    {
      await using tunnel = await Tunnel.open(relay.url, { name: "first" });
      await (await Tunnel.open(relay.url, { name: "first" })).close();
      await failing(tunnel.closed);
    }
    await until("the relay forgot it", () => relay.counters.sessions === 0);
  });
});

async function exchange(stream: TcpStream, text: string): Promise<string> {
  await stream.writeAll(utf8.encode(text));
  await stream.closeWrite();
  const answer = utf8.decode(await stream.readToEnd());
  await stream.close();
  return answer;
}

async function retry<T>(work: () => Promise<T>): Promise<T> {
  for (let patience = 0; ; patience++) {
    try {
      return await work();
    } catch (error) {
      if (patience === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port;
}
