import { describe, expect, test, vi } from "vitest";
import { HttpError, httpResponse } from "../../src/http/index.ts";
import { exchange, raw, served, statuses } from "./raw-client.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const post = (body: string, ...fields: string[]): string =>
  ["POST / HTTP/1.1", "Host: a", `Content-Length: ${body.length}`, ...fields, "", body].join("\r\n");

describe("What a handler gets", () => {
  test("is a Request with every header field, Cookie, Host, Origin and Referer too", async () => {
    let request: Request | undefined;
    const server = await served((incoming) => {
      request = incoming;
      return new Response();
    });
    await exchange(
      server,
      "GET /path?q=1 HTTP/1.1\r\nHost: Example.com:8080\r\nCookie: a=b\r\nOrigin: http://o\r\nReferer: http://r/\r\nX: 1\r\nX: 2\r\n\r\n",
    );
    expect(request).toBeInstanceOf(Request);
    expect(request?.url).toBe("http://example.com:8080/path?q=1");
    expect(request?.method).toBe("GET");
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      cookie: "a=b",
      host: "Example.com:8080",
      origin: "http://o",
      referer: "http://r/",
      x: "1, 2",
    });
    expect(request?.body).toBeNull();
  });

  test("tells both ends of the connection", async () => {
    const server = await served((_request, info) =>
      Response.json([
        info.localAddr.toString(),
        info.peerAddr.hostname,
        info.remoteAddr === info.peerAddr,
        info.peer,
      ]),
    );
    const text = await exchange(server, GET);
    expect(text).toContain(JSON.stringify([server.addr.toString(), "127.0.0.1", true, null]));
  });

  test.each([
    ["a body by length", post("hello")],
    [
      "a chunked body",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nT: x\r\n\r\n",
    ],
  ])("has %s", async (_name, input) => {
    const server = await served(async (request) => new Response(`<${await request.text()}>`));
    expect(await exchange(server, input)).toMatch(/<hello>$/);
  });

  test("has no body with GET, and what came nevertheless is read away", async () => {
    const server = await served((request) => new Response(String(request.body)));
    const withBody = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    expect(statuses(await exchange(server, withBody + withBody))).toEqual([200, 200]);
    expect(server.counters.refused).toEqual({});
  });

  test.each([
    ["GET http://example.com/x HTTP/1.1\r\nHost: example.com\r\n\r\n", "http://example.com/x"],
    ["GET http://Example.com HTTP/1.1\r\nHost: example.COM\r\n\r\n", "http://example.com/"],
    ["OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "http://a/*"],
    ["GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", "http://a/b"],
    ["GET //evil/x HTTP/1.1\r\nHost: a\r\n\r\n", "http://a//evil/x"],
    ["GET /\xc3\xbc HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "http://[::1]/%C3%BC"],
  ])("has the URL of %j", async (input, url) => {
    const server = await served((request) => new Response(request.url));
    expect(await exchange(server, input)).toMatch(new RegExp(`\r\n\r\n${url.replace(/[*[\]]/g, "\\$&")}$`));
  });

  test("has the listener's address as host where HTTP/1.0 gives none", async () => {
    const server = await served((request) => new Response(request.url));
    expect(await exchange(server, "GET /x HTTP/1.0\r\n\r\n")).toContain(`${server.url}x`);
  });

  test("can be cloned, headers and body", async () => {
    const server = await served(async (request) => {
      const copy = request.clone();
      return Response.json([await request.text(), await copy.text(), copy.headers.get("cookie")]);
    });
    expect(await exchange(server, post("hello", "Cookie: a=b"))).toContain('["hello","hello","a=b"]');
  });

  test("gives its body and headers to a new Request", async () => {
    const server = await served(async (request) => {
      const other = new Request("http://other/", request);
      return Response.json([await other.text(), other.method, other.headers.get("x")]);
    });
    expect(await exchange(server, post("hello", "X: y"))).toContain('["hello","POST","y"]');
  });
});

