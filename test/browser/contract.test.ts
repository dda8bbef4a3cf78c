// The library in a real Chromium with web security on: the contract suite test by test, a tab that dials and is dialled
// by plain node:net, bulk both ways, a relay that closes, and pages in the background. A relay serves page and
// WebSocket on one port. What the page runs is in tab-page.ts.

import { createHash } from "node:crypto";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import net from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemGaps } from "../adapters/gaps.ts";
import { silentPort } from "../adapters/silent-port.ts";
import { contractSuite } from "../contract/suite.ts";
import { pattern } from "../contract/world.ts";
import { muteTunnel } from "../relay/raw-client.ts";
import { Relay, Testbed, until } from "../relay/testbed.ts";
import { type Browser, launchChromium, load, type Page } from "../runtimes/index.ts";
import { muteName, tabWorlds } from "./contract-worlds.ts";
import type { Digest, Tab } from "./tab-page.ts";

/** In the page. */
declare const tab: Tab;

describe("In a Chromium tab", () => {
  const testbed = new Testbed();
  let browser: Browser;
  let notRun: string | undefined;
  let script: string;
  let relay: Relay;
  let silent: number;

  beforeAll(async () => {
    const launched = await launchChromium();
    if ("notRun" in launched) {
      notRun = launched.notRun;
      return;
    }
    browser = launched.browser;
    testbed.onClose(() => browser.close());
    script = await bundle();
    const silence = await silentPort();
    testbed.onClose(silence.close);
    silent = silence.port;
    relay = await serveTab(script);
    testbed.onClose(() => relay.close());
    testbed.onClose(await muteTunnel(relay.url, muteName));
  }, 60_000);

  afterAll(() => testbed.close(), 30_000);

  beforeEach((context) => {
    if (notRun !== undefined) context.skip(notRun);
  });

  /** A tab at a relay, in a context of its own: the failures of one are not another's. */
  async function openTab(at: Relay, prepare?: (page: Page) => Promise<void>): Promise<OpenPage> {
    const page = await browser.newPage({ locale: "en-US" });
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("crash", () => problems.push("The page crashed"));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    await prepare?.(page);
    await page.goto(`${at.url.replace(/^ws/, "http")}?silent=${silent}`);
    await page.waitForFunction(() => typeof tab === "object");
    return { page, takeProblems: () => problems.splice(0) };
  }

  describe("the contract of streams and listeners", () => {
    let contract: OpenPage;

    beforeAll(async () => {
      if (notRun === undefined) contract = await openTab(relay);
    }, 30_000);

    for (const world of tabWorlds(undefined, systemGaps)) {
      contractSuite(world, {
        test: (name) => {
          test(name, async () => {
            const failure = await contract.page.evaluate((name) => tab.contract(name), name);
            if (failure !== null) throw new Error(failure);
            expect(contract.takeProblems()).toEqual([]);
          }, 60_000);
        },
        skip: (name, reason) => void test.skip(`${name} (not here: ${reason})`, () => undefined),
        after: () => undefined,
      });
    }

    test("leaves no stream at the relay and nothing on the console", async () => {
      await contract.page.evaluate(() => tab.finish());
      await until("the relay has no stream", () => relay.counters.streams === 0);
      expect(contract.takeProblems()).toEqual([]);
      await contract.page.close();
    }, 30_000);
  });

  describe("a page", () => {
    let one: OpenPage;

    beforeAll(async () => {
      if (notRun !== undefined) return;
      one = await openTab(relay);
      expect(await one.page.evaluate(() => tab.open())).toBeNull();
    }, 30_000);

    afterAll(() => one?.page.close());

    test("listens, and plain TCP dials it, many at once, with half close", async () => {
      const addr = await one.page.evaluate(() => tab.echo());
      const texts = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(10_000));
      const answers = await Promise.all(texts.map((text) => askByNode(addr, Buffer.from(text))));
      expect(answers.map(String)).toEqual(texts);
    });

    test("dials a real server and half closes", async () => {
      const addr = `127.0.0.1:${await answerAfterTheEnd(testbed)}`;
      expect(await one.page.evaluate((addr) => tab.ask(addr, "hello"), addr)).toBe("hello, all of it");
    });

    test("is told of a server's reset, and tells a server of its own", async () => {
      const resetting = await testbed.server((socket) => socket.on("data", () => socket.resetAndDestroy()));
      const ask = one.page.evaluate((addr) => tab.ask(addr, "hello"), `127.0.0.1:${resetting}`);
      expect(await ask).toBe("ECONNRESET");
      let told: (code: string | undefined) => void = () => {};
      const code = new Promise<string | undefined>((resolve) => {
        told = resolve;
      });
      const port = await testbed.server((socket) => {
        socket.resume().on("error", (error: NodeJS.ErrnoException) => told(error.code));
        socket.on("end", () => told("the end"));
      });
      await one.page.evaluate((addr) => tab.abort(addr), `127.0.0.1:${port}`);
      expect(await code).toBe("ECONNRESET");
    });

    test("sends and receives 32 MiB at once, byte for byte", async () => {
      const size = 32 << 20;
      const server = await exchanger(testbed, size);
      const inPage = await one.page.evaluate(({ addr, size }) => tab.exchange(addr, size), {
        addr: `127.0.0.1:${server.port}`,
        size,
      });
      expect(inPage).toEqual({ sent: await server.received, received: server.sent });
      expect(inPage.received.length).toBe(size);
    }, 60_000);

    test("is told that nobody listens, that the relay forbids, that there is no such peer", async () => {
      const port = await closedPort();
      const ask = (addr: string): Promise<string> => one.page.evaluate((addr) => tab.ask(addr, "x"), addr);
      expect(await ask(`127.0.0.1:${port}`)).toBe("ECONNREFUSED");
      expect(await ask("10.0.0.1:22")).toBe("ERR_DENIED");
      expect(await ask("nobody.peer:7")).toBe("EHOSTUNREACH");
    });

    test("raised no error", () => {
      expect(one.takeProblems()).toEqual([]);
    });
  });

  test("a relay that closes gives each pending call one coded error; opening again is refused", async () => {
    const own = await serveTab(script);
    const { page, takeProblems } = await openTab(own);
    expect(await page.evaluate(() => tab.open())).toBeNull();
    // Reads nothing, so that the write stays pending.
    const port = await testbed.server((socket) => socket.pause());
    await page.evaluate((addr) => tab.leavePending(addr), `127.0.0.1:${port}`);
    await own.close();
    expect(await page.evaluate(() => tab.pendingCodes())).toEqual({
      read: "ECONNRESET",
      write: "ECONNRESET",
      accept: "ECONNRESET",
      stream: "ECONNRESET",
      tunnel: "ECONNRESET",
    });
    expect(takeProblems()).toEqual([]);
    expect(await page.evaluate(() => tab.open())).toBe("ECONNREFUSED");
    // Chromium itself writes this, and no page can keep it from doing so.
    expect(takeProblems()).toEqual([expect.stringContaining("ERR_CONNECTION_REFUSED")]);
    await page.close();
  });

  test("a page of another origin neither reads what the relay serves nor opens a tunnel", async () => {
    const other = await serveTab(script);
    testbed.onClose(() => other.close());
    const { page } = await openTab(other);
    const url = relay.url;
    expect(await page.evaluate((url) => tab.mayRead(url), url.replace(/^ws/, "http"))).toBe(false);
    expect(await page.evaluate((url) => tab.open(url), url)).toBe("ECONNREFUSED");
    expect(await page.evaluate(() => tab.open())).toBeNull();
    await page.close();
  });

  test("in the background, with timers once a second, streams go on", async () => {
    const { page, takeProblems } = await openTab(relay, async (page) => {
      await page.addInitScript(slowTimers);
    });
    expect(await page.evaluate(() => tab.open())).toBeNull();
    const addr = await page.evaluate(() => tab.echo());
    const sent = Buffer.from(pattern(4 << 20));
    expect(hash(await askByNode(addr, sent))).toEqual(hash(sent));
    const server = await exchanger(testbed, 4 << 20);
    const inPage = await page.evaluate((addr) => tab.exchange(addr, 4 << 20), `127.0.0.1:${server.port}`);
    expect(inPage).toEqual({ sent: await server.received, received: server.sent });
    await page.evaluate(() => tab.close());
    expect(takeProblems()).toEqual([]);
    await page.close();
  }, 30_000);

  test("a page that stands still, as in a debugger or a sleeping machine, goes on where it was", async () => {
    const { page, takeProblems } = await openTab(relay);
    expect(await page.evaluate(() => tab.open())).toBeNull();
    const addr = await page.evaluate(() => tab.echo());
    const session = await page.context().newCDPSession(page);
    await session.send("Debugger.enable");
    const paused = new Promise((resolve) => session.once("Debugger.paused", resolve));
    await session.send("Debugger.pause");
    // It stops at the first statement: when the connection is there.
    const sent = Buffer.from(pattern(4 << 20));
    const asking = askByNode(addr, sent).then(hash);
    await paused;
    const meanwhile = await Promise.race([
      asking,
      new Promise((resolve) => setTimeout(resolve, 1_500, "silence")),
    ]);
    expect(meanwhile).toBe("silence");
    await session.send("Debugger.resume");
    expect(await asking).toEqual(hash(sent));
    expect(takeProblems()).toEqual([]);
    await page.close();
  }, 30_000);
});

