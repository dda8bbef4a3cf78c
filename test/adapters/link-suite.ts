// What links over sockets must do, the same for node:net and Deno.connect, in every runtime.

import type { Link, LinkClosed, LinkDialer } from "../../src/core/link/link.ts";
import type { Bytes, SocketAddr } from "../../src/core/net/index.ts";
import { bytesEqual, equal, ok, rejection, rejectsWith } from "../contract/assert.ts";
import type { Runner } from "../contract/runner.ts";
import { pattern } from "../contract/world.ts";

export interface LinkAdapter {
  readonly name: string;
  dialer(addr: SocketAddr | string): LinkDialer;
  listen(
    addr: string,
    onLink: (link: Link) => void,
  ): Promise<{ readonly localAddr: SocketAddr; close(): void }>;
  readonly openCount?: (() => number) | undefined;
}

export function linkSuite(adapter: LinkAdapter, { test }: Runner): void {
  const it = (name: string, body: (place: LinkPlace) => Promise<void>): void =>
    test(`${adapter.name}: ${name}`, async () => {
      const place = new LinkPlace(adapter);
      try {
        await body(place);
      } finally {
        place.leave();
      }
    });

  it("a link says what it is", async (place) => {
    const { near, far } = await place.connect();
    equal(near.link.framed, false, "framed");
    ok(/^tcp:\/\/127\.0\.0\.1:\d+$/.test(near.link.description), near.link.description);
    ok(/^tcp:\/\/127\.0\.0\.1:\d+$/.test(far.link.description), far.link.description);
  });

  it("bytes arrive both ways, whole and in order, whatever the sizes of the messages", async (place) => {
    const { near, far } = await place.connect();
    const sizes = [1, 20, 131_072, 7, 65_535, 0, 3, 131_072, 40_000];
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      let offset = 0;
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const sent = pattern(total);
      for (const size of sizes) {
        from.link.send(sent.slice(offset, offset + size));
        offset += size;
      }
      bytesEqual(await to.take(total), sent, "bytes");
    }
  });

  it("nothing is delivered before start() has returned, and nothing is lost until then", async (place) => {
    const { listener, dialled, accepted } = await place.connectUnstarted();
    ok(listener !== undefined, "a listener");
    const near = new Recorder(await dialled);
    near.start();
    near.link.send(pattern(5_000));
    await settle(20);
    const far = new Recorder(await accepted);
    far.start();
    equal(far.startedBeforeDelivery, true, "start() returned first");
    bytesEqual(await far.take(5_000), pattern(5_000), "bytes");
  });

  it("messages that were received never change", async (place) => {
    const { near, far } = await place.connect();
    for (let round = 0; round < 40; round += 1) near.link.send(pattern(20_000, round + 1));
    const kept = await far.take(800_000);
    for (let round = 0; round < 40; round += 1) {
      bytesEqual(
        kept.subarray(round * 20_000, (round + 1) * 20_000),
        pattern(20_000, round + 1),
        `round ${round}`,
      );
    }
  });

  it("buffered tells what has not gone, and drained() when all has", async (place) => {
    const { near, far } = await place.connect();
    const message = pattern(131_072);
    let sent = 0;
    // The other side reads on: send in one turn more than the kernel takes at once.
    while (near.link.buffered < 1 << 20 && sent < 512) {
      near.link.send(message.slice());
      sent += 1;
    }
    ok(near.link.buffered > 0, "something is buffered");
    const drains = near.drains;
    await far.take(sent * message.length);
    await eventually(() => near.link.buffered === 0 && near.drains > drains);
    equal(near.link.buffered, 0, "buffered at the end");
  });

  it("close() lets out what was sent, then both sides are told, once", async (place) => {
    const { near, far } = await place.connect();
    const message = pattern(131_072);
    for (let count = 0; count < 24; count += 1) near.link.send(message.slice());
    near.link.close(1000, "done");
    near.link.send(pattern(10));
    near.link.close(4000, "again");
    await far.take(24 * message.length);
    await eventually(() => near.ends.length > 0 && far.ends.length > 0);
    await settle(10);
    equal(far.received, 24 * message.length, "bytes at the other side");
    equal(near.ends.length, 1, "ends here");
    equal(near.ends[0]?.code, 1000, "code here");
    equal(near.ends[0]?.reason, "done", "reason here");
    equal(far.ends.length, 1, "ends there");
    equal(far.ends[0]?.error, undefined, "no error there");
    equal(near.link.buffered, 0, "buffered after the end");
  });

  it("a link whose program goes away with bytes unread ends at the other side", async (place) => {
    const { near, far } = await place.connect();
    near.link.send(pattern(100));
    far.link.close();
    await eventually(() => near.ends.length === 1 && far.ends.length === 1);
    near.link.send(pattern(100));
    equal(near.link.buffered, 0, "buffered after the end");
  });

  it("dialling nobody rejects with ECONNREFUSED", async (place) => {
    const listener = await place.listen(() => {});
    listener.close();
    // Deno lets the port go when the pending accept has ended.
    await settle(20);
    const dialling = adapter.dialer(listener.localAddr).dial({ signal: new AbortController().signal });
    const error = await rejectsWith(dialling, "ECONNREFUSED", "dial", "connect");
    ok(error.message.includes(String(listener.localAddr.port)), error.message);
  });

  it("an aborted dial rejects with the reason", async (place) => {
    const listener = await place.listen(() => {});
    const reason = new Error("no longer wanted");
    const before = adapter.dialer(listener.localAddr).dial({ signal: AbortSignal.abort(reason) });
    equal(await rejection(before, "aborted before"), reason, "the reason");
    const controller = new AbortController();
    const during = adapter.dialer(listener.localAddr).dial({ signal: controller.signal });
    controller.abort(reason);
    equal(await rejection(during, "aborted during"), reason, "the reason");
  });

  it("an abort after the dial leaves the link alone", async (place) => {
    const controller = new AbortController();
    const { near, far } = await place.connect(controller.signal);
    controller.abort();
    await settle(5);
    near.link.send(pattern(10));
    bytesEqual(await far.take(10), pattern(10), "bytes");
  });

  it("a port in use rejects with EADDRINUSE", async (place) => {
    const listener = await place.listen(() => {});
    await rejectsWith(
      adapter.listen(String(listener.localAddr), () => {}),
      "EADDRINUSE",
      "listen",
      "bind",
    );
  });

  it("100 links leave nothing behind", async (place) => {
    // What the tests before left is closing still.
    await settle(50);
    const before = adapter.openCount?.();
    for (let round = 0; round < 100; round += 1) {
      const { near, far, listener } = await place.connect();
      near.link.send(pattern(10));
      await far.take(10);
      (round % 2 === 0 ? near : far).link.close();
      await eventually(() => near.ends.length === 1 && far.ends.length === 1);
      listener.close();
    }
    for (let turn = 0; turn < 200 && adapter.openCount?.() !== before; turn += 1) await settle(5);
    equal(adapter.openCount?.(), before, "what is open");
  });
}

