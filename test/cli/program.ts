// The real command line in processes of its own, bundled from its sources as tsup.config.ts does it (each start from
// the sources would take seconds); what tests left running ends with them.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { load, rootFolder } from "../runtimes/index.ts";

const program: string = await bundle();

const closers: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProgram {
  readonly child: ChildProcessWithoutNullStreams;
  readonly stdout: string;
  readonly stderr: string;
  /** Waits until standard output or error has it. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  readonly over: Promise<Outcome>;
}

/** Starts `fourtuple` with these arguments. Standard input stays open. */
export function start(parameters: readonly string[], env: Record<string, string> = {}): RunningProgram {
  const { FOURTUPLE_RELAY: _relay, FOURTUPLE_TOKEN: _token, ...rest } = process.env;
  const child = spawn(process.execPath, [program, ...parameters], {
    cwd: rootFolder,
    env: { ...rest, NO_COLOR: "1", ...env },
  });
  let stdout = "";
  let stderr = "";
  let changed = (): void => {};
  child.stdin.on("error", () => {});
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    changed();
  });
  let ended = false;
  const over = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      ended = true;
      resolve({ code, signal, stdout, stderr });
      changed();
    });
  });
  closers.push(() => {
    if (!ended) child.kill("SIGKILL");
    return over;
  });
  return {
    child,
    over,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(stdout) ?? pattern.exec(stderr);
        if (match !== null) return match;
        if (ended) throw new Error(`The program ended before ${pattern} came:\n${stdout}\n${stderr}`);
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
  };
}

/** Runs `fourtuple` to its end. */
export function fourtuple(
  parameters: readonly string[],
  options: { readonly env?: Record<string, string>; readonly input?: string | Uint8Array } = {},
): Promise<Outcome> {
  const started = start(parameters, options.env);
  started.child.stdin.end(options.input ?? "");
  return started.over;
}

/** A relay that runs; its URL. */
export async function relay(...parameters: string[]): Promise<{ url: string; program: RunningProgram }> {
  const started = start(["relay", "--listen", "127.0.0.1:0", ...parameters]);
  const [, url = ""] = await started.until(/listening at (ws:\S+)/);
  return { url, program: started };
}

/** A TCP server on loopback; its port. */
export async function tcpServer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on("error", () => {}));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A file that is gone after the test; its path. */
export function file(content: string, mode: number = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-cli-"));
  closers.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file.txt");
  writeFileSync(path, content, { mode });
  return path;
}

async function bundle(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-cli-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const outfile = join(folder, "cli.mjs");
  await load("esbuild").build({
    entryPoints: [join(rootFolder, "src/cli/index.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2022",
    external: ["msgpackr-extract", "bufferutil", "utf-8-validate"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  return outfile;
}

/** Later than others, so that a closer may be added to end first. */
export function atEnd(close: () => unknown): void {
  closers.push(close);
}
