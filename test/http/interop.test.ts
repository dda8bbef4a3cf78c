// The server against clients that others wrote (node:http, fetch, curl), and an application that others wrote (Hono).
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { nodeNetwork } from "../../src/adapters/node/index.ts";
import { fetchOver, fileResponse, HttpError, httpResponse } from "../../src/http/index.ts";
import { load, run } from "../runtimes/index.ts";
import { served } from "./raw-client.ts";

const hash = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

describe("node:http", () => {
  test("uses one kept connection for many requests, with bodies of all kinds", async () => {
    const server = await served(async (request) => new Response(`${request.method}:${await request.text()}`));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (method: string, pieces: string[]): Promise<string> =>
      new Promise((resolve, reject) => {
        const outgoing = httpRequest(server.url, { method, agent }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => {
            text += part;
          });
          response.on("end", () => resolve(text));
        });
        outgoing.on("error", reject);
        for (const piece of pieces) outgoing.write(piece);
        outgoing.end();
      });
    for (let index = 0; index < 50; index++) {
      expect(await ask("POST", ["a".repeat(index), "b"])).toBe(`POST:${"a".repeat(index)}b`);
      expect(await ask("GET", [])).toBe("GET:");
    }
    agent.destroy();
    expect(server.counters).toMatchObject({ accepted: 1, requests: 100, refused: {} });
  });
});

describe("fetch, the runtime's own", () => {
  test("gets and sends megabytes, many at once, byte for byte", async () => {
    const server = await served((request) => new Response(request.body));
    const results = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const data = randomBytes(index * 137_111);
        const response = await fetch(server.url, { method: "POST", body: data });
        return hash(new Uint8Array(await response.arrayBuffer())) === hash(data);
      }),
    );
    expect(results).toEqual(results.map(() => true));
  });
});

describe("fetchOver()", () => {
  test("and serve() echo megabytes, many at once, byte for byte", async () => {
    const server = await served((request) => new Response(request.body));
    await using fetch = fetchOver(nodeNetwork);
    const results = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const data = randomBytes(index * 137_111);
        const response = await fetch(server.url, { method: "POST", body: new Blob([data]).stream() });
        return hash(new Uint8Array(await response.arrayBuffer())) === hash(data);
      }),
    );
    expect(results).toEqual(results.map(() => true));
  });

  test("and serve() bring cookies there and back", async () => {
    const server = await served((request) => {
      const visits = Number(/visits=(\d+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? 0) + 1;
      return {
        headers: [
          ["Set-Cookie", `visits=${visits}`],
          ["Set-Cookie", "other=x; HttpOnly"],
        ],
        body: String(visits),
      };
    });
    await using fetch = fetchOver(nodeNetwork);
    let cookie = "";
    for (let visit = 1; visit <= 3; visit++) {
      const response = await fetch(server.url, { headers: { Cookie: cookie } });
      expect(await response.text()).toBe(String(visit));
      expect(response.headers.getSetCookie()).toEqual([`visits=${visit}`, "other=x; HttpOnly"]);
      cookie = response.headers.getSetCookie()[0] ?? "";
    }
  });
});

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

