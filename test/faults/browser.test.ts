// A tab in a real Chromium, whose own WebSocket is killed again and again: by the network, and by close().
import type { RequestListener } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Browser, launchChromium, load } from "../runtimes/index.ts";
import { check } from "./exchange.ts";
import { chosen } from "./full.ts";
import type { FaultPage } from "./page.ts";
import { FaultWorld } from "./world.ts";

/** In the page. */
declare const faultPage: FaultPage;

const BYTES = chosen(4 << 20, 256 << 20);
const EVERY = chosen(150, 300);

describe("A tab's transfers both ways", () => {
  let browser: Browser | null = null;
  let notRun: string | undefined;
  let script = "";
  let world: FaultWorld | null = null;

  beforeAll(async () => {
    const launched = await launchChromium();
    if ("notRun" in launched) {
      notRun = launched.notRun;
      return;
    }
    browser = launched.browser;
    script = await bundle();
  }, 60_000);

  afterAll(() => browser?.close());
  afterEach(() => world?.end());

  test.each([
    ["killed by the network", 1],
    ["killed by the network", 10],
    ["closed by the page", 10],
  ] as const)(
    "arrive whole while its WebSocket is %s every few moments, over %i streams",
    async (how, streams) => {
      if (browser === null) throw new Error(`Chromium did not run: ${notRun}`);
      const started = await FaultWorld.start({ relay: { request: servePage(script) } });
      world = started;
      const { proxy, server, relay } = started;
      const page = await browser.newPage({ locale: "en-US" });
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      await page.goto(proxy.url.replace(/^ws/, "http"));
      await page.waitForFunction(() => typeof faultPage === "object");
      const isNetwork = how === "killed by the network";
      // Not the opening: without a session there is nothing to come back to.
      const timer = setInterval(() => {
        if (isNetwork && server.open > 0) proxy.cut();
      }, EVERY);
      const { moved, resumed } = await page
        .evaluate(([addr, options]) => faultPage.moveAll(addr, options), [
          server.addr,
          { streams, bytes: BYTES, closeEvery: isNetwork ? 0 : EVERY },
        ] as const)
        .finally(() => clearInterval(timer));
      expect(moved).toHaveLength(streams);
      for (const stream of moved) check(server, stream);
      expect(resumed).toBeGreaterThan(0);
      expect(relay.counters).toMatchObject({ sessionsOpened: 1, sessionsReborn: 0 });
      expect(server.failures).toBe(0);
      expect(problems).toEqual([]);
      await page.close();
    },
  );
});

async function bundle(): Promise<string> {
  const { outputFiles } = await load("esbuild").build({
    entryPoints: [`${import.meta.dirname}/page.ts`],
    bundle: true,
    // package.json says that only entries have side effects; the page is one too.
    ignoreAnnotations: true,
    write: false,
    format: "iife",
    platform: "browser",
  });
  return outputFiles[0]?.text ?? "";
}

function servePage(script: string): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    // Nothing in the program ends a script element.
    response.end(
      `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>${script}</script>`,
    );
  };
}
