// What the sockets of Node add to the contract: the differences that the adapter hides, and its own limits.

import { once } from "node:events";
import net from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { fromSocket, nodeNetwork } from "../../../src/adapters/node/index.ts";
import type { TcpListener, TcpStream } from "../../../src/core/net/index.ts";
import { openSockets } from "../open-sockets.ts";
import { silentPort } from "../silent-port.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A plain server of node:net; `onSocket` gets what connects. */
async function plainServer(
  onSocket: (socket: net.Socket) => void,
  options: net.ServerOpts = {},
): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true, ...options }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as net.AddressInfo).port;
}

async function plainSocket(port: number): Promise<net.Socket> {
  const socket = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

async function bind(): Promise<TcpListener> {
  const listener = await nodeNetwork.bind("127.0.0.1:0");
  cleanups.push(() => listener.close());
  return listener;
}

async function connect(port: number): Promise<TcpStream> {
  const stream = await nodeNetwork.connect({ hostname: "127.0.0.1", port });
  cleanups.push(() => stream.abort());
  return stream;
}

async function accept(listener: TcpListener): Promise<TcpStream> {
  const [stream] = await listener.accept();
  cleanups.push(() => stream.abort());
  return stream;
}

/** Everything that can be read: how many bytes, and what ended it. */
async function drain(stream: TcpStream): Promise<{ bytes: number; end: string }> {
  let bytes = 0;
  try {
    for (;;) {
      const chunk = await stream.readChunk();
      if (chunk === null) return { bytes, end: "end" };
      bytes += chunk.length;
    }
  } catch (error) {
    return { bytes, end: (error as { code: string }).code };
  }
}

/** The same of a plain socket. */
function drainSocket(socket: net.Socket): Promise<{ bytes: number; end: string }> {
  return new Promise((resolve) => {
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.on("end", () => resolve({ bytes, end: "end" }));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve({ bytes, end: error.code ?? "" }));
    socket.resume();
  });
}

describe("a reset behind bytes, both in one poll of the event loop", () => {
  // Node alone reports the end of the stream here: a truncated stream would look complete.
  const sendAndReset = (socket: net.Socket) => {
    socket.write(new Uint8Array(1000));
    socket.resetAndDestroy();
  };

  test("a dialled stream reads the bytes, then ECONNRESET", async () => {
    const port = await plainServer((socket) => socket.once("data", () => sendAndReset(socket)));
    const stream = await connect(port);
    await stream.writeAll(new Uint8Array(1));
    expect(await drain(stream)).toEqual({ bytes: 1000, end: "ECONNRESET" });
  });

  test("a dialled stream that has sent its end reads the bytes, then ECONNRESET", async () => {
    const port = await plainServer((socket) => {
      socket.resume();
      socket.once("end", () => sendAndReset(socket));
    });
    const stream = await connect(port);
    await stream.closeWrite();
    expect(await drain(stream)).toEqual({ bytes: 1000, end: "ECONNRESET" });
  });

  test("an accepted stream reads the bytes, then ECONNRESET", async () => {
    const listener = await bind();
    const socket = await plainSocket(listener.localAddr.port);
    const stream = await accept(listener);
    const drained = drain(stream);
    await new Promise((resolve) => setImmediate(resolve));
    sendAndReset(socket);
    expect(await drained).toEqual({ bytes: 1000, end: "ECONNRESET" });
  });

  test("an accepted stream that has sent its end reads the bytes, then ECONNRESET", async () => {
    const listener = await bind();
    const socket = await plainSocket(listener.localAddr.port);
    const stream = await accept(listener);
    socket.resume();
    await stream.closeWrite();
    await once(socket, "end");
    const drained = drain(stream);
    await new Promise((resolve) => setImmediate(resolve));
    sendAndReset(socket);
    expect(await drained).toEqual({ bytes: 1000, end: "ECONNRESET" });
  });

  test("a stream nobody read yet gives all that the kernel held, then ECONNRESET", async () => {
    const size = 100_000;
    const listener = await bind();
    const socket = await plainSocket(listener.localAddr.port);
    const stream = await accept(listener);
    await new Promise((resolve) => socket.write(new Uint8Array(size), resolve));
    socket.resetAndDestroy();
    await once(socket, "close");
    expect(await drain(stream)).toEqual({ bytes: size, end: "ECONNRESET" });
  });
});