class LinkPlace {
  private readonly adapter: LinkAdapter;
  private readonly closing: (() => void)[] = [];

  constructor(adapter: LinkAdapter) {
    this.adapter = adapter;
  }

  async listen(onLink: (link: Link) => void): ReturnType<LinkAdapter["listen"]> {
    const listener = await this.adapter.listen("127.0.0.1:0", onLink);
    this.closing.push(() => listener.close());
    return listener;
  }

  async connectUnstarted(
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ listener: { close(): void }; dialled: Promise<Link>; accepted: Promise<Link> }> {
    let resolve: (link: Link) => void = () => {};
    const accepted = new Promise<Link>((done) => {
      resolve = done;
    });
    const listener = await this.listen((link) => {
      this.closing.push(() => link.close());
      resolve(link);
    });
    const dialled = this.adapter.dialer(listener.localAddr).dial({ signal });
    this.closing.push(async () => (await dialled).close());
    return { listener, dialled, accepted };
  }

  async connect(
    signal?: AbortSignal,
  ): Promise<{ near: Recorder; far: Recorder; listener: { close(): void } }> {
    const { listener, dialled, accepted } = await this.connectUnstarted(signal);
    const near = new Recorder(await dialled);
    const far = new Recorder(await accepted);
    near.start();
    far.start();
    return { near, far, listener };
  }

  leave(): void {
    for (const close of this.closing) close();
  }
}

/** A handler that keeps what it is told. */
class Recorder {
  readonly link: Link;
  readonly ends: LinkClosed[] = [];
  drains = 0;
  received = 0;
  startedBeforeDelivery = true;
  private readonly messages: Bytes[] = [];
  private hasStarted = false;

  constructor(link: Link) {
    this.link = link;
  }

  start(): void {
    this.link.start({
      message: (bytes) => {
        if (!this.hasStarted) this.startedBeforeDelivery = false;
        ok(this.ends.length === 0, "nothing comes after the end");
        ok(bytes.constructor === Uint8Array, "a plain Uint8Array");
        this.received += bytes.length;
        this.messages.push(bytes);
      },
      drained: () => {
        this.drains += 1;
      },
      closed: (reason) => void this.ends.push(reason),
    });
    this.hasStarted = true;
  }

  /** Waits for that many bytes and takes all that came. */
  async take(count: number): Promise<Uint8Array> {
    const start = this.received - this.messages.reduce((sum, bytes) => sum + bytes.length, 0);
    await eventually(() => this.received - start >= count);
    const all = new Uint8Array(this.received - start);
    let offset = 0;
    for (const bytes of this.messages.splice(0)) {
      all.set(bytes, offset);
      offset += bytes.length;
    }
    return all;
  }
}

/** Waits for what other turns of the event loop bring about; how long that takes does not matter. */
async function eventually(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !isSo(); turn += 1) await settle(5);
  ok(isSo(), "it never came about");
}

function settle(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
