// Links over WebSockets: ws on both sides, and the WHATWG shape that browsers, Deno and Bun have, played by hand.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocket as NodeWebSocket, WebSocketServer } from "ws";
import { closeText } from "../../../src/adapters/websocket/close-codes.ts";
import {
  BunServerLink,
  type WebSocketConstructor,
  webSocketDialer,
  webSocketLink,
} from "../../../src/adapters/websocket/index.ts";
import type { WebSocketEventLike, WebSocketLike } from "../../../src/adapters/websocket/web-socket-like.ts";
import type { Link, LinkClosed, LinkHandler } from "../../../src/core/link/link.ts";
import type { Bytes } from "../../../src/core/net/index.ts";
import type { WebSocketClass } from "../../../src/tunnel/default-dialer.ts";

/** What a link told. */
class Recorder implements LinkHandler {
  readonly messages: Bytes[] = [];
  readonly ends: LinkClosed[] = [];
  readonly gone: Bytes[] = [];
  drains = 0;
  private readonly wakers: (() => void)[] = [];

  message(bytes: Bytes): void {
    this.messages.push(bytes);
    this.wake();
  }
  drained(): void {
    this.drains++;
    this.wake();
  }
  sent(message: Bytes): void {
    this.gone.push(message);
    this.wake();
  }
  closed(reason: LinkClosed): void {
    this.ends.push(reason);
    this.wake();
  }
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.wakers.push(resolve));
  }
  private wake(): void {
    for (const waker of this.wakers.splice(0)) waker();
  }
}

function started(link: Link): Recorder {
  const recorder = new Recorder();
  link.start(recorder);
  return recorder;
}

const never = new AbortController().signal;

