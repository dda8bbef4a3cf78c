// Lets another IP stack, such as the kernel's behind a TUN device, use the address of a driver's stack towards some
// prefix: what comes from there goes to the other stack instead, and what that one sends there leaves on the driver's
// links, as a flow among the others.

import { readInt32 } from "../wire/big-endian.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { Prefix } from "../wire/prefix.ts";
import type { Micros } from "./clock.ts";
import type { Driver } from "./driver.ts";
import { readFrames } from "./frames.ts";
import type { Link, LinkClosed } from "./link.ts";
import type { LinkPort } from "./link-port.ts";
import type { TransmitSource } from "./transmit-source.ts";

export interface PacketBridgeOptions {
  /** Carries packets alone; its other end is the other stack. The bridge owns it. */
  readonly link: Link;
  /** The other stack's address, which is the driver's stack's too. */
  readonly address: IpAddress;
  /** The destinations that it reaches through the bridge. */
  readonly prefix: Prefix;
  /** Bytes of its packets that may wait for the driver's links; more are dropped. Default 1 MiB. */
  readonly queue?: number | undefined;
  /** The link ended by itself, or by close(). */
  readonly closed?: ((reason: LinkClosed) => void) | undefined;
}

/** What passed, in packets. */
export interface PacketBridgeCounters {
  toOther: number;
  fromOther: number;
  /** From the other stack, with another source or destination: a neighbour discovery, a wrong route. */
  strange: number;
  /** From the other stack, while the queue was full or no driver there. */
  dropped: number;
}

interface Waiting {
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
}

/**
 * Joins another stack to a driver's links. While it is joined, connections of the driver's own stack to and from the
 * prefix get no packets, for their address is the other stack's there; routes to elsewhere are as before.
 */
export class PacketBridge implements TransmitSource {
  readonly counters: PacketBridgeCounters = { toOther: 0, fromOther: 0, strange: 0, dropped: 0 };
  private readonly options: PacketBridgeOptions;
  private readonly limit: number;
  private driver: Driver | null = null;
  /** The port that its packets leave on, while that lives: TCP wants them in order. */
  private port: LinkPort | null = null;
  private queue: Waiting[] = [];
  private head: number = 0;
  private queued: number = 0;

  constructor(options: PacketBridgeOptions) {
    this.options = options;
    this.limit = options.queue ?? DEFAULT_QUEUE;
    const sink = {
      packet: (bytes: Bytes, start: number, end: number) => this.fromOther(bytes, start, end),
      control: () => "Control frame on a link that carries packets alone",
    };
    options.link.start({
      message: (bytes) => {
        readFrames(bytes, sink);
        this.offer();
      },
      drained: () => {},
      closed: (reason) => {
        this.leave();
        options.closed?.(reason);
      },
    });
  }

  /** From now on this driver's links are used, in place of another's before. Its `transit` is the bridge's. */
  join(driver: Driver): void {
    this.leave();
    this.driver = driver;
    driver.transit = (bytes, start, end) => this.toOther(bytes, start, end);
    this.offer();
  }

  /** Gives the driver's packets back to its own stack. What waits is dropped. */
  leave(): void {
    if (this.driver !== null) this.driver.transit = null;
    this.driver = this.port = null;
    this.queue = [];
    this.head = this.queued = 0;
  }

  close(): void {
    this.leave();
    this.options.link.close();
  }

  // --- what the driver calls

  /** Pure ACKs and other small packets go first. */
  get urgent(): boolean {
    const next = this.queue[this.head];
    return next !== undefined && next.end - next.start <= SMALL;
  }

  /** @internal */
  transmit(_now: Micros, out: Bytes, at: number, room: number): number {
    const next = this.queue[this.head];
    if (next === undefined) return 0;
    const length = next.end - next.start;
    if (length > room) return -1;
    out.set(next.bytes.subarray(next.start, next.end), at);
    this.head++;
    this.queued -= length;
    if (this.head === this.queue.length) {
      this.queue = [];
      this.head = 0;
    } else if (this.head >= MOST_SENT_KEPT) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    return length;
  }

  /** There is a port again, or another one: what waits goes there. */
  private offer(): void {
    const { driver } = this;
    if (driver === null || this.queued === 0) return;
    const route = driver.stack.routeTo(this.options.prefix.address);
    const ports = route === null ? [] : driver.portsOf(route);
    if (this.port === null || !ports.includes(this.port)) this.port = ports[0] ?? null;
    if (this.port !== null) driver.offer(this, this.port);
  }

  private toOther(bytes: Bytes, start: number, end: number): boolean {
    const { link, prefix } = this.options;
    if (!isAddressIn(prefix, bytes, start, end, SOURCE)) return false;
    this.counters.toOther++;
    link.send(link.copiesOnSend ? bytes.subarray(start, end) : bytes.slice(start, end));
    return true;
  }

  private fromOther(bytes: Bytes, start: number, end: number): void {
    const { address, prefix } = this.options;
    if (!isAddressIn(prefix, bytes, start, end, DESTINATION) || !isFrom(address, bytes, start)) {
      this.counters.strange++;
    } else if (this.driver === null || this.queued + end - start > this.limit) {
      this.counters.dropped++;
    } else {
      this.counters.fromOther++;
      this.queue.push({ bytes, start, end });
      this.queued += end - start;
    }
  }
}

/** Where in their headers IPv4 (RFC 791 §3.1) and IPv6 (RFC 8200 §3) have their addresses. */
interface Field {
  readonly v4: number;
  readonly v6: number;
}

const SOURCE: Field = { v4: 12, v6: 8 };
const DESTINATION: Field = { v4: 16, v6: 24 };

function isAddressIn(prefix: Prefix, bytes: Bytes, start: number, end: number, field: Field): boolean {
  const { family } = prefix.address;
  if (bytes[start] >>> 4 !== family || end - start < (family === 6 ? 40 : 20)) return false;
  if (family === 4) return prefix.containsWords(4, 0, 0, 0, readInt32(bytes, start + field.v4));
  const at = start + field.v6;
  return prefix.containsWords(
    6,
    readInt32(bytes, at),
    readInt32(bytes, at + 4),
    readInt32(bytes, at + 8),
    readInt32(bytes, at + 12),
  );
}

function isFrom(address: IpAddress, bytes: Bytes, start: number): boolean {
  if (address.family === 4) return address.equalsWords(4, 0, 0, 0, readInt32(bytes, start + SOURCE.v4));
  const at = start + SOURCE.v6;
  return address.equalsWords(
    6,
    readInt32(bytes, at),
    readInt32(bytes, at + 4),
    readInt32(bytes, at + 8),
    readInt32(bytes, at + 12),
  );
}

const DEFAULT_QUEUE = 1 << 20;
const SMALL = 128;
const MOST_SENT_KEPT = 1_024;
