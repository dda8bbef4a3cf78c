// Files of tokens. The relay's has one token in a line: TOKEN SUBJECT [KEY=VALUE]..., with # for comments. A client's
// has its token in the first line. A token is never part of a message.
import { readFileSync, statSync } from "node:fs";
import { parsePeerRule, parseTcpRule, type TokenGrant } from "../relay/index.node.ts";
import { CliError } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { fileReason } from "./file-reason.ts";

/** Reads the relay's file. `warn` hears of permissions that are too wide. */
export function readTokenFile(path: string, warn: (text: string) => void): TokenGrant[] {
  const grants: TokenGrant[] = [];
  const seen = new Set<string>();
  for (const [index, line] of readPrivate(path, warn).split(/\r?\n/).entries()) {
    const words = line.replace(/(^|\s)#.*$/, "").trim();
    if (words === "") continue;
    const wrong = (why: string): CliError =>
      new CliError(ExitCode.usage, `Cannot read ${path}, line ${index + 1}: ${why}`, { hint: FORMAT });
    const grant = parseGrant(words.split(/\s+/), wrong);
    if (seen.has(grant.token)) throw wrong("the token is there twice");
    seen.add(grant.token);
    grants.push(grant);
  }
  if (grants.length === 0) {
    throw new CliError(ExitCode.usage, `Cannot use ${path}: there is no token in it`, { hint: FORMAT });
  }
  return grants;
}

/** Reads a client's token: the first word of the first line that is no comment. */
export function readToken(path: string, warn: (text: string) => void): string {
  for (const line of readPrivate(path, warn).split(/\r?\n/)) {
    const word = line
      .replace(/(^|\s)#.*$/, "")
      .trim()
      .split(/\s+/)[0];
    if (word !== undefined && word !== "") return word;
  }
  throw new CliError(ExitCode.usage, `Cannot use ${path}: there is no token in it`);
}

function parseGrant(words: readonly string[], wrong: (why: string) => CliError): TokenGrant {
  const [token = "", subject, ...options] = words;
  if (token.length < SHORTEST)
    throw wrong(`the token has fewer than ${SHORTEST} characters and can be guessed`);
  if (subject === undefined || subject.includes("=")) throw wrong("the subject is missing");
  const lists: Record<string, string[]> = {};
  for (const option of options) {
    const [, key = "", value = ""] = /^(\w+)=(.+)$/.exec(option) ?? [];
    if (!KEYS.has(key)) throw wrong(`"${option}" is none of names=, allow=, publish=, peers=`);
    // Rules have commas of their own, between ports.
    const values = key === "names" ? value.split(",") : [value];
    try {
      if (key === "allow" || key === "publish") parseTcpRule(value);
      if (key === "peers") parsePeerRule(value);
    } catch (error) {
      throw wrong((error as Error).message);
    }
    lists[key] = [...(lists[key] ?? []), ...values];
  }
  return { token, subject, ...lists };
}

function readPrivate(path: string, warn: (text: string) => void): string {
  try {
    const { mode } = statSync(path);
    // Windows tells permissions in another way.
    if (process.platform !== "win32" && (mode & 0o004) !== 0) {
      warn(`${path} can be read by everybody on this machine: chmod 600 ${path}`);
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CliError(ExitCode.usage, `Cannot read ${path}: ${fileReason(error)}`, { cause: error });
  }
}

const KEYS: ReadonlySet<string> = new Set(["names", "allow", "publish", "peers"]);
const SHORTEST = 16;
const FORMAT =
  "One token in a line: TOKEN SUBJECT [names=a,b-*] [allow=RULE] [publish=RULE] [peers=RULE]; # begins a comment";
