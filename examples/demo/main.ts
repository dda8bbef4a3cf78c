// npm start: the relay and the page on one port, servers to dial, and a check of it all that anybody can watch.

import { MultiBar, Presets } from "cli-progress";
import { NetError } from "fourtuple";
import { keepHeapRoom } from "fourtuple/node";
import { Relay } from "fourtuple/relay";
import { buildPage, pageFolder } from "./build-page.ts";
import { type Neighbours, startNeighbours } from "./neighbours.ts";
import { type Check, prepareChecks } from "./self-check.ts";
import { serveSite } from "./site.ts";

const FIRST_PORT = 4040;
const isCheckOnly = process.argv.includes("--check-only");

keepHeapRoom();
await buildPage();
const neighbours = await startNeighbours();
const relay = await startRelay(neighbours);
const page = relay.url.replace(/^ws/, "http");

console.log(`\n  fourtuple is at  ${page}`);
console.log(
  "  Open it in a browser: drop a file on it and fetch it with curl, or dial a server from the tab.\n",
);
const failures = await selfCheck();
if (isCheckOnly) await stop(failures === 0 ? 0 : 1);
console.log(failures === 0 ? "  All is well. " : `  ${failures} failed. `, "Press Ctrl-C to stop.\n");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop(0));

/** Takes the first free port from FIRST_PORT on, and says when it was not the first. */
async function startRelay({ echo, web, source, sink }: Neighbours): Promise<Relay> {
  const facts = { hints: [`${echo}`, `${web}`], source: `${source}` };
  const request = await serveSite(pageFolder, facts);
  const wanted = Number(process.env["PORT"] ?? FIRST_PORT);
  for (let port = wanted; ; port++) {
    try {
      return await Relay.serve(`127.0.0.1:${port}`, {
        // A demo on this machine: its own little servers may be dialled, and nothing else.
        allow: [echo, web, source, sink].map((addr) => `tcp:${addr}`),
        request,
      });
    } catch (error) {
      if (!NetError.is(error, "EADDRINUSE") || port - wanted >= 100) throw error;
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
