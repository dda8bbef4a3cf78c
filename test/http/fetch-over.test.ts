import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import { nodeNetwork } from "../../src/adapters/node/index.ts";
import { type FetchOptions, fetchOver, type NetworkFetch, serve } from "../../src/http/index.ts";

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A node:http server. */
async function origin(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  options: { keepAliveTimeout?: number } = {},
): Promise<{ url: string; server: Server; connections: () => number }> {
  const server = createServer({ keepAliveTimeout: 5_000, ...options }, handler);
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    connections: () => connections,
  };
}

/** A server that answers each connection's first bytes with what it is given, and then does as told. */
async function scripted(script: (socket: Socket, request: string, index: number) => void): Promise<string> {
  let index = 0;
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.setEncoding("latin1").on("error", () => {});
    socket.on("data", (text: string) => script(socket, text, index++));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function client(options?: FetchOptions): NetworkFetch {
  const fetch = fetchOver(nodeNetwork, options);
  closers.push(() => fetch.close());
  return fetch;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("latin1")) text += chunk as string;
  return text;
}

describe("Requests", () => {
  test("carry what was asked for, Cookie and Host too", async () => {
    const { url } = await origin((request, response) => {
      response.end(JSON.stringify([request.method, request.url, request.rawHeaders]));
    });
    const response = await client()(`${url}/path?q=1#fragment`, {
      method: "delete",
      headers: [
        ["Cookie", "a=b"],
        ["Host", "other.example"],
        ["X-Twice", "1"],
        ["X-Twice", "2"],
      ],
    });
    const [method, path, raw] = (await response.json()) as [string, string, string[]];
    expect([method, path]).toEqual(["DELETE", "/path?q=1"]);
    expect(raw).toEqual([
      ...["Host", "other.example", "Cookie", "a=b", "X-Twice", "1", "X-Twice", "2"],
      ...["Accept-Encoding", "gzip", "Accept", "*/*", "User-Agent", "fourtuple"],
    ]);
    expect(response.url).toBe(`${url}/path?q=1`);
  });

  test.each([
    ["a string", "grüße", "gr\xc3\xbc\xc3\x9fe", "7", "text/plain;charset=UTF-8"],
    ["bytes", new Uint8Array([1, 255]), "\x01\xff", "2", undefined],
    ["a view", new DataView(new Uint8Array([0, 1, 255]).buffer, 1), "\x01\xff", "2", undefined],
    ["an ArrayBuffer", new Uint8Array([1, 255]).buffer, "\x01\xff", "2", undefined],
    ["a Blob", new Blob(["blob"], { type: "text/x" }), "blob", "4", "text/x"],
    [
      "a form",
      new URLSearchParams({ a: "b" }),
      "a=b",
      "3",
      "application/x-www-form-urlencoded;charset=UTF-8",
    ],
    ["an empty string", "", "", "0", "text/plain;charset=UTF-8"],
  ])("carry %s as a body", async (_name, body, sent, length, type) => {
    const { url } = await origin(async (request, response) => {
      const { "content-length": size, "content-type": kind } = request.headers;
      response.end(JSON.stringify([await bodyOf(request), size, kind]));
    });
    const response = await client()(url, { method: "POST", body });
    expect(await response.json()).toEqual([sent, length, type ?? null]);
  });

  test("carry streams, iterables and multipart forms in chunks", async () => {
    const { url } = await origin(async (request, response) => {
      response.end(JSON.stringify([await bodyOf(request), request.headers["transfer-encoding"]]));
    });
    const fetch = client();
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of ["one", "two"]) controller.enqueue(new TextEncoder().encode(piece));
        controller.close();
      },
    });
    const first = await fetch(url, { method: "POST", body: stream });
    expect(await first.json()).toEqual(["onetwo", "chunked"]);
    const second = await fetch(url, {
      method: "PUT",
      body: (async function* () {
        yield new Uint8Array([97]);
        yield new Uint8Array(0);
        yield new Uint8Array([98]);
      })(),
    });
    expect(await second.json()).toEqual(["ab", "chunked"]);
    const form = new FormData();
    form.set("name", "value");
    const third = await fetch(url, { method: "POST", body: form });
    expect(((await third.json()) as string[])[0]).toContain('name="name"\r\n\r\nvalue');
  });

  test("carry a stream of known length without chunks", async () => {
    const { url } = await origin(async (request, response) => {
      response.end(JSON.stringify([await bodyOf(request), request.headers["content-length"]]));
    });
    const body = new Blob(["hello"]).stream();
    const response = await client()(url, { method: "POST", body, headers: { "Content-Length": "5" } });
    expect(await response.json()).toEqual(["hello", "5"]);
    const wrong = client()(url, {
      method: "POST",
      body: new Blob(["hello"]).stream(),
      headers: { "Content-Length": "6" },
    });
    await expect(wrong).rejects.toThrow("A body ended after 5 of the 6 bytes it declared");
  });

  test("say that they have no body, where a body is usual", async () => {
    const { url } = await origin((request, response) => response.end(request.headers["content-length"]));
    expect(await (await client()(url, { method: "POST" })).text()).toBe("0");
  });

  test("may be a Request", async () => {
    const { url } = await origin(async (request, response) => {
      response.end(`${request.method} ${request.headers["x-a"]} ${await bodyOf(request)}`);
    });
    const request = new Request(url, { method: "PATCH", headers: { "X-A": "b" }, body: "body" });
    expect(await (await client()(request)).text()).toBe("PATCH b body");
    await expect(client()(request)).rejects.toThrow("read already");
  });

  test("wait for 100 Continue if they expect it", async () => {
    const seen: string[] = [];
    const url = await scripted((socket, text) => {
      seen.push(text);
      if (text.includes("Expect")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      else socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const response = await client()(url, {
      method: "POST",
      body: "body",
      headers: { Expect: "100-continue" },
    });
    expect(await response.text()).toBe("ok");
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBe("body");
  });

  test("send no body after a final answer to their expectation", async () => {
    const seen: string[] = [];
    const url = await scripted((socket, text) => {
      seen.push(text);
      socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    });
    const response = await client()(url, {
      method: "POST",
      body: "body",
      headers: { Expect: "100-continue" },
    });
    expect([response.status, await response.text()]).toEqual([403, "no"]);
    expect(seen).toHaveLength(1);
  });

  test.each([
    ["a relative URL", "/path", {}, TypeError],
    ["a URL with a password", "http://a:b@localhost/", {}, TypeError],
    ["another scheme", "ftp://localhost/", {}, TypeError],
    ["a body with GET", "http://localhost/", { body: "x" }, TypeError],
    ["a forbidden method", "http://localhost/", { method: "TRACE" }, TypeError],
    ["a method that is none", "http://localhost/", { method: "a b" }, TypeError],
    ["a header with a line break", "http://localhost/", { headers: { a: "b\r\nc: d" } }, TypeError],
    ["a header name with a space", "http://localhost/", { headers: { "a b": "c" } }, TypeError],
  ])("are refused with %s", async (_name, url, init, type) => {
    await expect(client()(url, init)).rejects.toBeInstanceOf(type);
  });

  test("are refused for https: without TLS, with what to do", async () => {
    await expect(client()("https://localhost/")).rejects.toMatchObject({
      code: "ENOTSUP",
      message: expect.stringContaining("connectTls"),
    });
  });

  test("go through connectTls for https:", async () => {
    const { url } = await origin((request, response) => response.end(request.headers.host));
    const asked: unknown[] = [];
    const fetch = client({
      connectTls: async (stream, { hostname }) => {
        asked.push(hostname);
        return stream;
      },
    });
    const secure = url.replace("http:", "https:");
    expect(await (await fetch(secure)).text()).toBe(new URL(secure).host);
    expect(asked).toEqual(["127.0.0.1"]);
  });
});

describe("Responses", () => {
  test("have every header field, Set-Cookie too", async () => {
    const { url } = await origin((_request, response) => {
      response.writeHead(201, "Made Up", { "Set-Cookie": ["a=1", "b=2"], "X-Latin": "\xe9" }).end("x");
    });
    const response = await client()(url);
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.statusText, response.ok, response.redirected]).toEqual([
      201,
      "Made Up",
      true,
      false,
    ]);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(response.headers.get("x-latin")).toBe("\xe9");
    const copy = response.clone();
    expect(copy.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect([await response.text(), await copy.text(), copy.url]).toEqual(["x", "x", `${url}/`]);
  });

  test.each([
    [
      "by length",
      (response: ServerResponse) => response.setHeader("Content-Length", 200_000).end("x".repeat(200_000)),
    ],
    [
      "in chunks",
      (response: ServerResponse) =>
        response.write("x".repeat(100_000), () => response.end("x".repeat(100_000))),
    ],
    [
      "up to the end of the connection",
      (response: ServerResponse) => {
        response.shouldKeepAlive = false;
        response.useChunkedEncodingByDefault = false;
        response.removeHeader("Transfer-Encoding");
        response.end("x".repeat(200_000));
      },
    ],
  ])("are read %s", async (_name, answer) => {
    const { url } = await origin((_request, response) => void answer(response));
    expect(await (await client()(url)).text()).toBe("x".repeat(200_000));
  });

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("to %s with %i have no body, and the connection is kept", async (method, status) => {
    const { url, connections } = await origin((_request, response) => {
      response.writeHead(status, status === 204 ? {} : { "Content-Length": "5" }).end();
    });
    const fetch = client();
    for (let index = 0; index < 3; index++) {
      const response = await fetch(url, { method });
      expect([response.status, await response.text()]).toEqual([status, ""]);
    }
    expect(connections()).toBe(1);
  });

  test("are unpacked if they were asked to be packed", async () => {
    const { url } = await origin((request, response) => {
      const packed = request.headers["accept-encoding"] === "gzip";
      response.writeHead(200, packed ? { "Content-Encoding": "gzip" } : {});
      response.end(packed ? gzipSync("hello".repeat(1000)) : "plain");
    });
    expect(await (await client()(url)).text()).toBe("hello".repeat(1000));
    expect(await (await client({ decompress: false })(url)).text()).toBe("plain");
    const raw = await client()(url, { headers: { "Accept-Encoding": "gzip" } });
    expect(new Uint8Array(await raw.arrayBuffer()).slice(0, 2)).toEqual(new Uint8Array([0x1f, 0x8b]));
  });

  test("stream, and stop the server when nobody reads", async () => {
    let written = 0;
    const { url } = await origin((_request, response) => {
      const push = (): void => {
        while (written < 100_000_000) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536))) {
            response.once("drain", push);
            return;
          }
        }
        response.end();
      };
      push();
    });
    const response = await client()(url);
    const reader = response.body!.getReader();
    await reader.read();
    let before = -1;
    await vi.waitFor(
      () => {
        const steady = written === before;
        before = written;
        expect(steady).toBe(true);
      },
      { interval: 100, timeout: 10_000 },
    );
    expect(written).toBeLessThan(50_000_000);
    await reader.cancel();
  });

  test("skip interim answers", async () => {
    const url = await scripted((socket) =>
      socket.end("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    );
    expect(await (await client()(url)).text()).toBe("x");
  });

  test.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "EPROTO"],
    ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "EPROTO"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "EPROTO"],
    ["both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "EPROTO"],
    ["another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "EPROTO"],
    ["a head without end", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(20_000)}`, "EPROTO"],
    ["too many fields", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(300)}\r\n`, "EPROTO"],
    ["a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "EPROTO"],
    ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100), "EPROTO"],
    ["a status beyond 599", "HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", "EPROTO"],
    ["nothing", "", "ECONNRESET"],
    ["half a head", "HTTP/1.1 200 OK\r\n", "EPROTO"],
  ])("with %s fail with one coded error", async (_name, answer, code) => {
    const url = await scripted((socket) => socket.end(answer, "latin1"));
    await expect(client()(url)).rejects.toMatchObject({ name: "NetError", code });
  });

  test.each([
    ["shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"],
    ["without its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
    ["with a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n"],
  ])("with a body %s fail when it is read", async (_name, answer) => {
    const url = await scripted((socket) => socket.end(answer, "latin1"));
    const response = await client()(url);
    await expect(response.text()).rejects.toMatchObject({ name: "NetError", code: "EPROTO" });
  });

  test("may come before the request is sent", async () => {
    const url = await scripted((socket) => {
      socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge");
    });
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        controller.enqueue(new Uint8Array(1000));
      },
      cancel() {
        cancelled = true;
      },
    });
    const response = await client()(url, { method: "POST", body: endless });
    expect([response.status, await response.text()]).toEqual([413, "large"]);
    await vi.waitFor(() => expect(cancelled).toBe(true));
  });
});

