// Hosts for the tests of links and of the simulator: a stack with one address and one route, its driver and network.

import {
  type Clock,
  type ConnectionSource,
  Driver,
  type DriverOptions,
  type Link,
  type LinkPort,
  StackNetwork,
} from "../../../src/core/link/index.ts";
import type { NetError, StreamSink } from "../../../src/core/net/index.ts";
import { Random, type SimClock } from "../../../src/core/sim/index.ts";
import { type Route, type RouteOptions, Stack, type StackOptions } from "../../../src/core/stack/index.ts";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { Prefix } from "../../../src/core/wire/prefix.ts";
import { fixedBuffers } from "../stack/pair.ts";

export function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

export function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
}

export interface HostOptions {
  readonly clock: Clock;
  readonly seed?: number;
  readonly stack?: Partial<StackOptions>;
  readonly route?: Partial<RouteOptions>;
  readonly driver?: Partial<DriverOptions>;
}

export class Host {
  readonly ip: IpAddress;
  readonly stack: Stack;
  readonly route: Route;
  readonly driver: Driver;
  readonly network: StackNetwork;

  constructor(ip: string, options: HostOptions) {
    this.ip = address(ip);
    const secret = new Uint8Array(32);
    new Random(`${ip} ${options.seed ?? 1}`).fill(secret);
    const tcp = { ...fixedBuffers, ...options.stack?.tcp };
    this.stack = new Stack({ secret, addresses: [this.ip], ...options.stack, tcp });
    const defaults: RouteOptions = { reliable: true, checksum: true, mtu: 65_535 };
    this.route = this.stack.addRoute(prefix("fd00::/16"), { ...defaults, ...options.route });
    this.driver = new Driver({ stack: this.stack, clock: options.clock, ...options.driver });
    this.network = new StackNetwork(this.driver);
  }

  attach(link: Link): LinkPort {
    return this.driver.attach(link, { routes: [this.route] });
  }
}

/** Notes what a source tells its sink. */
export class Notes implements StreamSink {
  readable_ = 0;
  writable_ = 0;
  ended: NetError | null | undefined = undefined;

  readable(): void {
    this.readable_++;
  }

  writable(): void {
    this.writable_++;
  }

  closed(error: NetError | null): void {
    if (this.ended !== undefined) throw new Error("closed() was called twice");
    this.ended = error;
  }
}

/** Everything that a source gives now. */
export function readAll(source: ConnectionSource): Uint8Array {
  const parts: Uint8Array[] = [];
  for (
    let part = source.receive(1 << 20);
    part !== undefined && part !== null;
    part = source.receive(1 << 20)
  ) {
    parts.push(part);
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes that tell where they belong: byte i of a stream is always the same. */
export function pattern(from: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const at = from + i;
    bytes[i] = (at * 31 + (at >>> 8) * 7 + (at >>> 16)) & 255;
  }
  return bytes;
}

/** That bytes are those of the pattern; says where they are not. (Comparing large arrays with toEqual takes seconds.) */
export function checkPattern(bytes: Uint8Array, from: number): void {
  const expected = pattern(from, bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== expected[i])
      throw new Error(`Byte ${from + i} is ${bytes[i]} instead of ${expected[i]}`);
  }
}

/** Sends `total` bytes of the pattern, checks what arrives, and lets time pass; `between` is called now and then. */
export function transfer(
  clock: SimClock,
  from: ConnectionSource,
  to: ConnectionSource,
  total: number,
  between: (slice: number) => void = () => {},
): void {
  let sent = 0;
  let received = 0;
  for (let slice = 0; received < total; slice++) {
    if (slice > 100_000) throw new Error(`Only ${received} of ${total} bytes arrived, ${sent} were sent`);
    if (sent < total && from.unacknowledged < 300_000)
      sent += from.send(pattern(sent, Math.min(300_000, total - sent)));
    clock.run(clock.now() + 1_000);
    const bytes = readAll(to);
    checkPattern(bytes, received);
    received += bytes.length;
    between(slice);
  }
}
