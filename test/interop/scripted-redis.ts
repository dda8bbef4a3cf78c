// Enough of Redis (RESP 2) for a client: SET, GET, INFO, QUIT. GET of "reset-me" resets the first connection.

import type { SocketDuplex } from "../../src/adapters/node/index.ts";

/** @param isFirst Whether this connection may be reset by "reset-me". */
export function serveRedis(socket: SocketDuplex, isFirst: boolean): void {
  const values = new Map<string, string>();
  let held = "";
  socket.on("error", () => {});
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    held += chunk;
    for (;;) {
      const taken = takeCommand(held);
      if (taken === null) return;
      held = held.slice(taken.length);
      const [name = "", key = "", value = ""] = taken.words;
      if (name.toUpperCase() === "GET" && key === "reset-me" && isFirst) {
        socket.resetAndDestroy();
        return;
      }
      socket.write(reply(name.toUpperCase(), key, value, values), "latin1");
      if (name.toUpperCase() === "QUIT") socket.end();
    }
  });
}

function reply(name: string, key: string, value: string, values: Map<string, string>): string {
  if (name === "GET") return bulk(values.get(key));
  if (name === "INFO") return bulk("redis_version:7.0.0\r\nloading:0\r\n");
  if (name === "SET") values.set(key, value);
  return "+OK\r\n";
}

function bulk(value: string | undefined): string {
  return value === undefined ? "$-1\r\n" : `$${value.length}\r\n${value}\r\n`;
}

/** An array of bulk strings from the front of the text; null while it is incomplete. */
function takeCommand(text: string): { readonly words: string[]; readonly length: number } | null {
  let at = 0;
  const line = (): number | null => {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return null;
    const number = Number(text.slice(at + 1, end));
    at = end + 2;
    return number;
  };
  const count = line();
  if (count === null) return null;
  const words: string[] = [];
  while (words.length < count) {
    const length = line();
    if (length === null || text.length < at + length + 2) return null;
    words.push(text.slice(at, at + length));
    at += length + 2;
  }
  return { words, length: at };
}
