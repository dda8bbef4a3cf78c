#!/usr/bin/env node
// The program: package.json's "bin". Exits by itself only after standard output is written.
import { main, report } from "./main.ts";

// What nobody caught is a bug; users get a line, not a stack.
process.on("uncaughtException", (error) => process.exit(report(error)));
process.on("unhandledRejection", (error) => process.exit(report(error)));
// A log that nobody reads any more is no reason to end; who writes to standard output hears of errors there.
process.stderr.on("error", () => {});
process.stdout.on("error", () => {});

process.exitCode = await main(process.argv.slice(2));
// By itself, so that all is written; but what a command left behind does not keep the user waiting.
setTimeout(() => process.exit(), 1_000).unref();
