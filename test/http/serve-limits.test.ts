import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { nodeNetwork } from "../../src/adapters/node/index.ts";
import { serve, serveLimits } from "../../src/http/index.ts";
import { MemoryNetwork } from "../core/net/memory-network.ts";
import { exchange, raw, served, statuses } from "./raw-client.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("Hostile requests", () => {
  test.each([
    ["HTTP/2 without an upgrade", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["TLS", "\x16\x03\x01\x00\x05hello\r\n\r\n", 400],
    ["a method nobody offers", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
    ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
    ["a Host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400],
    ["a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
    ["a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400],
    ["a target of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a target of https", "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a target that is no path", "GET index.html HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["an asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400],
    ["a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400],
    ["white space before a colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["an unknown expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417],
    ["a long request line", `GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["a request line without end", `GET /${"a".repeat(40_000)}`, 414],
    ["too large a head", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(33_000)}\r\n\r\n`, 431],
    ["too many fields", `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(100)}\r\n`, 431],
    ["too large a declared body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413],
    [
      "both lengths",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    [
      "another coding",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      501,
    ],
  ])("with %s is refused, and nothing behind it is served", async (_name, input, status) => {
    const handler = vi.fn(() => new Response("served"));
    const server = await served(handler, { maxBodyBytes: 1000 });
    const text = await exchange(server, input + GET);
    expect(statuses(text)).toEqual([status]);
    expect(text).toContain("Connection: close");
    expect(handler).not.toHaveBeenCalled();
    expect(server.counters).toMatchObject({ requests: 0, refused: { [status]: 1 } });
  });

  test.each([
    ["CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"],
    ["TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4", `5c\r\n${GET}\r\n0\r\n\r\n`],
    ["TE.TE", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "0\r\n\r\n"],
    ["TE with a tab before the colon", "Transfer-Encoding\t: chunked", "0\r\n\r\n"],
    ["TE folded", "Transfer-Encoding:\r\n chunked", "0\r\n\r\n"],
    ["TE behind a bare CR", "X: y\rTransfer-Encoding: chunked", "0\r\n\r\n"],
    ["TE behind a bare LF", "X: y\nTransfer-Encoding: chunked", "0\r\n\r\n"],
    ["TE behind NUL", "Transfer-Encoding: \0chunked", "0\r\n\r\n"],
    ["two lengths", "Content-Length: 0\r\nContent-Length: 44", GET],
    ["a length with a sign", "Content-Length: +0", GET],
  ])("that smuggle by %s serve no second request", async (_name, fields, rest) => {
    const handler = vi.fn(() => new Response("served"));
    const server = await served(handler);
    const text = await exchange(server, `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${rest}${GET}`);
    expect(handler).not.toHaveBeenCalled();
    expect(statuses(text)).toHaveLength(1);
    expect(statuses(text)[0]).toBeGreaterThanOrEqual(400);
  });

  test.each([
    ["a chunk size with 0x", "0x1\r\na\r\n0\r\n\r\n", 400],
    ["a chunk that is longer than it says", "1\r\nab\r\n0\r\n\r\n", 400],
    ["a body beyond the limit", `${"64\r\n".repeat(1)}${"a".repeat(100)}\r\n`.repeat(20), 413],
  ])("with %s fail in the handler and end the connection", async (_name, body, status) => {
    const server = await served(async (request) => new Response(await request.text()), {
      maxBodyBytes: 1000,
    });
    const text = await exchange(
      server,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}${GET}`,
    );
    expect(statuses(text)).toEqual([status]);
    expect(text).toContain("Connection: close");
  });

  test("never crash the server and always end, whatever they are", async () => {
    const network = new MemoryNetwork();
    const server = serve(
      await network.bind("127.0.0.1:80"),
      async (request) => new Response(await request.text()),
      {
        onError: () => undefined,
      },
    );
    const part = fc.oneof(
      fc.constantFrom(
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
        "Host: a\r\n",
        "\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "\r",
        "\n",
        " ",
        ":",
      ),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 20 }), async (parts) => {
        const stream = await network.connect("127.0.0.1:80");
        const bytes = Uint8Array.from(parts.join(""), (character) => character.charCodeAt(0));
        await stream.writeAll(bytes).catch(() => {});
        await stream.shutdown("write").catch(() => {});
        const answer = await stream.readToEnd().catch(() => new Uint8Array(0));
        const text = String.fromCharCode(...answer);
        if (text !== "") expect(text).toMatch(/^HTTP\/1\.1 \d{3} /);
        await stream.close();
      }),
      { numRuns: 500 },
    );
    const stream = await network.connect("127.0.0.1:80");
    await stream.writeAll(new TextEncoder().encode(GET));
    expect(new TextDecoder().decode((await stream.readChunk())!)).toMatch(/^HTTP\/1\.1 200 OK/);
    stream.abort();
    await server.close({ timeout: 0 });
    expect(server.connections).toBe(0);
  });
});

describe("Slow clients", () => {
  test("that say nothing are let go", async () => {
    const server = await served(() => new Response(), { headerTimeout: 50 });
    const connection = raw(server);
    expect(await connection.over).toEqual({ how: "end", text: "" });
  });

  test("that send a head byte by byte get 408", async () => {
    const server = await served(() => new Response(), { headerTimeout: 300 });
    const connection = raw(server);
    const timer = setInterval(() => connection.send("X"), 20);
    const { text } = await connection.over;
    clearInterval(timer);
    expect(statuses(text)).toEqual([408]);
    expect(text).toContain("The head of the request took longer than 0.3 s");
  });

  test("that stall in a body get 408 through the handler", async () => {
    const server = await served(async (request) => new Response(await request.text()), { bodyTimeout: 50 });
    const connection = raw(server);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    const { text } = await connection.over;
    expect(statuses(text)).toEqual([408]);
    expect(text).toContain("No byte of the request body came");
  });

  test("that stall in a body that nobody reads lose the connection after the answer", async () => {
    const server = await served(() => new Response("answer"), { bodyTimeout: 50 });
    const connection = raw(server);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    const { text } = await connection.over;
    expect(text).toMatch(/answer$/);
  });

  test("that idle between requests are let go", async () => {
    const server = await served(() => new Response("x"), { idleTimeout: 50 });
    const connection = raw(server);
    connection.send(GET);
    const { how, text } = await connection.over;
    expect([how, statuses(text)]).toEqual(["end", [200]]);
    expect(text).toContain("Keep-Alive: timeout=1");
  });

  test("that take no byte of a response are reset", async () => {
    let reason: unknown;
    const server = await served(
      (request) => {
        request.signal.addEventListener("abort", () => {
          reason = request.signal.reason;
        });
        return { body: new Uint8Array(64 * 1024 * 1024) };
      },
      { writeTimeout: 300 },
    );
    const connection = raw(server);
    connection.socket.pause();
    connection.send(GET);
    await vi.waitFor(
      () => expect(reason).toMatchObject({ message: "The client took no byte for 0.3 s" }),
      10_000,
    );
    await vi.waitFor(() => expect(server.connections).toBe(0));
    connection.socket.destroy();
  });

  test("are not those whose handler is slow", async () => {
    const server = await served(
      async (request) => {
        await new Promise((resolve) => setTimeout(resolve, 400));
        return new Response(await request.text());
      },
      { bodyTimeout: 100, headerTimeout: 100, idleTimeout: 100, writeTimeout: 100 },
    );
    const text = await exchange(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    expect(text).toMatch(/body$/);
  });
});

describe("Many connections", () => {
  test("beyond the limit wait, and idle ones make room", async () => {
    const server = await served(() => new Response("x"), { maxConnections: 2 });
    const first = raw(server);
    const second = raw(server);
    for (const connection of [first, second]) {
      connection.send(GET);
      await connection.until(/x$/);
    }
    const third = raw(server);
    third.send(GET);
    await third.until(/x$/);
    expect((await first.over).how).toBe("end");
    expect(server.connections).toBeLessThanOrEqual(2);
    second.socket.destroy();
    third.socket.destroy();
  });

  test("beyond the limit wait for busy ones", async () => {
    const release: (() => void)[] = [];
    const server = await served(
      () => new Promise<Response>((resolve) => release.push(() => resolve(new Response("x")))),
      { maxConnections: 1 },
    );
    const first = raw(server);
    first.send(GET);
    const second = raw(server);
    second.send(GET);
    await vi.waitFor(() => expect(release).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(release).toHaveLength(1);
    release[0]?.();
    await first.until(/x$/);
    await vi.waitFor(() => expect(release).toHaveLength(2));
    release[1]?.();
    await second.until(/x$/);
    for (const connection of [first, second]) connection.socket.destroy();
  });
});

describe("HttpServer.close()", () => {
  test("lets a request finish, with Connection: close, and ends idle connections at once", async () => {
    let release: (() => void) | undefined;
    const server = await served((request) =>
      request.url.endsWith("/slow")
        ? new Promise<Response>((resolve) => {
            release = () => resolve(new Response("finished"));
          })
        : new Response("quick"),
    );
    const idle = raw(server);
    idle.send(GET);
    await idle.until(/quick$/);
    const busy = raw(server);
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await vi.waitFor(() => expect(release).toBeDefined());
    const closed = server.close();
    expect((await idle.over).how).toBe("end");
    release?.();
    const { text } = await busy.over;
    expect(text).toContain("Connection: close");
    expect(text).toMatch(/finished$/);
    await closed;
    await server.finished;
    expect(server.connections).toBe(0);
  });

  test("resets what does not finish in time, and is idempotent", async () => {
    let reason: unknown;
    const server = await served((request) => {
      request.signal.addEventListener("abort", () => {
        reason = request.signal.reason;
      });
      return new Promise<Response>(() => {});
    });
    const connection = raw(server);
    connection.send(GET);
    await vi.waitFor(() => expect(server.counters.requests).toBe(1));
    await Promise.all([server.close({ timeout: 20 }), server.close()]);
    expect((await connection.over).how).toBe("reset");
    expect(reason === undefined || (reason as { code: string }).code === "ERR_SOCKET_CLOSED").toBe(true);
  });

  test("frees the port", async () => {
    const server = await served(() => new Response());
    await server.close();
    const again = raw(server);
    expect((await again.over).how).toBe("reset");
  });
});

describe("serve()", () => {
  test("tells a URL that can be opened, also when it listens everywhere", async () => {
    for (const [address, url] of [
      ["0.0.0.0:0", /^http:\/\/127\.0\.0\.1:\d+\/$/],
      ["[::]:0", /^http:\/\/\[::1\]:\d+\/$/],
    ] as const) {
      const listener = await nodeNetwork.bind(address).catch(() => null);
      // Not every machine has IPv6.
      if (listener === null && address.startsWith("[")) continue;
      const server = serve(listener!, () => new Response("x"));
      expect(server.url).toMatch(url);
      expect(await (await fetch(server.url)).text()).toBe("x");
      await server.close();
    }
  });

  test("tells when its listener failed", async () => {
    const network = new MemoryNetwork();
    const listener = await network.bind("127.0.0.1:80");
    const server = serve(listener, () => new Response());
    await listener.close();
    await expect(server.finished).rejects.toMatchObject({ code: "ERR_SOCKET_CLOSED" });
    await server.close();
  });

  test("refuses limits that are none", async () => {
    const listener = await new MemoryNetwork().bind("127.0.0.1:80");
    for (const name of Object.keys(serveLimits)) {
      for (const value of [-1, Number.NaN]) {
        expect(() => serve(listener, () => new Response(), { [name]: value })).toThrow(
          new RangeError(`${name} must be a number above 0`),
        );
      }
    }
    await listener.close();
  });
});
