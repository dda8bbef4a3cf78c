// The runtimes that other tests stand on really start here.

import { describe, expect, test } from "vitest";
import { bun, deno, launchChromium, load, run } from "./index.ts";

describe("test/runtimes", () => {
  test("Deno starts and is Deno", async (context) => {
    const program = deno();
    if ("notRun" in program) return context.skip(program.notRun);
    const outcome = await run(program.path, ["eval", "console.log(Deno.version.deno)"]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/^2\./);
  });

  test("Bun starts and is Bun", async (context) => {
    const program = bun();
    if ("notRun" in program) return context.skip(program.notRun);
    const outcome = await run(program.path, ["--eval", "console.log(Bun.version)"]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stdout).toMatch(/^1\./);
  });

  test("Chromium starts with web security on: a page cannot read another origin", async (context) => {
    const started = await launchChromium();
    if ("notRun" in started) return context.skip(started.notRun);
    const { createServer } = await import("node:http");
    const server = createServer((_request, response) => response.end("<!doctype html><title>here</title>"));
    const other = createServer((_request, response) => response.end("secret"));
    const addresses = await Promise.all([server, other].map(listen));
    try {
      const page = await started.browser.newPage();
      await page.goto(addresses[0]);
      expect(await page.title()).toBe("here");
      const read = await page.evaluate(
        (url) =>
          fetch(url).then(
            (response) => response.text(),
            () => "refused",
          ),
        addresses[1],
      );
      expect(read).toBe("refused");
    } finally {
      await started.browser.close();
      server.close();
      other.close();
    }
  });

  test("The interop libraries load", () => {
    expect(load("pg").Client).toBeTypeOf("function");
    expect(load("ioredis").Redis).toBeTypeOf("function");
    expect(load("ssh2").Client).toBeTypeOf("function");
    expect(load("hono").Hono).toBeTypeOf("function");
  });
});

function listen(server: import("node:http").Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("The server has no port");
      resolve(`http://127.0.0.1:${address.port}/`);
    });
  });
}
