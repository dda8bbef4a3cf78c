// Each room's tsconfig.json decides what its files can name: a clock, a timer or randomness does not compile in
// core/wire, core/tcp and core/stack; a runtime's own names do not compile in the rooms that run everywhere.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { rootFolder, run } from "./runtimes/index.ts";

const compiles = "export const fine: number = Math.max(1, 2) >>> 0;";

describe("Type-checking a room", () => {
  test.each(["core/wire", "core/tcp", "core/stack"])(
    "%s has no clock, timer, randomness or I/O",
    async (room) => {
      const forbidden = [
        "export const a: number = Date.now();",
        "export const b: number = new Date().getTime();",
        "setTimeout(() => {}, 1);",
        "setInterval(() => {}, 1);",
        "queueMicrotask(() => {});",
        "export const c: number = Math.random();",
        "export const d: number = Math.floor(Math.random() * 6);",
        "export const e: number = performance.now();",
        "crypto.getRandomValues(new Uint8Array(1));",
        "console.log(1);",
        "export const f: unknown = process.env;",
        "export const g: unknown = Buffer.alloc(1);",
        "void fetch('http://127.0.0.1/');",
        "export const h: unknown = new WebSocket('ws://127.0.0.1/');",
        "export const i: unknown = new TextEncoder();",
      ];
      expect(await linesInError(room, [compiles, ...forbidden])).toEqual(forbidden);
    },
  );

  test.each(["core/net", "core/link", "core/sim", "tunnel", "relay", "http", "adapters/websocket"])(
    "%s has what every runtime has and nothing of one of them",
    async (room) => {
      const allowed = [compiles, "export const a: number = performance.now();", "setTimeout(() => {}, 1);"];
      const forbidden = [
        "export const b: unknown = Buffer.alloc(1);",
        "export const c: unknown = process.env;",
        "export const d: unknown = Deno.version;",
        "export const e: unknown = Bun.version;",
        'export type F = typeof import("node:net");',
        "export const g: unknown = require('net');",
      ];
      expect(await linesInError(room, [...allowed, ...forbidden])).toEqual(forbidden);
    },
  );
});

/** Compiles one line per statement with the room's own settings; the lines that fail. */
async function linesInError(room: string, lines: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-types-"));
  try {
    writeFileSync(join(folder, "probe.mts"), `${lines.join("\n")}\n`);
    const config = {
      extends: join(rootFolder, "src", room, "tsconfig.json"),
      include: ["probe.mts"],
      exclude: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(rootFolder, "node_modules", "typescript", "bin", "tsc");
    const outcome = await run(process.execPath, [tsc, "-p", folder, "--noEmit", "--pretty", "false"]);
    const numbers = Array.from(outcome.stdout.matchAll(/probe\.mts\((\d+),\d+\): error/g), ([, line]) =>
      Number(line),
    );
    return [...new Set(numbers)].sort((a, b) => a - b).map((line) => lines[line - 1]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