describe("A server that has heard enough", () => {
  test("is heard, though it closed under the upload", async () => {
    const server = serve(
      await nodeNetwork.bind("127.0.0.1:0"),
      async (request) => new Response(await request.text()),
      {
        maxBodyBytes: 1000,
      },
    );
    closers.push(() => server.close({ timeout: 0 }));
    for (const body of [new Uint8Array(8_000_000), new Blob([new Uint8Array(8_000_000)]).stream()]) {
      const response = await client()(server.url, { method: "POST", body });
      expect([response.status, await response.text()]).toEqual([413, "The body is larger than 1000 bytes\n"]);
    }
  });

  test("and says nothing ends the request with ECONNRESET", async () => {
    const url = await scripted((socket) => socket.resetAndDestroy());
    const sent = client()(url, { method: "POST", body: new Uint8Array(8_000_000) });
    await expect(sent).rejects.toMatchObject({ name: "NetError", code: "ECONNRESET" });
  });
});

describe("Redirects", () => {
  const seen: string[] = [];
  const redirecting = () =>
    origin(async (request, response) => {
      const target = new URL(request.url ?? "/", "http://x");
      seen.push(
        `${request.method} ${target.pathname} ${request.headers.cookie ?? "-"} ${await bodyOf(request)}`,
      );
      const status = Number(target.searchParams.get("status") ?? 0);
      if (status > 0)
        response.writeHead(status, { Location: target.searchParams.get("to") ?? "/end" }).end("moved");
      else response.end("arrived");
    });

  test.each([
    [301, "POST", "GET /end a=b "],
    [302, "POST", "GET /end a=b "],
    [303, "PUT", "GET /end a=b "],
    [307, "POST", "POST /end a=b body"],
    [308, "POST", "POST /end a=b body"],
  ])("with %i after %s lead to %s", async (status, method, last) => {
    const { url, connections } = await redirecting();
    seen.length = 0;
    const response = await client()(`${url}/start?status=${status}#part`, {
      method,
      body: "body",
      headers: { Cookie: "a=b" },
    });
    expect([response.status, await response.text(), response.redirected, response.url]).toEqual([
      200,
      "arrived",
      true,
      `${url}/end`,
    ]);
    expect(seen).toEqual([`${method} /start a=b body`, last]);
    expect(connections()).toBe(1);
  });

  test("to another origin lose what is secret", async () => {
    const other = await redirecting();
    const { url } = await redirecting();
    seen.length = 0;
    await client()(`${url}/?status=302&to=${other.url}/there`, {
      headers: { Cookie: "a=b", Authorization: "x" },
    });
    expect(seen.at(-1)).toBe("GET /there - ");
  });

  test("can be looked at or refused", async () => {
    const { url } = await redirecting();
    const response = await client()(`${url}/?status=302`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([302, "/end"]);
    await expect(client()(`${url}/?status=302`, { redirect: "error" })).rejects.toMatchObject({
      code: "EPROTO",
    });
  });

  test("end at a limit", async () => {
    const { url } = await origin((_request, response) =>
      response.writeHead(302, { Location: "/again" }).end(),
    );
    await expect(client({ maxRedirects: 3 })(url)).rejects.toThrow("More than 3 redirects");
  });

  test.each([["//[bad"], ["ftp://elsewhere/"], ["http://a:b@elsewhere/"]])(
    "to %s are refused",
    async (to) => {
      const { url } = await redirecting();
      await expect(client()(`${url}/?status=302&to=${encodeURIComponent(to)}`)).rejects.toMatchObject({
        code: "EPROTO",
      });
    },
  );

  test("of a stream are refused where it would be sent again", async () => {
    const { url } = await redirecting();
    const body = new Blob(["body"]).stream();
    await expect(client()(`${url}/?status=307`, { method: "POST", body })).rejects.toThrow("sent already");
  });
});

describe("Connections", () => {
  test("are kept and bounded for each origin", async () => {
    let open = 0;
    let most = 0;
    const { url, connections } = await origin(async (_request, response) => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 5));
      open--;
      response.end("x");
    });
    const fetch = client({ maxConnectionsPerOrigin: 3 });
    const texts = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).text()));
    expect(texts).toEqual(Array.from({ length: 20 }, () => "x"));
    expect(most).toBe(3);
    expect(connections()).toBe(3);
  });

  test("that the server closed are replaced without a word", async () => {
    const { url, server, connections } = await origin((_request, response) => response.end("x"));
    const fetch = client();
    expect(await (await fetch(url)).text()).toBe("x");
    server.closeAllConnections();
    expect(await (await fetch(url)).text()).toBe("x");
    expect(connections()).toBe(2);
  });

  test("that the server closes under a request are tried again only if that is safe", async () => {
    const url = await scripted((socket, _text, index) => {
      if (index === 0 || index === 2) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
      else socket.resetAndDestroy();
    });
    const fetch = client();
    expect(await (await fetch(url)).text()).toBe("x");
    expect(await (await fetch(url)).text()).toBe("x");
    await expect(fetch(url, { method: "POST", body: "once" })).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("are closed before the server would close them", async () => {
    let closed = 0;
    const { url, server } = await origin((_request, response) => response.end("x"), {
      keepAliveTimeout: 1_050,
    });
    server.on("connection", (socket) => socket.on("end", () => closed++));
    expect((await (await client()(url)).text()).length).toBe(1);
    await vi.waitFor(() => expect(closed).toBe(1));
  });

  test("of responses nobody reads are freed after a while", async () => {
    let ended = 0;
    const { url, server } = await origin((_request, response) => void response.write("endless"));
    server.on("connection", (socket) => socket.on("close", () => ended++));
    const response = await client({ unreadTimeout: 50 })(url);
    await vi.waitFor(() => expect(ended).toBe(1));
    await expect(response.text()).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  test("are not freed under somebody who reads slowly", async () => {
    const { url } = await origin((_request, response) => {
      response.write("a");
      setTimeout(() => response.end("b"), 200);
    });
    const response = await client({ unreadTimeout: 50 })(url);
    expect(await response.text()).toBe("ab");
  });

  test("are closed with the fetch, which then refuses", async () => {
    const { url, server } = await origin((_request, response) => response.end("x"));
    const fetch = client();
    await (await fetch(url)).text();
    await fetch.close();
    await vi.waitFor(async () => {
      const count = await new Promise((resolve) => server.getConnections((_error, value) => resolve(value)));
      expect(count).toBe(0);
    });
    await expect(fetch(url)).rejects.toMatchObject({ code: "ERR_SOCKET_CLOSED" });
  });

  test("that are refused say so", async () => {
    const { url, server } = await origin(() => {});
    await new Promise((resolve) => server.close(resolve));
    await expect(client()(url)).rejects.toMatchObject({ name: "NetError", code: "ECONNREFUSED" });
  });
});

describe("Aborts and timeouts", () => {
  test("an abort before, during and after the head rejects with its reason", async () => {
    const reason = new Error("enough");
    const { url } = await origin((request, response) => {
      if (request.url === "/body") response.write("part");
    });
    const fetch = client();
    await expect(fetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const during = new AbortController();
    setTimeout(() => during.abort(reason), 30);
    await expect(fetch(url, { signal: during.signal })).rejects.toBe(reason);
    const after = new AbortController();
    const response = await fetch(`${url}/body`, { signal: after.signal });
    const text = response.text();
    after.abort(reason);
    await expect(text).rejects.toBe(reason);
  });

  test("an abort ends the wait for a connection", async () => {
    const { url } = await origin(() => {});
    const fetch = client({ maxConnectionsPerOrigin: 1 });
    const first = new AbortController();
    const pending = fetch(url, { signal: first.signal });
    const second = new AbortController();
    const waiting = fetch(url, { signal: second.signal });
    second.abort(new Error("second"));
    await expect(waiting).rejects.toThrow("second");
    first.abort(new Error("first"));
    await expect(pending).rejects.toThrow("first");
  });

  test("an abort after the end changes nothing", async () => {
    const { url, connections } = await origin((_request, response) => response.end("x"));
    const fetch = client();
    const controller = new AbortController();
    await (await fetch(url, { signal: controller.signal })).text();
    controller.abort();
    await (await fetch(url)).text();
    expect(connections()).toBe(1);
  });

  test("a server that never answers, or stops in a body, ends with ETIMEDOUT", async () => {
    const { url } = await origin((request, response) => {
      if (request.url === "/body") response.write("part");
    });
    const fetch = client({ headersTimeout: 50, bodyTimeout: 50 });
    await expect(fetch(url)).rejects.toMatchObject({ name: "NetError", code: "ETIMEDOUT" });
    const response = await fetch(`${url}/body`);
    await expect(response.text()).rejects.toMatchObject({ name: "NetError", code: "ETIMEDOUT" });
  });

  test("a long upload is no late answer", async () => {
    const { url } = await origin(async (request, response) =>
      response.end(String((await bodyOf(request)).length)),
    );
    const slow = (async function* () {
      for (let index = 0; index < 5; index++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        yield new Uint8Array(10);
      }
    })();
    const response = await client({ headersTimeout: 150 })(url, { method: "POST", body: slow });
    expect(await response.text()).toBe("50");
  });

  test("a request body that fails ends the request with its error", async () => {
    const { url } = await origin(async (request, response) => {
      await bodyOf(request).catch(() => {});
      response.end();
    });
    const broken = (async function* () {
      yield new Uint8Array(10);
      throw new Error("broken source");
    })();
    await expect(client()(url, { method: "POST", body: broken })).rejects.toThrow("broken source");
  });
});
