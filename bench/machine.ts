// On what the figures were measured: they mean nothing without it.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";

export interface Machine {
  readonly node: string;
  readonly ws: string;
  readonly system: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGiB: number;
  /** Processes that wanted to run, over the minute before: others than the bench. */
  readonly loadBefore: number;
  readonly commit: string | null;
}

export function describeMachine(root: string): Machine {
  const cpus = os.cpus();
  const manifest = readFileSync(`${root}/node_modules/ws/package.json`, "utf8");
  return {
    node: process.version,
    ws: (JSON.parse(manifest) as { readonly version: string }).version,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    processor: cpus[0]?.model.trim() ?? "unknown",
    processors: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    loadBefore: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
    commit: commitOf(root),
  };
}

function commitOf(root: string): string | null {
  try {
    const text = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" });
    return text.trim();
  } catch {
    return null;
  }
}
