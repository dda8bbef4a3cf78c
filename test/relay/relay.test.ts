// The relay as its owner has it: serving, pages on the same port, servers of one's own, limits, hooks, the end.
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { RawClient } from "./raw-client.ts";
import { eachTestbed, failing, Relay, type Testbed, Tunnel, until, utf8 } from "./testbed.ts";

let bed: Testbed;
eachTestbed((fresh) => {
  bed = fresh;
});

const token = "a-token-of-some-length";

describe("Relay.serve", () => {
  test("tells where it is, by default on loopback", async () => {
    const relay = await Relay.serve(":0");
    bed.onClose(() => relay.close());
    expect(relay.addr?.hostname).toBe("127.0.0.1");
    expect(relay.url).toBe(`ws://127.0.0.1:${relay.addr?.port}/`);
    const other = await bed.relay({ path: "/tunnel" });
    expect(other.url).toMatch(/\/tunnel$/);
  });

  test.each([
    ["foo", 'Cannot serve a relay at the path "foo": it must begin with "/", such as "/foo"'],
    ["", 'Cannot serve a relay at the path "": it must begin with "/", such as "/"'],
    ["/a b", 'Cannot serve a relay at the path "/a b": in a URL it is "/a%20b"'],
    ["/a?b", 'Cannot serve a relay at the path "/a?b": in a URL it is "/a"'],
  ])("takes no path that no request can name: %j", async (path, message) => {
    await expect(Relay.serve("127.0.0.1:0", { path })).rejects.toThrow(new TypeError(message));
    expect(() => Relay.create({ open: true, path })).toThrow(new TypeError(message));
  });

  test("on all addresses takes authentication, or the word open", async () => {
    for (const addr of ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"]) {
      const error = await failing(Relay.serve(addr));
      expect(error).toMatchObject({ code: "EACCES", op: "bind" });
      expect(error.message).toMatch(/give it tokens, bind it to 127\.0\.0\.1, or say open/);
    }
    for (const options of [
      { tokens: [{ token, subject: "x" }] },
      { open: true },
      { authenticate: () => null },
    ]) {
      const relay = await Relay.serve("0.0.0.0:0", options);
      expect(relay.url).toMatch(/^ws:\/\/127\.0\.0\.1:/);
      await relay.close();
    }
  });

  test("on a name without an address says so, whoever may come in", async () => {
    for (const options of [{}, { open: true }]) {
      const error = await failing(Relay.serve("nohost.invalid:0", options));
      // EAI_AGAIN: on a machine without a resolver.
      expect(error.code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
      expect(error.message).toMatch(/^Cannot listen on nohost\.invalid:0: name /);
    }
  });

  test("on a port in use fails with EADDRINUSE", async () => {
    const relay = await bed.relay();
    expect(await failing(Relay.serve(`${relay.addr}`))).toMatchObject({ code: "EADDRINUSE", op: "bind" });
  });

  test("rejects options that cannot be meant", async () => {
    await expect(Relay.serve(":0", { allow: ["tcp:example.com"] })).rejects.toThrow(/Cannot read the rule/);
    await expect(Relay.serve(":0", { peers: ["bob"] })).rejects.toThrow(TypeError);
    await expect(Relay.serve(":0", { network: "two words" })).rejects.toThrow(TypeError);
    await expect(Relay.serve(":0", { limits: { streams: 0 } })).rejects.toThrow(RangeError);
    await expect(Relay.serve(":0", { limits: { strams: 1 } as object })).rejects.toThrow(/no such limit/);
    await expect(Relay.serve("127.0.0.1")).rejects.toThrow(TypeError);
  });

  test("serves pages on the same port, and says what it is where there is none", async () => {
    const bare = await bed.relay();
    const answer = await fetch(`http://${bare.addr}/`);
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("fourtuple relay")]);
    const relay = await bed.relay({ request: (_request, response) => response.end("a page") });
    expect(await (await fetch(`http://${relay.addr}/`)).text()).toBe("a page");
    await bed.tunnel(relay);
  });

  test("refuses WebSockets at other paths", async () => {
    const relay = await bed.relay({ path: "/tunnel", request: (_request, response) => response.end() });
    const error = await failing(Tunnel.open(`ws://${relay.addr}/other?x=1`));
    expect(error.message).toContain("HTTP 404");
    await Tunnel.open(`${relay.url}?x=1`).then((tunnel) => tunnel.close());
  });
});