describe("What a handler returns", () => {
  test("is sent with Date, length and Keep-Alive", async () => {
    const server = await served(() => new Response("hello", { headers: { "X-Y": "z" } }));
    const [head = "", body] = (await exchange(server, GET)).split("\r\n\r\n");
    expect(head.split("\r\n")[0]).toBe("HTTP/1.1 200 OK");
    expect(head).toMatch(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/m);
    expect(head).toMatch(/^content-type: text\/plain;charset=UTF-8$/im);
    expect(head).toMatch(/^x-y: z$/m);
    expect(head).toMatch(/^Content-Length: 5$/m);
    expect(head).toMatch(/^Keep-Alive: timeout=30$/m);
    expect(body).toBe("hello");
  });

  test("may be { status, headers, body } with several Set-Cookie", async () => {
    const server = await served(() => ({
      status: 201,
      statusText: "Made",
      headers: [
        ["Set-Cookie", "a=1; Path=/"],
        ["Set-Cookie", "b=2"],
      ],
      body: "done",
    }));
    const text = await exchange(server, GET);
    expect(text).toMatch(/^HTTP\/1\.1 201 Made\r\nSet-Cookie: a=1; Path=\/\r\nSet-Cookie: b=2\r\n/);
    expect(text).toMatch(/Content-Length: 4\r\n[\s\S]*\r\n\r\ndone$/);
  });

  test.each([
    ["a Response", () => new Response("x", { headers: { "Set-Cookie": "a=1" } })],
    ["httpResponse()", () => httpResponse("x", { headers: [["Set-Cookie", "a=1"]] })],
    [
      "an object of headers",
      () => ({ headers: { "Set-Cookie": ["a=1"], "X-Undefined": undefined }, body: "x" }),
    ],
    ["a Headers", () => ({ headers: new Headers({ "Set-Cookie": "a=1" }), body: "x" })],
  ])("keeps Set-Cookie of %s", async (_name, answer) => {
    const server = await served(answer);
    expect(await exchange(server, GET)).toMatch(/\r\nset-cookie: a=1\r\n/i);
  });

  test.each([
    ["a string", "grüße", "gr\xc3\xbc\xc3\x9fe", "text/plain;charset=UTF-8"],
    ["bytes", new Uint8Array([1, 2, 255]), "\x01\x02\xff", null],
    ["an ArrayBuffer", new Uint8Array([1, 2, 255]).buffer, "\x01\x02\xff", null],
    ["a Blob", new Blob(["blob"], { type: "text/x" }), "blob", "text/x"],
    [
      "URLSearchParams",
      new URLSearchParams({ a: "b c" }),
      "a=b+c",
      "application/x-www-form-urlencoded;charset=UTF-8",
    ],
    ["nothing", null, "", null],
  ])("may have %s as a body", async (_name, body, sent, type) => {
    const server = await served(() => ({ body }));
    const [head = "", content] = (await exchange(server, GET)).split("\r\n\r\n");
    expect(content).toBe(sent);
    expect(head).toContain(`Content-Length: ${sent.length}`);
    expect(/content-type: (.*)/i.exec(head)?.[1] ?? null).toBe(type);
  });

  test("may stream: chunked to HTTP/1.1, up to the end of the connection to HTTP/1.0", async () => {
    const server = await served(() => ({
      body: (async function* () {
        for (const piece of ["one", "", "two"]) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          yield new TextEncoder().encode(piece);
        }
      })(),
    }));
    const text = await exchange(server, GET);
    expect(text).toContain("Transfer-Encoding: chunked");
    expect(text).toMatch(/\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/);
    const old = await exchange(server, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(old).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n\r\nonetwo$/);
    expect(old).not.toContain("chunked");
  });

  test("sends the head of a stream before its first piece", async () => {
    let push: ((text: string) => void) | undefined;
    const server = await served(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              push = (text) => controller.enqueue(new TextEncoder().encode(text));
            },
          }),
        ),
    );
    const connection = raw(server);
    connection.send(GET);
    await connection.until(/\r\n\r\n/);
    push?.("event");
    await connection.until(/5\r\nevent\r\n$/);
    connection.socket.destroy();
  });

  test("has no body for HEAD, but its length where it is known", async () => {
    const cancelled = vi.fn();
    const server = await served((request) => {
      if (request.url.endsWith("/stream")) return new Response(new ReadableStream({ cancel: cancelled }));
      return { body: "hello" };
    });
    const text = await exchange(
      server,
      "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    expect(statuses(text)).toEqual([200, 200, 200]);
    expect(text.match(/Content-Length: 5/g)).toHaveLength(2);
    expect(text).not.toContain("hello");
    expect(text).not.toContain("chunked");
    expect(cancelled).toHaveBeenCalledOnce();
  });

  test.each([
    [204, undefined],
    [304, undefined],
    [205, "0"],
  ])("has no body with %i", async (status, length) => {
    const server = await served(() => ({ status, body: "not sent" }));
    const text = await exchange(server, GET + GET);
    expect(statuses(text)).toEqual([status, status]);
    expect(text).not.toContain("not sent");
    if (status !== 304) expect(/Content-Length: (\d+)/.exec(text)?.[1]).toBe(length);
  });

  test("cannot set what belongs to the connection", async () => {
    const server = await served(() => ({
      headers: {
        "Transfer-Encoding": "gzip",
        "Keep-Alive": "timeout=1",
        Upgrade: "x",
        Trailer: "y",
        Connection: "x",
      },
      body: "hello",
    }));
    const text = await exchange(server, GET);
    expect(text).not.toMatch(/gzip|timeout=1\r|Upgrade|Trailer|Connection/);
  });

  test("may close the connection", async () => {
    const server = await served(() => ({ headers: { Connection: "close" } }));
    expect(statuses(await exchange(server, GET + GET))).toEqual([200]);
  });

  test.each([
    ["nothing", () => undefined as unknown as Response],
    ["a status below 200", () => ({ status: 103 })],
    ["a status that is no number", () => ({ status: Number.NaN })],
    ["a header name with a space", () => ({ headers: { "a b": "c" } })],
    ["a header value with a line break", () => ({ headers: { a: "b\r\nSet-Cookie: c=d" } })],
    ["a header value beyond latin1", () => ({ headers: { a: "→" } })],
    ["a length that is not its body's", () => ({ headers: { "Content-Length": "3" }, body: "hello" })],
    [
      "a length that is not its Response's",
      () => new Response("hello", { headers: { "Content-Length": "3" } }),
    ],
    ["a length that is no number", () => ({ headers: { "Content-Length": "x" }, body: "hello" })],
    [
      "a body that was read",
      async () => {
        const response = new Response("x");
        await response.text();
        return response;
      },
    ],
    [
      "a body that fails at once",
      () =>
        new Response(
          new ReadableStream({
            pull() {
              throw new Error("broken source");
            },
          }),
        ),
    ],
    [
      "a body of strings",
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue("text");
              controller.close();
            },
          }),
        ),
    ],
  ])("is answered with 500 if it has %s", async (_name, answer) => {
    const errors: unknown[] = [];
    const server = await served(answer, { onError: (error) => void errors.push(error) });
    const text = await exchange(server, GET + GET);
    expect(statuses(text)).toEqual([500, 500]);
    expect(errors).toHaveLength(2);
    expect(text).not.toContain("broken source");
  });
});