// curl is on most machines, but is nothing that npm can install.
describe.skipIf(!hasCurl)("curl", () => {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-curl-"));
  const data = randomBytes(3_000_000);
  const file = new File([data], "grüße.bin", { lastModified: 1_700_000_000_000 });
  const curl = (...parameters: string[]) => run("curl", ["-sS", "-m", "20", ...parameters], { cwd: folder });

  afterAll(() => rmSync(folder, { recursive: true }));

  test("downloads a file, resumes one, and takes parts of one", async () => {
    const server = await served((request) => fileResponse(request, file));
    expect(await curl("-o", "whole.bin", server.url)).toMatchObject({ code: 0, stderr: "" });
    expect(hash(readFileSync(join(folder, "whole.bin")))).toBe(hash(data));
    expect(await curl("-r", "0-999999", "-o", "part.bin", server.url)).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, "part.bin"))).toHaveLength(1_000_000);
    expect(await curl("-C", "-", "-o", "part.bin", server.url)).toMatchObject({ code: 0, stderr: "" });
    expect(hash(readFileSync(join(folder, "part.bin")))).toBe(hash(data));
    const head = await curl("-I", server.url);
    expect(head.stdout).toContain("Content-Length: 3000000");
  });

  test("uploads, by length and in chunks, with and without asking first", async () => {
    const server = await served(
      async (request) => new Response(hash(new Uint8Array(await request.arrayBuffer()))),
    );
    const whole = join(folder, "whole.bin");
    for (const parameters of [
      [],
      ["-H", "Transfer-Encoding: chunked"],
      ["-H", "Expect: 100-continue"],
      ["-H", "Expect:"],
      ["-0"],
    ]) {
      const outcome = await curl("--data-binary", `@${whole}`, ...parameters, server.url);
      expect(outcome).toMatchObject({ code: 0, stdout: hash(data), stderr: "" });
    }
  });

  test("gives up on an upload that is refused, and reads why", async () => {
    const server = await served(async (request) => new Response(await request.text()), {
      maxBodyBytes: 1000,
    });
    const outcome = await curl("--data-binary", `@${join(folder, "whole.bin")}`, "-H", "Expect:", server.url);
    expect(outcome).toMatchObject({ code: 0, stdout: "The body is larger than 1000 bytes\n" });
  });

  test("reuses the connection, and sends a path as it was typed", async () => {
    const server = await served((request) => new Response(`${new URL(request.url).pathname}\n`));
    const outcome = await curl(`${server.url}grüße`, `${server.url}b`);
    expect(decodeURIComponent(outcome.stdout)).toBe("/grüße\n/b\n");
    expect(server.counters.accepted).toBe(1);
  });
});

describe("A Hono application", () => {
  test("runs: routes, JSON, streams, cookies, info, errors", async () => {
    const { Hono } = load("hono");
    const app = new Hono<{ Bindings: { peerAddr: { hostname: string } } }>();
    app.get("/hello/:name", (c) => c.text(`hello ${c.req.param("name")} from ${c.env.peerAddr.hostname}`));
    app.post("/json", async (c) => c.json({ got: await c.req.json() }, 201));
    app.post("/echo", (c) => new Response(c.req.raw.body));
    app.get("/cookie", (c) => {
      c.header("Set-Cookie", "a=1", { append: true });
      c.header("Set-Cookie", "b=2", { append: true });
      return c.text(c.req.header("cookie") ?? "none");
    });
    app.get("/own", () => httpResponse("own", { headers: [["Set-Cookie", "c=3"]] }));
    app.get("/missing", () => {
      throw new HttpError(404, "Nothing here");
    });
    app.post("/large", async (c) => c.text(await c.req.text()));
    app.mount("/mounted", (request) => new Response(`${request.method} ${new URL(request.url).pathname}`));
    const server = await served(app.fetch, { maxBodyBytes: 1000 });
    await using fetch = fetchOver(nodeNetwork);
    const text = async (path: string, init?: Parameters<typeof fetch>[1]): Promise<[number, string]> => {
      const response = await fetch(`${server.url}${path}`, init);
      return [response.status, await response.text()];
    };
    expect(await text("hello/world")).toEqual([200, "hello world from 127.0.0.1"]);
    expect(await text("json", { method: "POST", body: '{"a":[1]}' })).toEqual([201, '{"got":{"a":[1]}}']);
    expect(await text("echo", { method: "POST", body: new Blob(["streamed"]).stream() })).toEqual([
      200,
      "streamed",
    ]);
    expect(await text("missing")).toEqual([404, "Nothing here\n"]);
    expect(await text("nowhere")).toEqual([404, "404 Not Found"]);
    expect(await text("mounted/x", { method: "PUT" })).toEqual([200, "PUT /x"]);
    expect((await text("large", { method: "POST", body: "x".repeat(1001) }))[0]).toBe(413);
    const cookies = await fetch(`${server.url}cookie`, { headers: { Cookie: "q=r" } });
    expect([await cookies.text(), cookies.headers.getSetCookie()]).toEqual(["q=r", ["a=1", "b=2"]]);
    expect((await fetch(`${server.url}own`)).headers.getSetCookie()).toEqual(["c=3"]);
  });
});