describe("Links over ws", () => {
  let server: WebSocketServer;
  let accepted: Promise<Link>;
  let url: string;

  beforeEach(async () => {
    server = new WebSocketServer({
      host: "127.0.0.1",
      port: 0,
      perMessageDeflate: false,
      maxPayload: 131_072,
    });
    accepted = once(server, "connection").then(([socket]) => webSocketLink(socket as NodeWebSocket));
    accepted.catch(() => {});
    await once(server, "listening");
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/path?secret=1`;
  });

  afterEach(async () => {
    for (const client of server.clients) client.terminate();
    server.close();
    await once(server, "close");
  });

  const dial = (): Promise<Link> =>
    webSocketDialer(url, { WebSocket: NodeWebSocket as unknown as WebSocketConstructor }).dial({
      signal: never,
    });

  test("carry messages of all sizes both ways, whole and in order, and tell what has gone", async () => {
    const near = await dial();
    const far = await accepted;
    expect(near.framed).toBe(true);
    expect(near.description).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/path$/);
    const [here, there] = [started(near), started(far)];
    const sizes = [1, 0, 125, 126, 65_535, 65_536, 131_072, 20];
    for (const link of [near, far]) {
      for (const size of sizes) link.send(new Uint8Array(size).fill(size % 251));
    }
    for (const recorder of [here, there]) {
      await recorder.until(() => recorder.messages.length === sizes.length);
      expect(recorder.messages.map(({ length }) => length)).toEqual(sizes);
      for (const bytes of recorder.messages) {
        expect(bytes.constructor).toBe(Uint8Array);
        expect(bytes.every((byte) => byte === bytes.length % 251)).toBe(true);
      }
      await recorder.until(() => recorder.gone.length === sizes.length && recorder.drains > 0);
      expect(recorder.gone.map(({ length }) => length)).toEqual(sizes);
    }
    expect([near.buffered, far.buffered]).toEqual([0, 0]);
  });

  test("keep what comes before they are started", async () => {
    const near = await dial();
    const far = await accepted;
    far.send(new Uint8Array([1]));
    far.send(new Uint8Array([2]));
    far.close(4003, "soon over");
    const there = started(far);
    await there.until(() => there.ends.length === 1);
    const here = new Recorder();
    near.start(here);
    expect(here.messages).toEqual([]);
    await here.until(() => here.ends.length === 1);
    expect(here.messages.map(([first]) => first)).toEqual([1, 2]);
    expect(here.ends).toMatchObject([{ code: 4003, reason: "soon over" }]);
  });

  test("end for both sides, once, with code and reason", async () => {
    const [near, far] = [await dial(), await accepted];
    const [here, there] = [started(near), started(far)];
    near.send(new Uint8Array([7]));
    near.close(4002, `a long reason: ${"ä".repeat(100)}`);
    near.close(1000);
    near.send(new Uint8Array([8]));
    await here.until(() => here.ends.length > 0);
    await there.until(() => there.ends.length > 0);
    expect(there.messages).toHaveLength(1);
    expect(there.ends).toMatchObject([
      { code: 4002, reason: expect.stringMatching(/^a long reason: ä{54}$/) },
    ]);
    expect(here.ends).toHaveLength(1);
  });

  test("lost without a close have code 1006", async () => {
    const [near, far] = [await dial(), await accepted];
    const [here, there] = [started(near), started(far)];
    for (const client of server.clients) client.terminate();
    await here.until(() => here.ends.length > 0);
    await there.until(() => there.ends.length > 0);
    expect(here.ends[0].code).toBe(1006);
  });

  test("refuse text and what is too big", async () => {
    for (const [bad, code] of [
      ["text", 4002],
      [new Uint8Array(131_073), 1009],
    ] as const) {
      const socket = new NodeWebSocket(url);
      await once(socket, "open");
      socket.on("error", () => {});
      const far = await accepted;
      const there = started(far);
      socket.send(bad);
      const [closeCode] = (await once(socket, "close")) as [number];
      expect(closeCode).toBe(code);
      await there.until(() => there.ends.length > 0);
      expect(there.ends[0].code).toBe(code);
      accepted = once(server, "connection").then(([next]) => webSocketLink(next as NodeWebSocket));
      accepted.catch(() => {});
    }
  });

  test("are not masked on loopback, where nobody can look into frames", async () => {
    const near = await dial();
    const there = started(await accepted);
    const message = new Uint8Array([1, 2, 3, 4]);
    near.send(message);
    await there.until(() => there.messages.length === 1);
    expect([...message]).toEqual([1, 2, 3, 4]);
    const sender = (near as unknown as { socket: { _sender: { _maskBuffer?: Uint8Array } } }).socket._sender;
    expect([...(sender._maskBuffer ?? [])]).toEqual([0, 0, 0, 0]);
  });
});

describe("Dialling", () => {
  test.each([
    "",
    "relay.example",
    "tcp://relay.example/",
    "ws://user@relay.example/",
    "ws://u:p@relay.example/",
  ])("%j is no URL of a relay", (url) => {
    const WebSocket = FakeWebSocket as unknown as WebSocketConstructor;
    expect(() => webSocketDialer(url, { WebSocket })).toThrow(TypeError);
  });

  test("reads https as wss and drops the fragment, and never tells the query", () => {
    const WebSocket = FakeWebSocket as unknown as WebSocketConstructor;
    expect(webSocketDialer("https://relay.example/a?b=c#d", { WebSocket }).description).toBe(
      "wss://relay.example/a",
    );
    expect(() => webSocketDialer([], { WebSocket })).toThrow(TypeError);
  });

  test("without a WebSocket class says what to do", () => {
    vi.stubGlobal("WebSocket", undefined);
    expect(() => webSocketDialer("ws://127.0.0.1/")).toThrow(/pass the class of the package ws/);
    vi.unstubAllGlobals();
  });

  test("tries URLs in order, and fails with the last one's error", async () => {
    FakeWebSocket.made.length = 0;
    const WebSocket = FakeWebSocket as unknown as WebSocketConstructor;
    const attempt = webSocketDialer(["ws://one/", "ws://two/"], { WebSocket }).dial({ signal: never });
    attempt.catch(() => {});
    FakeWebSocket.made[0].end(1006);
    await vi.waitFor(() => expect(FakeWebSocket.made).toHaveLength(2));
    FakeWebSocket.made[1].end(0);
    await expect(attempt).rejects.toMatchObject({
      code: "ECONNREFUSED",
      message: expect.stringMatching(
        /^Cannot connect to the relay at ws:\/\/two\/: it did not open .*check the address/,
      ),
    });
  });

  test.each([
    [
      "wss",
      "EPROTO",
      "write EPROTO 80:error:0A00010B:SSL routines:wrong version number",
      "no TLS there: use ws://",
    ],
    ["wss", "DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate", "self-signed certificate"],
    ["ws", "ECONNRESET", "socket hang up", "it hung up: if it speaks TLS, use wss://"],
    ["wss", "ECONNRESET", "socket hang up", "socket hang up"],
  ])("to %s: says what %s means", async (scheme, code, message, reason) => {
    FakeWebSocket.made.length = 0;
    const WebSocket = FakeWebSocket as unknown as WebSocketConstructor;
    const attempt = webSocketDialer(`${scheme}://one/`, { WebSocket }).dial({ signal: never });
    attempt.catch(() => {});
    FakeWebSocket.made[0].fire("error", { error: Object.assign(new Error(message), { code }) });
    FakeWebSocket.made[0].end(1006);
    await expect(attempt).rejects.toMatchObject({
      code,
      message: `Cannot connect to the relay at ${scheme}://one/: ${reason}`,
    });
  });

  test("of a page says that the relay may refuse its origin: browsers hide the answer", async () => {
    const WebSocket = FakeWebSocket as unknown as WebSocketConstructor;
    const refused = async (): Promise<string> => {
      FakeWebSocket.made.length = 0;
      const attempt = webSocketDialer("ws://one/", { WebSocket }).dial({ signal: never });
      FakeWebSocket.made[0].end(1006);
      return attempt.then(
        () => "it opened",
        (error: Error) => error.message,
      );
    };
    expect(await refused()).toMatch(/ that the relay runs$/);
    vi.stubGlobal("location", { origin: "http://127.0.0.1:7200" });
    expect(await refused()).toMatch(
      / that the relay runs, and that it lets pages of http:\/\/127\.0\.0\.1:7200 in$/,
    );
    vi.unstubAllGlobals();
  });

  test("that is aborted rejects with the reason and closes the attempt", async () => {
    FakeWebSocket.made.length = 0;
    const WebSocket = FakeWebSocket as unknown as WebSocketConstructor;
    const controller = new AbortController();
    const attempt = webSocketDialer("ws://one/", { WebSocket }).dial({ signal: controller.signal });
    controller.abort("enough");
    await expect(attempt).rejects.toBe("enough");
    expect(FakeWebSocket.made[0].closedWith).toBeDefined();
  });

  test("takes the platform's class, ws's and one of the same shape", () => {
    const classes: readonly WebSocketClass[] = [NodeWebSocket, FakeWebSocket];
    // Only checked by the compiler: the DOM's class.
    const platform = (Class: typeof WebSocket): WebSocketConstructor => Class;
    expect([classes.length, typeof platform]).toEqual([2, "function"]);
  });
});

