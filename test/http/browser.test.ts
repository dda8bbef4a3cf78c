// serve() and fetchOver() in a real tab, where the browser's own Request and Response drop header fields.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Browser, launchChromium, load, runtimesFolder } from "../runtimes/index.ts";
import type { Seen } from "./browser-page.ts";
import { served } from "./raw-client.ts";

describe("In a Chromium tab", () => {
  let browser: Browser | undefined;
  let notRun: string | undefined;

  beforeAll(async () => {
    const launched = await launchChromium();
    if ("notRun" in launched) notRun = launched.notRun;
    else browser = launched.browser;
  }, 60_000);

  afterAll(() => browser?.close());

  test("requests keep Cookie, responses Set-Cookie, and Hono runs", async (context) => {
    if (browser === undefined) return context.skip(notRun);
    const { outputFiles } = await load("esbuild").build({
      stdin: {
        contents: 'import { Hono } from "hono"; globalThis.Hono = Hono; import "./browser-page.ts";',
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      // package.json says that only entries have side effects; the page is one too.
      ignoreAnnotations: true,
      write: false,
      format: "iife",
      platform: "browser",
      nodePaths: [join(runtimesFolder, "node_modules")],
    });
    const script = outputFiles[0]?.text ?? "";
    const server = await served(({ url }) =>
      url.endsWith("/page.js")
        ? new Response(script, { headers: { "content-type": "text/javascript" } })
        : new Response('<!doctype html><script src="/page.js"></script>', {
            headers: { "content-type": "text/html" },
          }),
    );
    const page = await browser.newPage();
    await page.goto(server.url);
    const seen = (await page.evaluate("run()")) as Seen;
    expect(seen.native).toEqual({ cookie: null, setCookie: null });
    expect(seen.request).toMatchObject({
      cookie: "a=b",
      host: "tab.example",
      origin: "http://o.example",
      referer: "http://r.example/",
    });
    expect(seen.visits).toEqual(["1", "2", "3"]);
    expect(seen.setCookies).toEqual({ like: ["a=1", "b=2"], own: ["c=3"], native: [] });
    expect(seen.echoed).toBe(3_000_000);
    expect(seen.part).toEqual([206, "789", "bytes 7-9/10"]);
    expect(seen.hono).toEqual([200, "tab q=r body", "12"]);
    expect(seen.url).toBe("http://127.0.0.1/headers");
    await page.close();
  });
});
