// What tests run beside Node: the programs of Deno and Bun, a real Chromium, and libraries to talk with. They are
// large, so they have their own package.json here, which `npm test` installs first (scripts/install-runtimes.mjs).
// Where a program is not to be had on this machine the answer says so, and the test reports it as not run.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";

export type { Browser, BrowserContext, Page } from "playwright-core";
export type * as Ssh2 from "ssh2";

/** The folder of this file. */
export const runtimesFolder: string = dirname(fileURLToPath(import.meta.url));

/** The checkout's root. */
export const rootFolder: string = dirname(dirname(runtimesFolder));

/** A program that this machine does not offer, and why. */
export interface NotRun {
  readonly notRun: string;
}

export type Program = { readonly path: string } | NotRun;

/** Deno's program: `$DENO`, or the one installed here. */
export function deno(): Program {
  const file = isWindows ? "deno.exe" : "deno";
  return program("Deno", process.env["DENO"], [`deno/${file}`, ...platformFiles("@deno", file)]);
}

/** Bun's program: `$BUN`, or the one installed here. */
export function bun(): Program {
  const file = isWindows ? "bun.exe" : "bun";
  // Without install scripts bun/bin/bun.exe is a text that says so: the platform's package comes first.
  return program("Bun", process.env["BUN"], [
    ...platformFiles("@oven/bun", `bin/${file}`),
    "bun/bin/bun.exe",
  ]);
}

/**
 * Starts a Chromium without a window and with web security on. `$CHROMIUM` names one; on Linux x64 one comes from
 * npm; elsewhere an installed Chrome is used. The caller closes the browser.
 *
 * @param more Variables of its environment, such as its locale
 */
export async function launchChromium(
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly browser: Browser } | NotRun> {
  const { chromium } = load("playwright-core");
  // Never chromium.args of @sparticuz/chromium: they switch web security off.
  const environment = { ...process.env, ...more };
  const options = { headless: true, args: ["--no-sandbox"], env: environment };
  const named = process.env["CHROMIUM"];
  if (named !== undefined && named !== "") {
    return { browser: await chromium.launch({ ...options, executablePath: named }) };
  }
  const folder = join(runtimesFolder, "node_modules", ".chromium");
  const executablePath = join(folder, "chromium");
  if (existsSync(executablePath)) {
    try {
      return { browser: await chromium.launch({ ...options, executablePath }) };
    } catch (error) {
      if (!String(error).includes("shared libraries")) throw error;
      const env = { ...environment, LD_LIBRARY_PATH: join(folder, "al2023", "lib") };
      return { browser: await chromium.launch({ ...options, executablePath, env }) };
    }
  }
  try {
    return { browser: await chromium.launch({ ...options, channel: "chrome" }) };
  } catch {
    return { notRun: `no Chromium for ${process.platform} ${process.arch}: set CHROMIUM to one` };
  }
}

export type { EChartsOption } from "echarts";

/** Libraries that tests talk with, and their types. */
export interface Libraries {
  readonly "@rollup/plugin-node-resolve": typeof import("@rollup/plugin-node-resolve");
  readonly echarts: typeof import("echarts");
  readonly esbuild: typeof import("esbuild");
  readonly hono: typeof import("hono");
  readonly ioredis: typeof import("ioredis");
  readonly koffi: typeof import("koffi");
  readonly pg: typeof import("pg");
  readonly "playwright-core": typeof import("playwright-core");
  readonly rollup: typeof import("rollup");
  readonly ssh2: typeof import("ssh2");
}

const require = createRequire(import.meta.url);

/** Loads one of the libraries installed here, as `require` does. */
export function load<Name extends keyof Libraries>(name: Name): Libraries[Name] {
  return require(name) as Libraries[Name];
}

/** What a finished program left. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text for standard input, which is closed after it; empty by default. */
  readonly input?: string;
  /** Milliseconds until the program is killed; 60,000 by default. */
  readonly timeout?: number;
}

/** Runs a program to its end. Its colours are off; it never waits for a terminal. */
export function run(path: string, parameters: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, parameters, {
      cwd: options.cwd ?? rootFolder,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeout ?? 60_000);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
    child.stdin.on("error", () => {
      // The program ended without reading its input, which its outcome tells better.
    });
    child.stdin.end(options.input ?? "");
  });
}

const isWindows: boolean = process.platform === "win32";

/** A platform's own package, by both names in use: deno names the C library, bun the missing AVX2. */
function platformFiles(prefix: string, file: string): string[] {
  const separator = prefix.includes("/") ? "-" : "/";
  const cpu = prefix.includes("bun") && process.arch === "arm64" ? "aarch64" : process.arch;
  const system = prefix.includes("bun") && isWindows ? "windows" : process.platform;
  const platform = `${prefix}${separator}${system}-${cpu}`;
  return [platform, `${platform}-glibc`, `${platform}-baseline`, `${platform}-musl`].map(
    (name) => `${name}/${file}`,
  );
}

function program(name: string, named: string | undefined, files: readonly string[]): Program {
  if (named !== undefined && named !== "") return { path: named };
  for (const file of files) {
    const path = join(runtimesFolder, "node_modules", file);
    if (existsSync(path)) return { path };
  }
  return { notRun: `no ${name} for ${process.platform} ${process.arch} in test/runtimes` };
}
