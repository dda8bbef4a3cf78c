// Bytes to transfer, and what became of them.

import { createHash } from "node:crypto";
import type { TcpStream } from "../../src/core/net/index.ts";

/** Bytes whose value tells their place, as peer.mjs has them. */
export function block(): Uint8Array {
  const bytes = new Uint8Array(1 << 20);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 8) * 7) & 255;
  return bytes;
}

/** Sends `total` bytes and a FIN; "LENGTH SHA256". */
export async function sendAll(stream: TcpStream, total: number): Promise<string> {
  const data = block();
  const hash = createHash("sha256");
  for (let sent = 0; sent < total; ) {
    const part = data.subarray(0, Math.min(data.length, total - sent));
    hash.update(part);
    sent += part.length;
    await stream.writeAll(part);
  }
  await stream.closeWrite();
  return `${total} ${hash.digest("hex")}`;
}

/** Reads to the end; "LENGTH SHA256". */
export async function readAll(stream: TcpStream): Promise<string> {
  const hash = createHash("sha256");
  let length = 0;
  for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk()) {
    hash.update(chunk);
    length += chunk.length;
  }
  return `${length} ${hash.digest("hex")}`;
}
