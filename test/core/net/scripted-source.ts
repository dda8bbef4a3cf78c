// A source that does what the test says and writes down what the stream does.

import {
  type Bytes,
  type KeepAliveOptions,
  NetError,
  SocketAddr,
  type StreamSink,
  type StreamSource,
  type TcpInfo,
} from "../../../src/core/net/index.ts";
import { VirtualTimers } from "./virtual-timers.ts";

export class ScriptedSource implements StreamSource {
  readonly localAddr: SocketAddr = new SocketAddr("10.0.0.1", 40_000);
  readonly peerAddr: SocketAddr = new SocketAddr("10.0.0.2", 80);
  readonly timers: VirtualTimers = new VirtualTimers();
  /** The calls that end or set something, in order. */
  readonly calls: string[] = [];
  /** What receive() gives, in order; undefined once it is empty; null and errors stay. */
  readonly incoming: Array<Bytes | null | Error> = [];
  /** How much send() takes in its next calls; 0 once it is empty. */
  readonly room: number[] = [];
  readonly sent: Uint8Array[] = [];
  unacknowledged = 0;
  receives = 0;
  sendFailure: Error | null = null;
  sink: StreamSink = { readable() {}, writable() {}, closed() {} };
  /** Called within receive() and send(), before they return. */
  within: () => void = () => undefined;

  attach(sink: StreamSink): void {
    this.sink = sink;
    this.calls.push("attach");
  }

  receive(max: number): Bytes | null | undefined {
    this.receives++;
    this.within();
    const first = this.incoming[0];
    if (first instanceof Error) throw first;
    if (first === null || first === undefined) return first;
    this.incoming.shift();
    if (first.length > max) this.incoming.unshift(first.subarray(max));
    return first.subarray(0, max);
  }

  send(data: Uint8Array): number {
    return this.accept(data.slice());
  }

  finish(): void {
    this.calls.push("finish");
  }

  close(): void {
    this.calls.push("close");
  }

  reset(reason?: unknown): void {
    this.calls.push(`reset ${String(reason)}`);
  }

  setNoDelay(on: boolean): void {
    this.calls.push(`noDelay ${on}`);
  }

  setKeepAlive(options: KeepAliveOptions | false): void {
    this.calls.push(`keepAlive ${JSON.stringify(options)}`);
  }

  info(): TcpInfo {
    return { state: "ESTABLISHED" };
  }

  ref(): void {
    this.calls.push("ref");
  }

  unref(): void {
    this.calls.push("unref");
  }

  /** Bytes come. */
  deliver(...items: Array<Bytes | null | Error>): void {
    this.incoming.push(...items);
    this.sink.readable();
  }

  /** Room comes. */
  admit(...room: number[]): void {
    this.room.push(...room);
    this.sink.writable();
  }

  /** The connection fails as a reset does. */
  fail(code = "ECONNRESET"): NetError {
    const error = new NetError(code, "The network says so");
    this.sendFailure = error;
    this.deliver(error);
    this.sink.closed(error);
    return error;
  }

  protected accept(data: Uint8Array): number {
    this.within();
    if (this.sendFailure !== null) throw this.sendFailure;
    const count = Math.min(data.length, this.room[0] ?? 0);
    if (this.room.length > 0) this.room.shift();
    if (count > 0) this.sent.push(data.subarray(0, count));
    return count;
  }
}

/** A source that keeps what it is given, as a stack does. */
export class OwningSource extends ScriptedSource {
  sendOwned(data: Bytes): number {
    return this.accept(data);
  }
}

export function bytes(...values: number[]): Bytes {
  return new Uint8Array(values);
}
