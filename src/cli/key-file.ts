// The relay's key: a file of 32 random bytes as hex, for its owner alone. Made when it is not there, so that a relay that
// is started anew takes its sessions back. The key itself is never part of a message.
import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { CliError } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { fileReason } from "./file-reason.ts";

/** @param warn Hears of permissions that are too wide. */
export function readKeyFile(path: string, warn: (text: string) => void): Uint8Array {
  const text = readOrMake(path);
  // Windows tells permissions in another way.
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    warn(`${path} can be read by others on this machine: chmod 600 ${path}`);
  }
  const digits = text.trim();
  if (!/^(?:[0-9a-f]{2}){32,}$/i.test(digits)) {
    throw new CliError(ExitCode.usage, `Cannot use ${path}: it holds no key`, {
      hint: "A key is 64 hexadecimal digits or more: openssl rand -hex 32, or remove the file and let one be made",
    });
  }
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

function readOrMake(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unusable("read", path, fileReason(error));
  }
  const text = `${randomBytes(32).toString("hex")}\n`;
  try {
    // Fails when another relay has just made it: then that one counts.
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return readFileSync(path, "utf8");
    throw unusable("write", path, fileReason(error, path));
  }
}

function unusable(verb: string, path: string, why: string): CliError {
  return new CliError(ExitCode.usage, `Cannot ${verb} ${path}: ${why}`);
}