interface OpenPage {
  readonly page: Page;
  /** What was on the console, thrown or rejected unhandled since the last call. */
  takeProblems(): string[];
}

async function bundle(): Promise<string> {
  const { outputFiles } = await load("esbuild").build({
    entryPoints: [`${import.meta.dirname}/tab-page.ts`],
    bundle: true,
    // package.json says that only entries have side effects; the page is one too.
    ignoreAnnotations: true,
    write: false,
    format: "iife",
    platform: "browser",
    sourcemap: "inline",
  });
  return outputFiles[0]?.text ?? "";
}

/** A relay that serves the page, and lets tunnels dial this machine. */
function serveTab(script: string): Promise<Relay> {
  const request: RequestListener = (request, response) => {
    if (request.url === "/tab.js") {
      response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    } else if (request.url === "/favicon.ico") {
      response.writeHead(204).end();
    } else {
      response.writeHead(200, { "content-type": "text/html" });
      response.end('<!doctype html><meta charset="utf-8"><title>Tab</title><script src="/tab.js"></script>');
    }
  };
  return Relay.serve("127.0.0.1:0", { allow: ["tcp:127.0.0.1:*"], request });
}

/** Sends everything, half closes, and gives what comes until the end. */
async function askByNode(addr: string, data: Buffer): Promise<Buffer> {
  const at = addr.lastIndexOf(":");
  const socket = net.connect({
    host: addr.slice(0, at),
    port: Number(addr.slice(at + 1)),
    allowHalfOpen: true,
  });
  socket.end(data);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A server that says nothing before the other side has finished. */
function answerAfterTheEnd(testbed: Testbed): Promise<number> {
  return testbed.server((socket) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on("end", () => socket.end(`${text}, all of it`));
  });
}

