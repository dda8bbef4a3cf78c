import { describe, expect, it } from "vitest";
import {
  type ListenerSink,
  type ListenerSource,
  NetError,
  SocketAddr,
  type StreamSource,
  TcpListener,
} from "../../../src/core/net/index.ts";
import { ScriptedSource } from "./scripted-source.ts";

class ScriptedListener implements ListenerSource {
  readonly localAddr: SocketAddr = new SocketAddr("10.0.0.1", 80);
  readonly published: SocketAddr = new SocketAddr("192.0.2.7", 8080);
  readonly backlog: Array<StreamSource | NetError> = [];
  readonly calls: string[] = [];
  accepts = 0;
  sink: ListenerSink = { acceptable() {}, closed() {} };

  attach(sink: ListenerSink): void {
    this.sink = sink;
  }

  accept(): StreamSource | undefined {
    this.accepts++;
    const next = this.backlog.shift();
    if (next instanceof NetError) throw next;
    return next;
  }

  close(): void {
    this.calls.push("close");
  }
}

function open(): { source: ScriptedListener; listener: TcpListener } {
  const source = new ScriptedListener();
  return { source, listener: TcpListener.over(source, { noDelay: false }) };
}

describe("TcpListener", () => {
  it("asks the network only when somebody accepts", async () => {
    const { source, listener } = open();
    source.backlog.push(new ScriptedSource());
    source.sink.acceptable();
    expect(source.accepts).toBe(0);
    await listener.accept();
    expect(source.accepts).toBe(1);
  });

  it("gives Rust's pair, with the listener's options applied", async () => {
    const { source, listener } = open();
    const connection = new ScriptedSource();
    source.backlog.push(connection);
    const [stream, addr] = await listener.accept();
    expect(addr).toBe(stream.peerAddr);
    expect(stream.noDelay).toBe(false);
    expect(connection.calls).toEqual(["attach", "noDelay false"]);
  });

  it("tells where it is published", () => {
    expect(String(open().listener.published)).toBe("192.0.2.7:8080");
  });

  it("one failed accept rejects one accept and leaves the listener open", async () => {
    const { source, listener } = open();
    source.backlog.push(new NetError("EMFILE", "Too many"), new ScriptedSource());
    await expect(listener.accept()).rejects.toMatchObject({
      code: "EMFILE",
      op: "accept",
      message: "Cannot accept on 10.0.0.1:80: too many open files",
    });
    await listener.accept();
  });

  it("a failed listener rejects accepts and closed, and ends loops with its error", async () => {
    const { source, listener } = open();
    const accept = listener.accept();
    const loop = (async () => {
      for await (const _ of listener.incoming());
    })();
    source.sink.closed(new NetError("ERR_SESSION_EXPIRED", "The session is gone"));
    const expected = {
      code: "ERR_SESSION_EXPIRED",
      message: "Cannot accept on 10.0.0.1:80: the session has expired",
    };
    await expect(accept).rejects.toMatchObject(expected);
    await expect(loop).rejects.toMatchObject(expected);
    await expect(listener.accept()).rejects.toMatchObject(expected);
    await expect(listener.closed).rejects.toMatchObject(expected);
    await listener.close();
  });

  it("pins the texts of closing and timing out", async () => {
    const { source, listener } = open();
    await expect(listener.accept({ timeout: 1 })).rejects.toThrow("Cannot accept on 10.0.0.1:80: timed out");
    const pending = listener.accept();
    const closing = listener.close();
    await expect(pending).rejects.toThrow("Cannot accept on 10.0.0.1:80: closed on this side");
    source.sink.closed(null);
    await closing;
    await expect(listener.accept()).rejects.toThrow("Cannot accept on 10.0.0.1:80: closed on this side");
    expect(source.calls).toEqual(["close"]);
  });
});
