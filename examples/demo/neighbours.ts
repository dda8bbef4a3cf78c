// Servers on this machine's own sockets, for the page to dial and the self-check to measure against: an echo, a web
// server, a source of bytes and a sink that hashes.

import { createHash } from "node:crypto";
import { pipe, type SocketAddr, TcpListener, type TcpStream } from "fourtuple";
import { serve } from "fourtuple/http";

export interface Neighbours {
  readonly echo: SocketAddr;
  readonly web: SocketAddr;
  readonly source: SocketAddr;
  readonly sink: SocketAddr;
  close(): Promise<void>;
}

export async function startNeighbours(): Promise<Neighbours> {
  const echo = await each((stream) => void pipe(stream, stream));
  const source = await each((stream) => void give(stream));
  const sink = await each((stream) => void take(stream));
  const listener = await TcpListener.bind("127.0.0.1:0");
  const web = serve(listener, () => new Response("hello from a real TCP server\n"));
  return {
    echo: echo.localAddr,
    web: listener.localAddr,
    source: source.localAddr,
    sink: sink.localAddr,
    close: async () => {
      await Promise.all([echo.close(), source.close(), sink.close(), web.close()]);
    },
  };
}

async function each(handle: (stream: TcpStream) => void): Promise<TcpListener> {
  const listener = await TcpListener.bind("127.0.0.1:0");
  void (async () => {
    for await (const stream of listener) handle(stream);
  })();
  return listener;
}

/** Reads a decimal count and a line end, sends that many pseudo-random bytes and then their SHA-256. */
async function give(stream: TcpStream): Promise<void> {
  try {
    const count = Number(new TextDecoder().decode(await readLine(stream)));
    const hash = createHash("sha256");
    for (const block of blocks(count)) {
      hash.update(block);
      await stream.writeAll(block);
    }
    await stream.writeAll(hash.digest());
    await stream.close();
  } catch {
    // The other end is gone: there is nobody to tell.
    stream.abort();
  }
}

/** Reads to the end, then answers with the SHA-256 of it. */
async function take(stream: TcpStream): Promise<void> {
  try {
    const hash = createHash("sha256");
    for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk())
      hash.update(chunk);
    await stream.writeAll(hash.digest());
    await stream.close();
  } catch {
    stream.abort();
  }
}

/** Bytes that no compression and no repetition could stand in for. */
export function* blocks(total: number): Generator<Uint8Array<ArrayBuffer>> {
  const block = new Uint8Array(256 << 10);
  const words = new Uint32Array(block.buffer);
  let state = 0x9e37_79b9;
  for (let left = total; left > 0; left -= block.length) {
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    yield left < block.length ? block.subarray(0, left) : block;
  }
}

async function readLine(stream: TcpStream): Promise<Uint8Array> {
  const line: number[] = [];
  const one = new Uint8Array(1);
  while ((await stream.read(one)) !== null && one[0] !== 10) line.push(one[0] ?? 0);
  return Uint8Array.from(line);
}