describe("Links over the WHATWG shape", () => {
  function open(maxMessage?: number): { socket: FakeWebSocket; link: Link; told: Recorder } {
    const socket = new FakeWebSocket("ws://relay.example/");
    socket.readyState = 1;
    const link = webSocketLink(socket, { description: "ws://relay.example/", maxMessage });
    return { socket, link, told: started(link) };
  }

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("ask for array buffers, give views of them, and copy on send", () => {
    const { socket, link, told } = open();
    expect(socket.binaryType).toBe("arraybuffer");
    expect(link.copiesOnSend).toBe(true);
    socket.fire("message", { data: new Uint8Array([1, 2]).buffer });
    expect(told.messages).toEqual([new Uint8Array([1, 2])]);
    link.send(new Uint8Array([3]));
    expect(socket.sent).toEqual([new Uint8Array([3])]);
  });

  test("poll the buffer only after it was above the mark, and tell when it is empty", () => {
    const { socket, link, told } = open();
    link.send(new Uint8Array(1_000));
    expect(vi.getTimerCount()).toBe(0);
    socket.bufferedAmount = 100_000;
    link.send(new Uint8Array(1_000));
    expect(link.buffered).toBe(100_000);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(50);
    expect(told.drains).toBe(0);
    socket.bufferedAmount = 0;
    vi.advanceTimersByTime(50);
    expect(told.drains).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("are over for their owner at close(), though the other side never answers", () => {
    const { socket, link, told } = open();
    link.close(4002, "wrong");
    expect(socket.closedWith).toEqual([4002, "wrong"]);
    expect(told.ends).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told.ends).toMatchObject([{ code: 4002, reason: "wrong" }]);
    socket.end(1006);
    expect(told.ends).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    [1002, 4002],
    [1008, 3000],
    [1011, 4011],
    [undefined, 1000],
    [1000, 1000],
    [4008, 4008],
    [1, 4000],
  ])("close code %s is sent as %i, which a page may", (code, sent) => {
    const { socket, link } = open();
    link.close(code);
    expect(socket.closedWith?.[0]).toBe(sent);
  });

  test("end by a close event, and Deno's code 0 is 1006", () => {
    const { socket, link, told } = open();
    socket.fire("error", { message: "broken" });
    socket.end(0);
    expect(told.ends).toMatchObject([{ code: 1006, error: { message: "broken" } }]);
    link.send(new Uint8Array(1));
    link.close();
    expect(socket.sent).toEqual([]);
  });

  test("refuse text and messages over their limit", () => {
    for (const data of ["text", new ArrayBuffer(11)]) {
      const { socket, told } = open(10);
      socket.fire("message", { data: new ArrayBuffer(10) });
      socket.fire("message", { data });
      vi.advanceTimersByTime(1);
      expect(told.messages).toHaveLength(1);
      expect(told.ends).toHaveLength(1);
    }
  });

  test("survive a send() that throws", () => {
    const { socket, link, told } = open();
    socket.throws = new Error("InvalidStateError");
    link.send(new Uint8Array(1));
    vi.advanceTimersByTime(1);
    expect(told.ends).toMatchObject([{ error: { message: "InvalidStateError" } }]);
  });
});

describe("Links over Bun's server sockets", () => {
  test("take the server's events, and what Bun drops ends them", () => {
    const sent: [Uint8Array, boolean | undefined][] = [];
    const closed: unknown[] = [];
    let room = 10;
    const link = new BunServerLink(
      {
        readyState: 1,
        sendBinary: (data, compress) => {
          sent.push([data, compress]);
          return room;
        },
        getBufferedAmount: () => 0,
        close: (code, reason) => void closed.push([code, reason]),
        terminate: () => {},
      },
      "client 127.0.0.1",
    );
    link.received(new Uint8Array([9]));
    const told = new Recorder();
    link.start(told);
    return Promise.resolve().then(() => {
      expect(told.messages).toHaveLength(1);
      link.received(new Uint8Array([1, 2]));
      expect(told.messages[1]).toEqual(new Uint8Array([1, 2]));
      link.send(new Uint8Array([3]));
      expect(sent).toEqual([[new Uint8Array([3]), false]]);
      link.drained();
      expect(told.drains).toBe(1);
      room = 0;
      link.send(new Uint8Array([4]));
      expect(closed).toEqual([[4013, "the send buffer is full"]]);
      link.closed(1000, "done");
      link.closed(1000, "done");
      expect(told.ends).toMatchObject([{ code: 1000, reason: "done" }]);
    });
  });
});

test("close codes have a text each", () => {
  expect(closeText(1006)).toContain("lost");
  expect(closeText(4999)).toBe("close code 4999");
});

/** A WebSocket of the WHATWG shape, moved by hand. */
class FakeWebSocket implements WebSocketLike {
  static readonly made: FakeWebSocket[] = [];
  binaryType = "blob";
  readyState = 0;
  bufferedAmount = 0;
  throws: Error | null = null;
  closedWith: [number | undefined, string | undefined] | undefined;
  readonly sent: Uint8Array[] = [];
  readonly url: string;
  private readonly listeners = new Map<string, Set<(event: WebSocketEventLike) => void>>();

  constructor(url: string) {
    this.url = url;
    FakeWebSocket.made.push(this);
  }

  send(data: Uint8Array): void {
    if (this.throws !== null) throw this.throws;
    this.sent.push(data);
  }
  close(code?: number, reason?: string): void {
    this.closedWith = [code, reason];
    this.readyState = 2;
  }
  addEventListener(type: string, listener: (event: WebSocketEventLike) => void): void {
    const all = this.listeners.get(type) ?? new Set();
    all.add(listener);
    this.listeners.set(type, all);
  }
  removeEventListener(type: string, listener: (event: WebSocketEventLike) => void): void {
    this.listeners.get(type)?.delete(listener);
  }
  fire(type: string, event: Omit<WebSocketEventLike, "type">): void {
    for (const listener of [...(this.listeners.get(type) ?? [])]) listener({ type, ...event });
  }
  end(code: number): void {
    this.readyState = 3;
    this.fire("close", { code, reason: "" });
  }
}
