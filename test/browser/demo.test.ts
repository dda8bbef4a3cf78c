// npm start as a person would use it: the program starts, its self-check passes, and in a real Chromium the page opens
// a tunnel, serves a dropped file to an HTTP client outside, dials a server and shows every segment.
// Screenshots are kept in artifacts/, out of git.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultProxy } from "../faults/fault-proxy.ts";
import { type Browser, launchChromium, type Page, rootFolder, run } from "../runtimes/index.ts";

const artifacts = join(rootFolder, "artifacts");
let demo: ChildProcess;
let output = "";
let address = "";

beforeAll(async () => {
  mkdirSync(artifacts, { recursive: true });
  demo = spawn(
    process.execPath,
    [join(rootFolder, "node_modules/tsx/dist/cli.mjs"), "examples/demo/main.ts"],
    {
      cwd: rootFolder,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  demo.stdout?.on("data", (text: Buffer) => {
    output += text.toString();
  });
  demo.stderr?.on("data", (text: Buffer) => {
    output += text.toString();
  });
  await until(() => /Press Ctrl-C/.test(output));
  address = /at {2}(http:\S+)/.exec(output)?.[1] ?? "";
}, 120_000);

afterAll(async () => {
  if (demo === undefined || demo.exitCode !== null) return;
  const ended = new Promise((resolve) => demo.once("exit", resolve));
  demo.kill("SIGTERM");
  await ended;
}, 20_000);

describe("npm start", () => {
  it("prints one address and measures itself through a tunnel", () => {
    expect(address, output).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(output).toMatch(/down through the gateway +\d+ MB\/s, SHA-256 equal/);
    expect(output).toMatch(/up through the gateway +\d+ MB\/s, SHA-256 equal/);
    expect(output).toMatch(/down, WebSocket cut 8 times +\d+ MB\/s, SHA-256 equal/);
    expect(output).toMatch(/up, WebSocket cut 8 times +\d+ MB\/s, SHA-256 equal/);
    expect(output).toMatch(/tunnel to tunnel +\d+ MB\/s, SHA-256 equal/);
    expect(output).toMatch(/published listener, plain TCP +answered/);
    expect(output).toContain("All is well");
  });

  it("takes the next port when its own is in use, and says so", async () => {
    const second = await run(
      process.execPath,
      [join(rootFolder, "node_modules/tsx/dist/cli.mjs"), "examples/demo/main.ts", "--check-only"],
      { timeout: 90_000, env: { PORT: new URL(address).port } },
    );
    expect(second.stdout).toContain(`Port ${new URL(address).port} is in use`);
    expect(second.code, second.stdout + second.stderr).toBe(0);
  }, 100_000);

  it("says in one line what is wrong with PORT", async () => {
    const { code, stderr } = await run(
      process.execPath,
      [join(rootFolder, "node_modules/tsx/dist/cli.mjs"), "examples/demo/main.ts", "--check-only"],
      { timeout: 30_000, env: { PORT: "abc" } },
    );
    expect(stderr).toMatch(/^Cannot start: PORT is "abc": .*\n$/);
    expect(code).toBe(1);
  }, 40_000);
});

describe("the page in Chromium", () => {
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    // As in most containers: navigator.language is "en-US@posix" there, which Intl refuses.
    const launched = await launchChromium({ LANG: "C.UTF-8", LC_ALL: "C.UTF-8" });
    if ("notRun" in launched) throw new Error(`Chromium did not run: ${launched.notRun}`);
    browser = launched.browser;
    page = await browser.newPage({ viewport: { width: 1280, height: 1080 } });
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await page.goto(address);
    await page.waitForSelector('#tunnel[data-phase="open"]', { timeout: 20_000 });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
  });

  it("serves a dropped file to curl, byte for byte", async () => {
    const bytes = randomBytes(3_000_000);
    const file = join(tmpdir(), `fourtuple-demo-${process.pid}.bin`);
    writeFileSync(file, bytes);
    await page.setInputFiles("#file", file);
    const command = await page.textContent("#files code");
    expect(command).toMatch(/^curl -O http:\/\/127\.0\.0\.1:\d+\//);
    const url = (command ?? "").replace("curl -O ", "");
    const fetched = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(hash(fetched)).toBe(hash(bytes));
    const part = await fetch(url, { headers: { range: "bytes=1000000-1000099" } });
    expect(part.status).toBe(206);
    expect(hash(Buffer.from(await part.arrayBuffer()))).toBe(hash(bytes.subarray(1_000_000, 1_000_100)));
    await page.waitForFunction(() =>
      document.querySelector("#files .name span:last-child")?.textContent?.includes("2 times"),
    );
  }, 60_000);

  it("shows the last file of a name only, and saves it under that name", async () => {
    const name = "my file \u00fc #1?.txt";
    for (const text of ["first", "the second"])
      await page.setInputFiles("#file", { name, mimeType: "text/plain", buffer: Buffer.from(text) });
    const entries = page.locator("#files li", { hasText: name });
    expect(await entries.count()).toBe(1);
    expect(await entries.locator(".name").textContent()).toContain("10 B");
    const command = (await entries.locator("code").textContent()) ?? "";
    expect(command).toMatch(/^curl -g -o "my file ü #1\?\.txt" http:\S+\/my%20file%20%C3%BC%20%231%3F\.txt$/);
    expect(await (await fetch(command.split(" ").at(-1) ?? "")).text()).toBe("the second");
    const site = (await page.evaluate(() => document.documentElement.dataset["site"])) ?? "";
    expect((await fetch(`${site}nothing.txt`)).status).toBe(404);
    expect((await fetch(`${site}%ZZ`)).status).toBe(400);
  }, 30_000);

  it("moves 256 MiB while its WebSocket is cut every second, with the same SHA-256", async () => {
    await page.check("#auto");
    await page.click("#move");
    // It takes two seconds on a quiet machine: a cut by hand makes sure of one.
    await page.waitForFunction(() => (document.querySelector("progress")?.value ?? 0) > 0.2);
    await page.click("#cut");
    await page.waitForFunction(() => (document.querySelector("progress")?.value ?? 0) > 0.6);
    await page.screenshot({ path: join(artifacts, "demo-cut.png") });
    await page.waitForSelector('#verdict[data-tone="good"], #verdict[data-tone="bad"]', { timeout: 100_000 });
    const verdict = await page.textContent("#verdict");
    expect(verdict).toMatch(/^Equal: no byte lost.*256 MiB in [\d.]+ s, cut (once|\d+ times)$/);
    expect(await page.textContent("#hash-here")).toBe(await page.textContent("#hash-there"));
    expect(Number(await page.textContent("#cuts"))).toBeGreaterThan(0);
    await page.screenshot({ path: join(artifacts, "demo-cut-done.png"), fullPage: true });
  }, 120_000);

  it("serves a file to curl while its WebSocket is cut", async () => {
    await page.click("#sample");
    const command = await page.textContent("#files li:first-child code");
    const cutting = setInterval(() => void page.click("#cut").catch(() => {}), 150);
    const body = await (await fetch((command ?? "").replace("curl -O ", ""))).arrayBuffer();
    clearInterval(cutting);
    await page.uncheck("#auto");
    expect(body.byteLength).toBe(64 << 20);
    const served = await page.evaluate(() => document.documentElement.dataset["sample"]);
    expect(hash(Buffer.from(body))).toBe(served);
  }, 60_000);

  it("comes back when the network under the browser's WebSocket is cut", async () => {
    const proxy = await FaultProxy.start(address);
    const other = await browser.newPage();
    await other.goto(`${proxy.url.replace("ws:", "http:")}?mib=32`);
    await other.waitForSelector('#tunnel[data-phase="open"]', { timeout: 20_000 });
    const cutting = setInterval(() => proxy.cut(), 300);
    await other.click("#move");
    await other.waitForSelector('#verdict[data-tone="good"], #verdict[data-tone="bad"]', {
      timeout: 100_000,
    });
    clearInterval(cutting);
    expect(await other.textContent("#verdict")).toMatch(/^Equal: no byte lost/);
    expect(proxy.taken).toBeGreaterThan(2);
    await other.close();
    await proxy.close();
  }, 120_000);

  it("dials the echo and talks", async () => {
    await page.click("#hints li:first-child button");
    await transcript(page, "connected to");
    await page.fill("#line", "hello, echo");
    await page.press("#line", "Enter");
    await page.waitForFunction(
      () => (document.querySelector("#transcript")?.textContent?.match(/hello, echo/g) ?? []).length === 2,
    );
    await page.click("#finish");
    await transcript(page, "the other end has finished");
    for (const id of ["send", "finish", "reset"]) expect(await page.isDisabled(`#${id}`)).toBe(true);
  }, 30_000);

  it("asks the web server, in lines that end in CR LF", async () => {
    await page.click("#hints li:nth-child(2) button");
    await transcript(page, "connected to");
    await page.fill("#line", "GET / HTTP/1.0");
    await page.press("#line", "Enter");
    await page.press("#line", "Enter");
    await transcript(page, "hello from a real TCP server");
    await page.locator("section:has(#dial)").screenshot({ path: join(artifacts, "demo-talk.png") });
  }, 30_000);

  it("resets a connection, and leaves one for another, without an error of the old one", async () => {
    for (const end of ["#reset", "#hints li:first-child button"]) {
      await page.click("#hints li:first-child button");
      await page.waitForSelector("#reset:enabled");
      await page.click(end);
      await page.waitForSelector(end === "#reset" ? "#reset:disabled" : "#reset:enabled");
      expect(await page.locator("#transcript .failure").count()).toBe(0);
    }
  }, 30_000);

  it("says why a dial is refused", async () => {
    await page.fill("#address", "10.0.0.1:22");
    await page.click("#dial button");
    await page.waitForFunction(() => document.querySelector("#transcript .failure") !== null);
    expect(await page.textContent("#transcript .failure")).toContain("ERR_DENIED");
  }, 30_000);

  it("shows each connection: state, figures, plot and packets", async () => {
    await page.waitForFunction(() => document.querySelectorAll("#connections li").length >= 3);
    expect(await page.locator("#plot canvas").count()).toBe(1);
    expect(await page.locator("#figures div").count()).toBeGreaterThan(10);
    // The connection that served the file is the one with megabytes out.
    await page.click('#connections button:has-text("MiB out")');
    await page.waitForFunction(() => document.querySelector("#packets")?.textContent?.includes("Flags ["));
    await page.screenshot({ path: join(artifacts, "demo.png"), fullPage: true });
  }, 30_000);

  it("gives the packets as pcapng", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#capture")]);
    const file = join(artifacts, "demo.pcapng");
    await download.saveAs(file);
    const capture = readFileSync(file);
    expect(capture.readUInt32LE(0)).toBe(0x0a0d_0d0a);
    expect(capture.length).toBeGreaterThan(1_000_000);
  }, 30_000);

  it("is readable on a phone and in the light", async () => {
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: join(artifacts, "demo-phone.png"), fullPage: true });
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
  }, 30_000);

  it("has its name and its port again when it is loaded again", async () => {
    const before = await page.evaluate(() => document.documentElement.dataset["site"]);
    const name = /^[^.]+/.exec((await page.textContent("#tunnel")) ?? "")?.[0] ?? "";
    await page.reload();
    await page.waitForSelector('#tunnel[data-phase="open"]');
    await page.waitForFunction(() => document.documentElement.dataset["site"] !== undefined);
    expect(await page.textContent("#tunnel")).toContain(`${name}.peer`);
    expect(await page.evaluate(() => document.documentElement.dataset["site"])).toBe(before);
    expect((await fetch(`${before}random.bin`)).status).toBe(404);
  }, 30_000);

  it("raised no error", () => {
    expect(problems).toEqual([]);
  });

  it("says so when its program fails", async () => {
    const other = await browser.newPage();
    await other.route("**/*.js", (route) =>
      route.fulfill({ contentType: "text/javascript", body: 'throw new Error("broken")' }),
    );
    await other.goto(address);
    await other.waitForSelector('#tunnel[data-phase="failed"]');
    expect(await other.textContent("#tunnel")).toBe("The page's program failed: Error: broken");
    await other.close();
  }, 30_000);
});

async function transcript(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelector("#transcript")?.textContent?.includes(wanted),
    text,
  );
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (demo.exitCode !== null) throw new Error(`the demo ended early:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
