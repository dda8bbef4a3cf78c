// npm start: the relay and the page on one port, servers to dial, and a check of it all that anybody can watch.

import { MultiBar, Presets } from "cli-progress";
import { NetError } from "fourtuple";
import { keepHeapRoom } from "fourtuple/node";
import { Relay } from "fourtuple/relay";
import { buildPage } from "./build-page.ts";
import { type Neighbours, startNeighbours } from "./neighbours.ts";
import type { Hint } from "./page/talk.ts";
import { type Check, prepareChecks } from "./self-check.ts";
import { serveSite } from "./site.ts";

const FIRST_PORT = 4040;
const isCheckOnly = process.argv.includes("--check-only");
const wanted = readPort();

keepHeapRoom();
const page = await buildPage();
const neighbours = await startNeighbours();
const relay = await startRelay(neighbours);
const address = relay.url.replace(/^ws/, "http");

console.log(`\n  fourtuple is at  ${address}`);
console.log(
  "  Open it in a browser: drop a file on it and fetch it with curl, or dial a server from the tab.\n",
);
const failures = await selfCheck();
if (isCheckOnly) await stop(failures === 0 ? 0 : 1);
console.log(failures === 0 ? "  All is well. " : `  ${failures} failed. `, "Press Ctrl-C to stop.\n");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop(0));

function readPort(): number {
  const text = process.env["PORT"] || String(FIRST_PORT);
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  return giveUp(`PORT is "${text}": it must be a number from 0 to 65535, such as PORT=${FIRST_PORT}`);
}

/** What whoever starts this can change is told in one line, without a stack trace. */
function giveUp(why: string): never {
  console.error(`Cannot start: ${why}`);
  process.exit(1);
}

/** Takes the first free port from FIRST_PORT on, and says when it was not the first. */
async function startRelay({ echo, web, source, sink }: Neighbours): Promise<Relay> {
  const hints: Hint[] = [
    { name: "Echo", address: `${echo}`, lineEnd: "lf", say: "Type a line and press Enter" },
    { name: "Web server", address: `${web}`, lineEnd: "crlf", say: "GET / HTTP/1.0, then an empty line" },
  ];
  const request = serveSite(page, { hints, source: `${source}` });
  const more = (process.env["ALLOW"] ?? "").split(/[\s,]+(?=tcp:|$)/).filter((rule) => rule !== "");
  for (let port = wanted; ; port++) {
    try {
      return await Relay.serve(`127.0.0.1:${port}`, {
        // A demo on this machine: its own little servers may be dialled, and nothing else that ALLOW does not name.
        allow: [...[echo, web, source, sink].map((addr) => `tcp:${addr}`), ...more],
        request,
      });
    } catch (error) {
      if (error instanceof TypeError && more.length > 0)
        giveUp(`ALLOW is no list of rules: ${error.message}`);
      if (!NetError.is(error)) throw error;
      if (error.code !== "EADDRINUSE" || port - wanted >= 100 || port === 65_535)
        giveUp(`${error.message}. PORT names another port`);
      console.log(`  Port ${port} is in use: trying ${port + 1}`);
    }
  }
}

/** Runs every check under a progress bar, where there is a terminal to draw it on; the number that failed. */
async function selfCheck(): Promise<number> {
  const { checks, close } = await prepareChecks(relay.url, neighbours);
  const options = { format: "  {name} {bar} {result}", hideCursor: true, barsize: 24, autopadding: true };
  const bars = process.stderr.isTTY ? new MultiBar(options, Presets.shades_classic) : null;
  let failed = 0;
  for (const check of checks) if (!(await runOne(bars, check))) failed++;
  bars?.stop();
  await close();
  console.log();
  return failed;
}

async function runOne(bars: MultiBar | null, check: Check): Promise<boolean> {
  const total = Math.max(1, check.bytes);
  const name = check.name.padEnd(30);
  const bar = bars?.create(total, 0, { name, result: "" });
  const tell = (result: string): void => {
    if (bar === undefined || !process.stdout.isTTY) console.log(`  ${name} ${result}`);
  };
  try {
    const result = await check.run((bytes) => bar?.update(bytes, { name, result: "" }));
    bar?.update(total, { name, result });
    tell(result);
    return true;
  } catch (error) {
    const result = `failed: ${error instanceof Error ? error.message : String(error)}`;
    bar?.update({ name, result });
    tell(result);
    return false;
  }
}

async function stop(code: number): Promise<void> {
  await relay.close();
  await neighbours.close();
  process.exit(code);
}