describe("a write that is the first to meet a reset", () => {
  // More than is read ahead, so that the kernel holds some of it; not more than it can hold.
  const size = 120_000;

  async function writeUntilItFails(stream: TcpStream): Promise<string> {
    for (let round = 0; round < 200; round += 1) {
      try {
        await stream.write(new Uint8Array(10));
      } catch (error) {
        return (error as { code: string }).code;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return "no failure";
  }

  test("leaves a dialled stream what came before, then ECONNRESET", async () => {
    const port = await plainServer((socket) => {
      socket.write(new Uint8Array(size));
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    const stream = await connect(port);
    expect(await writeUntilItFails(stream)).toBe("ECONNRESET");
    await expect(stream.write(new Uint8Array(10))).rejects.toMatchObject({
      code: expect.stringMatching(/^EPIPE$/),
    });
    expect(await drain(stream)).toEqual({ bytes: size, end: "ECONNRESET" });
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("leaves a dialled stream a whole answer and its end, when the end came before the reset", async () => {
    const port = await plainServer(
      (socket) => {
        // The request is not read: closing resets, behind the answer and its end.
        socket.end(new Uint8Array(size), () => setTimeout(() => socket.destroy(), 50));
      },
      { pauseOnConnect: true },
    );
    const stream = await connect(port);
    await stream.writeAll(new Uint8Array(10));
    expect(await writeUntilItFails(stream)).toBe("EPIPE");
    expect(await drain(stream)).toEqual({ bytes: size, end: "end" });
  });

  test("leaves nothing open when the dialled stream is closed instead of read", async () => {
    const port = await plainServer((socket) => {
      socket.write(new Uint8Array(size));
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    const before = tcpHandles();
    const stream = await connect(port);
    await writeUntilItFails(stream);
    await stream.close();
    await eventually(() => tcpHandles() <= before);
  });
});

describe("endings", () => {
  test("TcpStream.abort() while the system still sends the end gives the socket back", async () => {
    const ends: Promise<{ bytes: number; end: string }>[] = [];
    const port = await plainServer((socket) => ends.push(drainSocket(socket)));
    const before = tcpHandles();
    const stream = await connect(port);
    const finished = stream.closeWrite();
    // Now the socket's end() was called, and the system's shutdown() is to come in the next turn.
    process.nextTick(() => stream.abort());
    await finished.catch(() => {});
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNABORTED" });
    await eventually(() => tcpHandles() <= before + 1 && ends.length === 1);
    // FIN may or may not have left before the reset.
    expect(["end", "ECONNRESET"]).toContain((await ends[0])?.end);
  });

  test("TcpStream.abort() after the end was sent resets", async () => {
    const seen: string[] = [];
    const port = await plainServer((socket) => {
      socket.resume();
      socket.on("end", () => seen.push("end"));
      socket.on("error", (error: NodeJS.ErrnoException) => seen.push(error.code ?? ""));
    });
    const stream = await connect(port);
    await stream.closeWrite();
    await eventually(() => seen.length === 1);
    stream.abort();
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNABORTED" });
  });

  test("TcpStream.close() with bytes unread in the kernel resets", async () => {
    const ends: Promise<{ bytes: number; end: string }>[] = [];
    const port = await plainServer((socket) => {
      ends.push(drainSocket(socket));
      socket.write(new Uint8Array(10));
    });
    const stream = await connect(port);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await stream.close();
    expect((await ends[0])?.end).toBe("ECONNRESET");
  });

  test("TcpStream.close() delivers all that was accepted to a slow reader", async () => {
    const size = 5_000_000;
    const sockets: net.Socket[] = [];
    const port = await plainServer((socket) => sockets.push(socket), { pauseOnConnect: true });
    const stream = await connect(port);
    const written = stream.writeAll(new Uint8Array(size));
    await eventually(() => sockets.length === 1);
    const closed = written.then(() => stream.close());
    expect(await drainSocket(sockets[0] as net.Socket)).toEqual({ bytes: size, end: "end" });
    await closed;
  });
});

describe("limits", () => {
  test("TcpStream.write() takes no more than writeBufferSize beyond what the kernel took", async () => {
    const port = await plainServer(() => {}, { pauseOnConnect: true });
    const stream = await nodeNetwork.connect({ hostname: "127.0.0.1", port }, { writeBufferSize: 100_000 });
    cleanups.push(() => stream.abort());
    let taken = 0;
    const fill = async () => {
      for (;;) taken += await stream.write(new Uint8Array(30_000), { timeout: 200 });
    };
    await expect(fill()).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(stream.info().notSent).toBeGreaterThan(0);
    expect(stream.info().notSent).toBeLessThanOrEqual(100_000);
    expect(taken).toBeGreaterThan(100_000);
  });

  test("TcpListener resets what comes beyond its backlog, and at close() what waits in it", async () => {
    const listener = await nodeNetwork.bind("127.0.0.1:0", { backlog: 2 });
    cleanups.push(() => listener.close());
    const { port } = listener.localAddr;
    const sockets = [await plainSocket(port), await plainSocket(port), net.connect(port, "127.0.0.1")];
    const ends = sockets.map((socket) => drainSocket(socket));
    expect((await ends[2])?.end).toBe("ECONNRESET");
    const first = await accept(listener);
    await listener.close();
    expect((await ends[1])?.end).toBe("ECONNRESET");
    await first.writeAll(new Uint8Array(3));
    await first.close();
    expect(await ends[0]).toEqual({ bytes: 3, end: "end" });
  });

  test("1,000 streams leave no handle behind", async () => {
    const before = tcpHandles();
    const listener = await nodeNetwork.bind("127.0.0.1:0");
    const echo = async () => {
      for await (const stream of listener) {
        void (async () => {
          await stream.writeAll((await stream.readChunk()) ?? new Uint8Array(0));
          await stream.close();
        })();
      }
    };
    const serving = echo();
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const stream = await nodeNetwork.connect(listener.localAddr);
          await stream.writeAll(new Uint8Array([1, 2, 3]));
          expect(await stream.readToEnd()).toEqual(new Uint8Array([1, 2, 3]));
          await stream.close();
        }),
      );
    }
    await listener.close();
    await serving;
    await eventually(() => tcpHandles() <= before);
    expect(tcpHandles()).toBeLessThanOrEqual(before);
  });
});

describe("TcpStream.connect()", () => {
  const onLinux = test.runIf(process.platform === "linux"); // elsewhere a full backlog does not drop SYNs in silence
  onLinux("rejects with ETIMEDOUT when nobody answers in time, and leaves nothing behind", async () => {
    const { port: silent, close } = await silentPort();
    cleanups.push(close);
    const before = tcpHandles();
    await expect(
      nodeNetwork.connect({ hostname: "127.0.0.1", port: silent }, { timeout: 100 }),
    ).rejects.toMatchObject({ code: "ETIMEDOUT", op: "connect", port: silent });
    await eventually(() => tcpHandles() <= before);
  });

  onLinux("rejects with the signal's reason while nobody answers, and leaves nothing behind", async () => {
    const { port: silent, close } = await silentPort();
    cleanups.push(close);
    const before = tcpHandles();
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    setTimeout(() => controller.abort(reason), 50);
    await expect(
      nodeNetwork.connect({ hostname: "127.0.0.1", port: silent }, { signal: controller.signal }),
    ).rejects.toBe(reason);
    await eventually(() => tcpHandles() <= before);
  });

  test("tries the other addresses of a name whose first one refuses", async () => {
    // "localhost" is ::1 and 127.0.0.1, or 127.0.0.1 alone; the listener has only the one.
    const listener = await bind();
    const stream = await nodeNetwork.connect({ hostname: "localhost", port: listener.localAddr.port });
    cleanups.push(() => stream.abort());
    expect(stream.peerAddr.toString()).toBe(listener.localAddr.toString());
  });

  test.each([
    ["0.0.0.0", "127.0.0.1"],
    ["::ffff:0.0.0.0", "::ffff:127.0.0.1"],
    ["127.0.0.1", "127.0.0.1"],
  ])("asks the kernel who the peer is where %s does not tell", async (hostname, peer) => {
    const listener = await nodeNetwork.bind("127.0.0.1:0");
    cleanups.push(() => listener.close());
    const { port } = listener.localAddr;
    const stream = await nodeNetwork.connect({ hostname, port });
    cleanups.push(() => stream.abort());
    expect([stream.peerAddr.hostname, stream.peerAddr.port]).toEqual([peer, port]);
  });

  test("uses the local address it was given", async () => {
    const listener = await bind();
    const other = await bind();
    const localAddr = other.localAddr;
    await other.close();
    const stream = await nodeNetwork.connect(listener.localAddr, { localAddr });
    cleanups.push(() => stream.abort());
    expect(stream.localAddr.toString()).toBe(localAddr.toString());
  });

  test("tells of a name that does not exist", async () => {
    await expect(nodeNetwork.connect("name.invalid:80")).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
      op: "lookup",
      message: expect.stringMatching(/^Cannot look up "name\.invalid": name /),
    });
  });
});

describe("TcpListener.bind()", () => {
  test("refuses reusePort where the runtime would ignore it", async () => {
    const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
    const known = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
    const bound = nodeNetwork.bind("127.0.0.1:0", { reusePort: true });
    if (known) await (await bound).close();
    else await expect(bound).rejects.toMatchObject({ code: "ENOTSUP" });
  });

  test("listens on IPv6 alone when told so", async () => {
    const listener = await nodeNetwork.bind("[::]:0", { ipv6Only: true });
    cleanups.push(() => listener.close());
    const { port } = listener.localAddr;
    await expect(nodeNetwork.connect({ hostname: "127.0.0.1", port })).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    const stream = await nodeNetwork.connect({ hostname: "::1", port });
    expect(stream.peerAddr.toString()).toBe(`[::1]:${port}`);
    await stream.close();
  });

  test("is told of a foreign address with EADDRNOTAVAIL", async () => {
    await expect(nodeNetwork.bind("203.0.113.1:0")).rejects.toMatchObject({
      code: "EADDRNOTAVAIL",
      op: "bind",
      message: "Cannot listen on 203.0.113.1:0: address not available",
    });
  });
});

describe("fromSocket()", () => {
  test("makes a stream of a socket, half open, with what the socket already held", async () => {
    const port = await plainServer((socket) => socket.pipe(socket));
    const socket = net.connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    socket.unshift(new Uint8Array([1, 2]));
    const stream = fromSocket(socket);
    cleanups.push(() => stream.abort());
    await stream.writeAll(new Uint8Array([3, 4]));
    await stream.closeWrite();
    expect(await stream.readToEnd()).toEqual(new Uint8Array([1, 2, 3, 4]));
  });

  test("refuses a socket that is still connecting", async () => {
    const port = await plainServer(() => {});
    const socket = net.connect(port, "127.0.0.1");
    cleanups.push(() => socket.destroy());
    expect(() => fromSocket(socket)).toThrow(/it must be connected/);
  });

  test("tells a stream whose socket somebody else destroyed", async () => {
    const port = await plainServer(() => {});
    const socket = await plainSocket(port);
    const stream = fromSocket(socket);
    const reading = stream.readChunk();
    socket.destroy();
    await expect(reading).rejects.toMatchObject({ code: "ECONNABORTED" });
  });
});

function tcpHandles(): number {
  return openSockets() ?? process.getActiveResourcesInfo().filter((name) => /^TCP/.test(name)).length;
}

/** Waits for what other turns of the event loop bring about; how long that takes does not matter. */
async function eventually(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !isSo(); turn += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isSo()).toBe(true);
}
