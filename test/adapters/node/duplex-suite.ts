// What toDuplex() must do as a socket of Node, in every runtime that has node:stream.

import { Buffer } from "node:buffer";
import { once } from "node:events";
import http from "node:http";
import { pipeline } from "node:stream/promises";
import { type SocketDuplex, toDuplex } from "../../../src/adapters/node/index.ts";
import type { Network, TcpListener, TcpStream } from "../../../src/core/net/index.ts";
import { bytesEqual, equal, ok, throws } from "../../contract/assert.ts";
import type { Runner } from "../../contract/runner.ts";
import { pattern, readBytes, settle } from "../../contract/world.ts";

export function duplexSuite(open: () => Network, { test }: Runner): void {
  const it = (name: string, body: (place: DuplexPlace) => Promise<void>): void =>
    test(`toDuplex: ${name}`, async () => {
      const network = open();
      const place = new DuplexPlace(network, await network.bind("127.0.0.1:0"));
      try {
        await body(place);
      } finally {
        await place.leave();
      }
    });

  it("of a stream is open at once, and knows its addresses", async (place) => {
    const { socket, stream } = await place.ready();
    equal(socket.connecting, false, "connecting");
    equal(socket.pending, false, "pending");
    equal(socket.readyState, "open", "readyState");
    equal(socket.remoteAddress, "127.0.0.1", "remoteAddress");
    equal(socket.remotePort, place.listener.localAddr.port, "remotePort");
    equal(socket.remoteFamily, "IPv4", "remoteFamily");
    equal(socket.localAddress, "127.0.0.1", "localAddress");
    equal(socket.localFamily, "IPv4", "localFamily");
    equal(socket.localPort, stream.peerAddr.port, "localPort");
    const { address, family, port } = socket.address() as { address: string; family: string; port: number };
    equal(`${address} ${family} ${port}`, `127.0.0.1 IPv4 ${stream.peerAddr.port}`, "address()");
  });

  it("of a promise is connecting, takes writes and settings, then emits connect and ready", async (place) => {
    const { socket, accepted } = await place.dialling();
    equal(socket.connecting, true, "connecting");
    equal(socket.pending, true, "pending");
    equal(socket.readyState, "opening", "readyState");
    equal(Object.keys(socket.address()).length, 0, "address()");
    const events: string[] = [];
    for (const name of ["connect", "ready", "close"]) socket.on(name, () => events.push(name));
    equal(socket.setNoDelay(false).setKeepAlive(true, 1000).unref().ref(), socket, "the setters chain");
    socket.write("early");
    const stream = await accepted;
    bytesEqual(await readBytes(stream, 5), new TextEncoder().encode("early"), "what was written early");
    await eventually(() => events.length === 2);
    equal(events.join(), "connect,ready", "events");
    equal(socket.connecting, false, "connecting");
  });

  it("connect() emits connect for clients that connect by themselves", async (place) => {
    const { socket } = await place.ready();
    await new Promise<void>((resolve) => equal(socket.connect(1, "ignored", resolve), socket, "connect()"));
    const { socket: other } = await place.dialling();
    await new Promise<void>((resolve) => other.connect({ port: 1 }, resolve));
  });

  it("carries bytes both ways through pipeline, counts them, keeps them in order", async (place) => {
    const { socket, stream } = await place.ready();
    const sent = pattern(3_000_000);
    const echoing = (async () => {
      for await (const chunk of stream) await stream.writeAll(chunk);
      await stream.closeWrite();
    })();
    const received: Buffer[] = [];
    const collecting = (async () => {
      for await (const chunk of socket) received.push(chunk as Buffer);
    })();
    await pipeline(
      async function* () {
        for (let offset = 0; offset < sent.length; offset += 50_000)
          yield sent.subarray(offset, offset + 50_000);
      },
      socket,
      { end: true },
    ).catch((error: Error) => {
      throw error;
    });
    await Promise.all([echoing, collecting]);
    bytesEqual(new Uint8Array(Buffer.concat(received)), sent, "the echo");
    equal(socket.bytesWritten, sent.length, "bytesWritten");
    equal(socket.bytesRead, sent.length, "bytesRead");
  });

  it("stops the peer when nobody reads", async (place) => {
    const { socket, stream } = await place.ready();
    let sent = 0;
    const full = await (async () => {
      while (sent < 64 << 20) {
        const count = await stream.write(new Uint8Array(65_536), { timeout: 200 }).catch(() => 0);
        if (count === 0) return true;
        sent += count;
      }
      return false;
    })();
    ok(full, "the writer was stopped");
    ok(socket.readableLength <= 2 * 65_536, `${socket.readableLength} bytes are held`);
  });

  it("ends by itself after the peer's end, unless it may be half open", async (place) => {
    const { socket, stream } = await place.ready();
    socket.resume();
    const closed = once(socket, "close");
    await stream.closeWrite();
    equal(await stream.read(new Uint8Array(1)), null, "its end");
    equal((await closed)[0], false, "hadError");
    equal(socket.readyState, "closed", "readyState");

    const half = await place.ready({ allowHalfOpen: true });
    half.socket.resume();
    const ended = once(half.socket, "end");
    await half.stream.closeWrite();
    await ended;
    equal(half.socket.readyState, "writeOnly", "readyState");
    half.socket.end("after the end");
    bytesEqual(
      await readBytes(half.stream, 13),
      new TextEncoder().encode("after the end"),
      "bytes after the end",
    );
    equal(await half.stream.read(new Uint8Array(1)), null, "its end");
  });

  it("a reset is an error with Node's code, then close(true)", async (place) => {
    const { socket, stream } = await place.ready();
    socket.resume();
    const error = once(socket, "error");
    // once() would reject with the error.
    const closed = new Promise<boolean>((resolve) => socket.once("close", resolve));
    stream.abort();
    const [reason] = (await error) as [Error & { code: string; syscall: string }];
    equal(reason.code, "ECONNRESET", "code");
    equal(reason.syscall, "read", "syscall");
    equal(await closed, true, "hadError");
  });

  it("a connect that fails is an error with Node's code, also for what was written", async (place) => {
    const { localAddr } = place.listener;
    await place.listener.close();
    const socket = place.keep(toDuplex(place.network.connect(localAddr)));
    const writing = new Promise<Error | null | undefined>((resolve) => socket.write("lost", resolve));
    const [error] = (await once(socket, "error")) as [Error & { code: string; port: number }];
    equal(error.code, "ECONNREFUSED", "code");
    equal(error.port, localAddr.port, "port");
    ok((await writing) instanceof Error, "the write failed");
    equal(socket.connecting, false, "connecting");
    equal(socket.readyState, "closed", "readyState");
  });

  it("destroyed while it connects, it closes the stream that comes too late", async (place) => {
    const { socket, accepted } = await place.dialling();
    const closed = once(socket, "close");
    socket.destroy();
    equal((await closed)[0], false, "hadError");
    const stream = await accepted;
    equal(await stream.read(new Uint8Array(1)), null, "its end");
  });

  it("resetAndDestroy() resets, destroy() and destroySoon() do not", async (place) => {
    const reset = await place.ready();
    equal(reset.socket.resetAndDestroy(), reset.socket, "resetAndDestroy()");
    const code = await reset.stream.read(new Uint8Array(1)).catch((error: { code: string }) => error.code);
    equal(code, "ECONNRESET", "after resetAndDestroy()");

    const soon = await place.ready();
    soon.socket.write(pattern(500_000));
    soon.socket.destroySoon();
    equal((await soon.stream.readToEnd()).length, 500_000, "all that was written before destroySoon()");
    await eventually(() => soon.socket.destroyed);

    const now = await place.ready();
    now.socket.destroy();
    equal(await now.stream.read(new Uint8Array(1)), null, "after destroy()");
  });

  it("setTimeout() really fires when nothing moves, and not before", async (place) => {
    const { socket, stream } = await place.ready();
    socket.resume();
    let fired = 0;
    equal(
      socket.setTimeout(150, () => {
        fired += 1;
      }),
      socket,
      "setTimeout()",
    );
    equal(socket.timeout, 150, "timeout");
    for (let round = 0; round < 12; round += 1) {
      await stream.writeAll(new Uint8Array(1));
      await settle(20);
    }
    equal(fired, 0, "while bytes came");
    await once(socket, "timeout");
    equal(fired, 1, "the callback");
    // Only the next movement starts it again.
    await stream.writeAll(new Uint8Array(1));
    await once(socket, "timeout");
    equal(fired, 1, "the callback is called once");
    socket.setTimeout(0);
    equal(socket.timeout, undefined, "timeout when off");
    equal(socket.destroyed, false, "it ends nothing");
    throws(RangeError, () => socket.setTimeout(-1), "a negative timeout");
  });

  it("node:http serves over it, and its keep-alive agent takes one for many requests", async (place) => {
    let connections = 0;
    const server = http.createServer((request, response) => {
      if (request.method === "POST") request.pipe(response);
      else response.end(`${request.url} from ${request.socket.remoteAddress}`);
    });
    void (async () => {
      for await (const stream of place.listener.incoming()) {
        connections += 1;
        server.emit("connection", toDuplex(stream));
      }
    })();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    (agent as unknown as { createConnection: () => unknown }).createConnection = () =>
      toDuplex(place.network.connect(place.listener.localAddr));
    for (let round = 0; round < 3; round += 1) {
      equal(await request({ agent, path: `/${round}` }), `/${round} from 127.0.0.1`, "the response");
    }
    const body = "0123456789".repeat(100_000);
    equal(await request({ agent, path: "/", method: "POST" }, body), body, "a large echo");
    // Deno 2.9's server closes a connection that it was handed after one response, a net.Socket too.
    if (!("Deno" in globalThis)) equal(connections, 1, "connections");
    agent.destroy();
  });
}

