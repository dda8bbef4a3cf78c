// A link inside one process: two ends, messages handed over as they are, in order, in a later turn of the clock. For
// tests, for two stacks in one process, and with a virtual clock for simulations.

import type { Bytes } from "../wire/bytes.ts";
import type { Clock } from "./clock.ts";
import { type Link, LinkCloseCode, type LinkClosed, type LinkHandler } from "./link.ts";

/** Two joined ends. What one sends the other receives at the end of the clock's turn. */
export function memoryLinkPair(clock: Clock, description: string = "memory"): [Link, Link] {
  const a = new MemoryLink(clock, `${description} (a)`);
  const b = new MemoryLink(clock, `${description} (b)`);
  a.join(b);
  b.join(a);
  return [a, b];
}

class MemoryLink implements Link {
  readonly framed: boolean = true;
  readonly description: string;
  buffered: number = 0;
  private readonly clock: Clock;
  private peer: MemoryLink | null = null;
  private handler: LinkHandler | null = null;
  /** What arrived and was not delivered yet. */
  private queue: Bytes[] = [];
  private isScheduled: boolean = false;
  private isClosed: boolean = false;
  /** Why the other end closed; delivered after what it had sent. */
  private ending: LinkClosed | null = null;
  private readonly deliver: () => void;

  constructor(clock: Clock, description: string) {
    this.clock = clock;
    this.description = description;
    this.deliver = () => this.deliverAll();
  }

  join(peer: MemoryLink): void {
    this.peer = peer;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
    this.wake();
  }

  send(message: Bytes): void {
    if (this.isClosed || this.peer === null || this.peer.isClosed) return;
    this.buffered += message.length;
    this.peer.queue.push(message);
    this.peer.wake();
  }

  close(code: number = LinkCloseCode.normal, reason: string = ""): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.queue = [];
    const { handler, peer } = this;
    this.clock.defer(() => handler?.closed({ code, reason }));
    if (peer !== null && !peer.isClosed) {
      peer.ending = { code, reason };
      peer.wake();
    }
  }

  private wake(): void {
    if (this.isScheduled || this.handler === null) return;
    this.isScheduled = true;
    this.clock.defer(this.deliver);
  }

  private deliverAll(): void {
    this.isScheduled = false;
    const { handler, peer, queue } = this;
    if (handler === null || this.isClosed) return;
    this.queue = [];
    let bytes = 0;
    for (const message of queue) {
      if (this.isClosed) return;
      bytes += message.length;
      handler.message(message);
    }
    if (peer !== null && bytes > 0) peer.taken(bytes);
    if (this.ending !== null && this.queue.length === 0 && !this.isClosed) {
      this.isClosed = true;
      handler.closed(this.ending);
    }
  }

  private taken(bytes: number): void {
    this.buffered -= bytes;
    if (this.buffered === 0 && !this.isClosed) this.handler?.drained();
  }
}