describe("A server of one's own", () => {
  test("gives its upgrades to relay.handleUpgrade", async () => {
    const relay = Relay.create({ tokens: [{ token, subject: "ann" }], path: "/tunnel" });
    bed.onClose(() => relay.close());
    expect([relay.url, relay.addr]).toEqual(["", undefined]);
    const server = http.createServer((_request, response) => response.end("mine"));
    server.on("upgrade", (request, socket, head) => relay.handleUpgrade(request, socket, head));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    bed.onClose(async () => {
      server.close();
      await once(server, "close");
    });
    const { port } = server.address() as AddressInfo;
    const tunnel = await bed.tunnel(`ws://127.0.0.1:${port}/tunnel`, { token });
    expect(tunnel.info().subject).toBe("ann");
    expect((await failing(Tunnel.open(`ws://127.0.0.1:${port}/`, { token }))).code).toBe("ECONNREFUSED");
  });

  test("is taken for one that others reach, so it takes authentication", () => {
    expect(() => Relay.create()).toThrow(/no authentication/);
    expect(() => Relay.create({ open: true })).not.toThrow();
  });
});

describe("Limits", () => {
  test("of sessions, in all and for a subject", async () => {
    const tokens = [
      { token, subject: "ann" },
      { token: `${token}2`, subject: "ben" },
    ];
    const relay = await bed.relay({ tokens, limits: { sessions: 2, sessionsPerSubject: 1 } });
    const first = await bed.tunnel(relay, { token, name: "first" });
    expect(await failing(Tunnel.open(relay.url, { token }))).toMatchObject({
      code: "ERR_LIMIT",
      retryAfter: 5_000,
    });
    await bed.tunnel(relay, { token: `${token}2` });
    // Its own name may always be taken over.
    await bed.tunnel(relay, { token, name: "first" });
    await expect(first.closed).rejects.toMatchObject({ code: "ERR_NAME_TAKEN" });
    expect(relay.counters.linksRefusedLimit).toBe(1);
  });

  test("of handles: the least recently used name is bound anew", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`], limits: { handles: 2 } });
    const tunnel = await bed.tunnel(relay);
    for (const host of ["localhost", "LocalHost.", "127.1", "2130706433", "localhost"]) {
      await (await tunnel.connect(`${host}:${port}`)).close();
    }
    const { client, welcome } = await RawClient.enter(relay.url, "raw");
    bed.onClose(() => client.close());
    const base = `${welcome.handles.address}`;
    for (const n of [1, 2, 3]) client.sendControl(32, { n, id: n, name: "a.example", handle: `${base}${n}` });
    for (const n of [1, 2]) expect(await client.control(33)).toEqual({ n, id: n });
    expect(await client.control(33)).toMatchObject({ id: 3, code: "ERR_LIMIT" });
  });

  test("of dials that have no answer", async () => {
    const relay = await bed.relay({
      allow: ["tcp:slow.example:80"],
      authorize: () => new Promise(() => {}),
      limits: { dials: 2, dialTime: 200 },
    });
    const tunnel = await bed.tunnel(relay);
    const dials = [0, 1, 2].map(() => failing(tunnel.connect("slow.example:80")));
    expect(await dials[2]).toMatchObject({ code: "ERR_LIMIT" });
    expect((await Promise.all(dials)).map(({ code }) => code)).toEqual([
      "ETIMEDOUT",
      "ETIMEDOUT",
      "ERR_LIMIT",
    ]);
    expect(relay.counters).toMatchObject({ dials: 2, dialsLimited: 1, dialsFailed: 2, streams: 0 });
  });
});

describe("Hooks", () => {
  test("authenticate grants by whatever it knows, and may fail", async () => {
    const relay = await bed.relay({
      tokens: [{ token, subject: "static" }],
      authenticate: async (given, { remoteAddress }) => {
        if (given === "broken") throw new Error("the database is gone");
        return given === `from ${remoteAddress}` ? { subject: "dynamic", names: ["d"] } : null;
      },
    });
    expect((await bed.tunnel(relay, { token })).info().subject).toBe("static");
    const tunnel = await bed.tunnel(relay, { token: "from 127.0.0.1", name: "d" });
    expect(tunnel.info().subject).toBe("dynamic");
    for (const wrong of ["broken", "unknown", undefined]) {
      expect((await failing(Tunnel.open(relay.url, { token: wrong }))).code).toBe("EACCES");
    }
  });

  test("log and metrics see what happens, and never a token", async () => {
    const port = await bed.echo();
    const lines: string[] = [];
    const observed: string[] = [];
    const relay = await bed.relay({
      allow: [`tcp:127.0.0.1:${port}`],
      tokens: [{ token, subject: "ann" }],
      log: (level, event, fields) => lines.push(`${level} ${event} ${JSON.stringify(fields)}`),
      metrics: { observe: (name, milliseconds) => observed.push(`${name} ${milliseconds >= 0}`) },
    });
    const tunnel = await bed.tunnel(relay, { token, name: "a" });
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    await stream.close();
    await failing(Tunnel.open(relay.url, { token: "wrong-token-wrong" }));
    await tunnel.close();
    await until("its end is logged", () => lines.some((line) => line.includes("session-ended")));
    expect(lines.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "info session-opened",
      "warn handshake-refused",
      "info session-ended",
    ]);
    expect(lines.join("\n")).not.toMatch(/a-token|wrong-token/);
    expect(lines.at(-1)).toMatch(/"name":"a","text":"the client ended the session"}$/);
    expect(lines.at(-1)).not.toContain("code");
    expect(observed).toEqual(["handshake true", "dial true"]);
  });
});

describe("relay.close()", () => {
  test("ends handshakes, sessions, published ports and what is served, and can be called again", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({
      allow: [`tcp:127.0.0.1:${port}`],
      request: (_q, response) => response.end("x"),
    });
    const waiting = await RawClient.open(relay.url);
    const tunnel = await Tunnel.open(relay.url);
    const listener = await tunnel.bind(":80", { publish: ":0" });
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    const read = failing(stream.read(new Uint8Array(1)));
    const closing = relay.close();
    expect(relay.close()).toBe(closing);
    await closing;
    expect((await read).code).toBe("ECONNRESET");
    await expect(tunnel.closed).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await waiting.control(19)).toMatchObject({ code: "ECONNREFUSED", text: "the relay is closing" });
    await waiting.closed();
    const refused = net.connect(listener.published?.port ?? 0, "127.0.0.1");
    expect(((await once(refused, "error")) as [NodeJS.ErrnoException])[0].code).toBe("ECONNREFUSED");
    expect(relay.counters).toMatchObject({ sessions: 0, streams: 0, handshakes: 0 });
    expect(relay.sessions).toEqual([]);
  });

  test("tells a stream of real TCP by a reset, not by an end that looks complete", async () => {
    const sockets: net.Socket[] = [];
    const port = await bed.server((socket) => sockets.push(socket));
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const tunnel = await Tunnel.open(relay.url);
    const stream = await tunnel.connect(`127.0.0.1:${port}`);
    await stream.writeAll(utf8.encode("begun"));
    await until("it is there", () => sockets.length === 1);
    const events: string[] = [];
    sockets[0].on("end", () => events.push("end"));
    sockets[0].on("error", (error: NodeJS.ErrnoException) => events.push(`${error.code}`));
    sockets[0].resume();
    await relay.close();
    await until("the socket is over", () => events.length > 0);
    expect(events).toEqual(["ECONNRESET"]);
  });
});