describe("A handler that fails", () => {
  test("is answered with 500 and without its message", async () => {
    const seen: unknown[] = [];
    const server = await served(
      () => {
        throw new Error("secret detail");
      },
      { onError: (error, request) => void seen.push((error as Error).message, request.url) },
    );
    const text = await exchange(server, GET);
    expect(text).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/);
    expect(text).not.toContain("secret");
    expect(seen).toEqual(["secret detail", "http://a/"]);
  });

  test("is logged, if nobody else listens", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const server = await served(() => Promise.reject(new Error("bug")));
    await exchange(server, GET);
    expect(log).toHaveBeenCalledWith(
      "Cannot answer GET http://a/:",
      expect.objectContaining({ message: "bug" }),
    );
    log.mockRestore();
  });

  test("is answered with the status of its HttpError", async () => {
    const server = await served(() => {
      throw new HttpError(418, "Short and stout");
    });
    expect(await exchange(server, GET)).toMatch(/^HTTP\/1\.1 418 \r\n[\s\S]*\r\n\r\nShort and stout\n$/);
  });

  test("is answered with what onError makes", async () => {
    const server = await served(() => Promise.reject(new Error("bug")), {
      onError: () => ({ status: 503, headers: { "Retry-After": "9" }, body: "later" }),
    });
    expect(await exchange(server, GET)).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 9[\s\S]*later$/);
  });

  test("is answered even if onError fails", async () => {
    const server = await served(() => Promise.reject(new Error("bug")), {
      onError: () => {
        throw new Error("another bug");
      },
    });
    expect(statuses(await exchange(server, GET))).toEqual([500]);
  });

  // Node's client takes a reset right behind data for the end of the stream (libuv), so that the data comes first here.
  const brokenOff = async (headers: Record<string, string>, rest: () => Uint8Array | null) => {
    const errors: unknown[] = [];
    let goOn = (): void => {};
    const seen = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const server = await served(
      () => ({
        headers,
        body: (async function* () {
          await new Promise((resolve) => setTimeout(resolve, 1));
          yield new TextEncoder().encode("part");
          await seen;
          const last = rest();
          if (last !== null) yield last;
        })(),
      }),
      { onError: (error) => void errors.push((error as Error).message) },
    );
    const connection = raw(server);
    connection.send(GET);
    await connection.until(/part/);
    goOn();
    return { ...(await connection.over), errors };
  };

  test("in the middle of a body resets, so that the body does not look complete", async () => {
    const { how, text, errors } = await brokenOff({}, () => {
      throw new Error("lost the rest");
    });
    expect(how).toBe("reset");
    expect(text).toMatch(/\r\n\r\n4\r\npart\r\n$/);
    expect(errors).toEqual(["lost the rest"]);
  });

  test.each([
    ["more", new Uint8Array(2), "A body has more than the 5 bytes it declared"],
    ["fewer", null, "A body ended after 4 of the 5 bytes it declared"],
  ])("by a stream of %s bytes than it declared resets", async (_name, last, message) => {
    const { how, text, errors } = await brokenOff({ "Content-Length": "5" }, () => last);
    expect([how, errors]).toEqual(["reset", [message]]);
    expect(text).toMatch(/\r\n\r\npart$/);
  });
});