interface Exchanger {
  readonly port: number;
  readonly sent: Digest;
  readonly received: Promise<Digest>;
}

/** A server that sends `size` bytes while it reads to the end. */
async function exchanger(testbed: Testbed, size: number): Promise<Exchanger> {
  const data = Buffer.from(pattern(size, 3));
  let settle: (digest: Digest) => void = () => {};
  const received = new Promise<Digest>((resolve) => {
    settle = resolve;
  });
  const port = await testbed.server((socket) => {
    const hash = createHash("sha256");
    let length = 0;
    socket.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      length += chunk.length;
    });
    socket.on("end", () => settle({ length, sha256: hash.digest("hex") }));
    socket.end(data);
  });
  return { port, sent: hash(data), received };
}

function hash(data: Uint8Array): Digest {
  return { length: data.length, sha256: createHash("sha256").update(data).digest("hex") };
}

/** A port that was just free. */
async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** What Chromium does to pages that nobody sees: timers fire on whole seconds. Runs in the page, before its scripts. */
function slowTimers(): void {
  const original = globalThis.setTimeout;
  const slow = (task: () => void, delay = 0, ...rest: unknown[]): unknown => {
    const due = performance.now() + delay;
    return original(task, Math.ceil(due / 1_000) * 1_000 - performance.now(), ...rest);
  };
  globalThis.setTimeout = slow as typeof setTimeout;
}
