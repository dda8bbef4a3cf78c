// Arguments as values: addresses, rules, times.
// What cannot be read is a usage error that says what would be right.
import { InvalidArgumentError } from "commander";
import { SocketAddr } from "../index.node.ts";
import { parsePeerRule, parseTcpRule } from "../relay/index.node.ts";

/** "8080", ":8080", "127.0.0.1:8080", "[::1]:8080". */
export function parseAddress(text: string): SocketAddr {
  if (/^\d+$/.test(text)) return checked(() => SocketAddr.parse(`:${text}`));
  return checked(() => SocketAddr.parse(text));
}

/** An address to dial: the host must be there. */
export function parseDestination(text: string): SocketAddr {
  const addr = checked(() => SocketAddr.parse(text));
  if (addr.hostname === "") {
    throw new InvalidArgumentError("write HOST:PORT, such as db.internal:5432 or bob.peer:7000");
  }
  if (addr.port === 0) throw new InvalidArgumentError("the port must be from 1 to 65535");
  return addr;
}

export function parsePort(text: string): number {
  const { port } = checked(() => SocketAddr.parse(`:${text}`));
  if (port === 0) throw new InvalidArgumentError("a port is 1 to 65535");
  return port;
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0) || !Number.isFinite(seconds)) throw new InvalidArgumentError("write seconds, above 0");
  return seconds;
}

export function parseRelayUrl(text: string): string {
  const url = checked(
    () => new URL(text),
    "write a URL such as wss://relay.example/ or ws://127.0.0.1:8080/",
  );
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new InvalidArgumentError("the URL of a relay begins with ws:// or wss://");
  }
  if (url.username !== "" || url.password !== "" || url.search !== "") {
    throw new InvalidArgumentError(
      "a URL ends up in logs: give the token by FOURTUPLE_TOKEN or --token-file",
    );
  }
  return url.href;
}

/** Gathers an option that may come more than once. */
export function gather(
  check: (text: string) => unknown,
): (text: string, list: readonly string[] | undefined) => string[] {
  return (text, list) => {
    check(text);
    return [...(list ?? []), text];
  };
}

export function checkTcpRule(text: string): void {
  checked(() => parseTcpRule(text));
}

export function checkPeerRule(text: string): void {
  checked(() => parsePeerRule(text));
}

export function checkOrigin(text: string): void {
  if (text === "*" || text === "null") return;
  const url = checked(() => new URL(text), "an origin is like https://app.example");
  if (url.origin !== text) throw new InvalidArgumentError(`an origin has no path: ${url.origin}`);
}

function checked<Value>(read: () => Value, instead?: string): Value {
  try {
    return read();
  } catch (error) {
    throw new InvalidArgumentError(instead ?? lowerFirst((error as Error).message));
  }
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