describe("A connection", () => {
  test("carries requests one after the other", async () => {
    const server = await served((request) => new Response(new URL(request.url).pathname));
    const connection = raw(server);
    for (const path of ["/1", "/2", "/3"]) {
      connection.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await connection.until(new RegExp(`${path}$`));
    }
    connection.end();
    expect((await connection.over).how).toBe("end");
    expect(server.counters).toMatchObject({ accepted: 1, requests: 3 });
  });

  test("answers pipelined requests in order, the slow ones too", async () => {
    const server = await served(async (request) => {
      const { pathname } = new URL(request.url);
      await new Promise((resolve) => setTimeout(resolve, pathname === "/1" ? 20 : 0));
      return new Response(`${pathname}:${await request.text()}`);
    });
    const requests = ["/1", "/2", "/3"].map((path, index) =>
      index === 1
        ? `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`
        : `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    const text = await exchange(server, requests.join(""));
    expect(text.match(/\/\d:(body)?/g)).toEqual(["/1:", "/2:body", "/3:"]);
  });

  test("is closed after HTTP/1.0, kept if asked", async () => {
    const server = await served(() => new Response("x"));
    const old = "GET / HTTP/1.0\r\n\r\n";
    expect(statuses(await exchange(server, old + old))).toEqual([200]);
    const kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    const text = await exchange(server, kept + kept);
    expect(statuses(text)).toEqual([200, 200]);
    expect(text).toContain("Connection: keep-alive");
  });

  test("is closed if asked", async () => {
    const server = await served(() => new Response("x"));
    const last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const connection = raw(server);
    connection.send(last + last);
    const { how, text } = await connection.over;
    expect([how, statuses(text)]).toEqual(["end", [200]]);
  });

  test("that the client half-closed still gets its answer", async () => {
    const server = await served(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new Response("answer");
    });
    expect(await exchange(server, GET)).toMatch(/answer$/);
  });

  test("that the client half-closed is gone, if that is wanted", async () => {
    const server = await served(
      (request) =>
        new Promise((_resolve, reject) => {
          request.signal.addEventListener("abort", () => reject(request.signal.reason));
        }),
      { abortOnHalfClose: true },
    );
    const connection = raw(server);
    connection.send(GET);
    connection.end();
    expect((await connection.over).how).toBe("reset");
  });

  test("aborts request.signal when the client resets, and cancels the response's body", async () => {
    const errors: unknown[] = [];
    const heard: Record<string, unknown> = {};
    const server = await served(
      (request) => {
        const { signal } = request;
        signal.addEventListener("abort", () => {
          heard["signal"] = signal.reason;
        });
        return new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(new Uint8Array(10));
            },
            cancel(reason) {
              heard["body"] = reason;
            },
          }),
        );
      },
      { onError: (error) => void errors.push(error) },
    );
    const connection = raw(server);
    connection.send(GET);
    await connection.until(/\r\n\r\n/);
    connection.socket.resetAndDestroy();
    await vi.waitFor(() => {
      expect(heard["signal"]).toMatchObject({ code: "ECONNRESET" });
      expect(heard["body"]).toBe(heard["signal"]);
    });
    expect(errors).toEqual([]);
  });

  test("whose client is gone before the answer is served no further", async () => {
    const errors: unknown[] = [];
    let answer: (() => void) | undefined;
    let gone = false;
    const server = await served(
      async (request) => {
        request.signal.addEventListener("abort", () => {
          gone = true;
        });
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return new Response("nobody reads this");
      },
      { onError: (error) => void errors.push(error) },
    );
    const connection = raw(server);
    connection.send(GET);
    await vi.waitFor(() => expect(answer).toBeDefined());
    connection.socket.resetAndDestroy();
    await vi.waitFor(() => expect(gone).toBe(true));
    answer?.();
    await vi.waitFor(() => expect(server.connections).toBe(0));
    expect(errors).toEqual([]);
  });

  test("sends 100 Continue when the body is wanted, and only then", async () => {
    const server = await served(async (request) => {
      if (request.url.endsWith("/no")) return new Response("refused", { status: 403 });
      return new Response(await request.text());
    });
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`;
    const wanted = raw(server);
    wanted.send(head("/yes"));
    await wanted.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    wanted.send(`body${GET.replace("GET /", "GET /no")}`);
    const text = await wanted.until(/refused$/);
    expect(statuses(text)).toEqual([100, 200, 403]);
    wanted.socket.destroy();
    const unwanted = raw(server);
    unwanted.send(head("/no"));
    const refusal = await unwanted.over;
    expect(statuses(refusal.text)).toEqual([403]);
    expect(refusal.text).toContain("Connection: close");
  });

  test("never sends 100 Continue into a response", async () => {
    let read: (() => void) | undefined;
    const server = await served((request) => {
      const body = new ReadableStream({
        async start(controller) {
          await new Promise<void>((resolve) => {
            read = resolve;
          });
          void request.text().catch(() => {});
          controller.enqueue(new TextEncoder().encode("late"));
          controller.close();
        },
      });
      return new Response(body);
    });
    const connection = raw(server);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    await connection.until(/\r\n\r\n/);
    read?.();
    const { text } = await connection.over;
    expect(text).not.toContain("100 Continue");
    expect(text).toMatch(/4\r\nlate\r\n0\r\n\r\n$/);
  });

  test("streams both ways at once", async () => {
    const server = await served((request) => new Response(request.body));
    const connection = raw(server);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    await connection.until(/\r\n\r\n$/);
    for (const piece of ["one", "two"]) {
      connection.send(`3\r\n${piece}\r\n`);
      await connection.until(new RegExp(`3\r\n${piece}\r\n$`));
    }
    connection.send("0\r\n\r\n");
    await connection.until(/0\r\n\r\n$/);
    connection.send(GET);
    await connection.until(/0\r\n\r\nHTTP[\s\S]*\r\n\r\n$/);
    connection.socket.destroy();
  });

  test("reads what a handler left of a short body, and closes after a long one", async () => {
    const server = await served(() => new Response("x"), { maxDrainBytes: 1000 });
    expect(statuses(await exchange(server, post("a".repeat(900)) + GET))).toEqual([200, 200]);
    const long = raw(server);
    long.send(post("a".repeat(500_000)) + GET);
    const { how, text } = await long.over;
    expect([how, statuses(text)]).toEqual(["end", [200]]);
  });

  test("lets nobody read a body after its response", async () => {
    let late: Promise<unknown> | undefined;
    const server = await served((request) => {
      late = new Promise((resolve) => setTimeout(resolve, 20))
        .then(() => request.text())
        .catch((error: Error) => error.message);
      return new Response("early");
    });
    await exchange(server, post("hello"));
    expect(await late).toBe("The response was sent, the request body is gone");
  });
});

describe("Backpressure", () => {
  test("a handler that does not read stops the client", async () => {
    let release: (() => void) | undefined;
    const server = await served(async (request) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      const bytes = await request.arrayBuffer();
      return new Response(String(bytes.byteLength));
    });
    const connection = raw(server);
    const size = 32 * 1024 * 1024;
    connection.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    connection.socket.write(Buffer.alloc(size));
    // The system's buffers take some megabytes; the rest stays here.
    await vi.waitFor(() => expect(release).toBeDefined());
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(connection.socket.writableLength).toBeGreaterThan(16 * 1024 * 1024);
    release?.();
    await connection.until(new RegExp(`${size}$`));
    connection.socket.destroy();
  });

  test("a client that does not read stops the response's source", async () => {
    let pulled = 0;
    const server = await served(
      () =>
        new Response(
          new ReadableStream(
            {
              pull(controller) {
                pulled++;
                controller.enqueue(new Uint8Array(65536));
              },
            },
            { highWaterMark: 0 },
          ),
        ),
    );
    const connection = raw(server);
    connection.socket.pause();
    connection.send(GET);
    await vi.waitFor(() => expect(pulled).toBeGreaterThan(0));
    let before = -1;
    await vi.waitFor(
      () => {
        const steady = pulled === before;
        before = pulled;
        expect(steady).toBe(true);
      },
      { interval: 100, timeout: 10_000 },
    );
    expect(pulled).toBeLessThan(500);
    connection.socket.destroy();
  });
});