class DuplexPlace {
  readonly network: Network;
  readonly listener: TcpListener;
  private readonly streams: TcpStream[] = [];
  private readonly sockets: SocketDuplex[] = [];

  constructor(network: Network, listener: TcpListener) {
    this.network = network;
    this.listener = listener;
  }

  keep(socket: SocketDuplex): SocketDuplex {
    this.sockets.push(socket);
    return socket;
  }

  /** A socket over a connected stream, and the stream at the other end. */
  async ready(
    options: { allowHalfOpen?: boolean } = {},
  ): Promise<{ socket: SocketDuplex; stream: TcpStream }> {
    const dialling = this.network.connect(this.listener.localAddr);
    const [stream] = await this.listener.accept();
    this.streams.push(stream);
    return { socket: this.keep(toDuplex(await dialling, options)), stream };
  }

  /** A socket that is still connecting. */
  async dialling(): Promise<{ socket: SocketDuplex; accepted: Promise<TcpStream> }> {
    const accepted = this.listener.accept().then(([stream]) => {
      this.streams.push(stream);
      return stream;
    });
    accepted.catch(() => {});
    return { socket: this.keep(toDuplex(this.network.connect(this.listener.localAddr))), accepted };
  }

  async leave(): Promise<void> {
    for (const socket of this.sockets) socket.on("error", () => {}).destroy();
    for (const stream of this.streams) stream.abort();
    await this.listener.close();
    await this.network.close();
  }
}

function request(options: http.RequestOptions, body = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const pending = http.request({ host: "service", ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    pending.on("error", reject);
    pending.end(body);
  });
}

/** Waits for what other turns of the event loop bring about; how long that takes does not matter. */
async function eventually(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !isSo(); turn += 1) await settle(5);
  ok(isSo(), "it never came about");
}
