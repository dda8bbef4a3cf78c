// One TCP connection through the fault proxy: what is done to it. Bytes pass in order, each way, until a fault is asked
// for, by hand or after so many bytes of both directions; a fault takes effect between two bytes.

import type net from "node:net";
import { WebSocketBoundary } from "./web-socket-boundary.ts";

export type Way = "up" | "down";

/** Where the bytes of one way are. */
interface Lane {
  readonly from: net.Socket;
  readonly to: net.Socket;
  readonly boundary: WebSocketBoundary;
  /** Bytes that have come. */
  bytes: number;
  /** pass: as they come. hold: kept until release(). drop: taken, and never delivered. */
  mode: "pass" | "hold" | "drop";
  readonly held: Buffer[];
  /** What is on its way, with a delay. */
  readonly flying: { readonly at: number; readonly chunk: Buffer }[];
  timer: NodeJS.Timeout | null;
  hasEnded: boolean;
  frameCut: FrameCut | null;
}

/** A cut by frames: counts them as they come. */
interface FrameCut {
  readonly counter: WebSocketBoundary;
  readonly beyond: number;
  /** Ends that are still to come, the one it is about included. */
  left: number;
  /** Of the lane's bytes; infinity until that end has come. */
  at: number;
}

export interface ConnectionOptions {
  /** Milliseconds that every byte takes, each way. */
  readonly delay: number;
}

export class ProxiedConnection {
  /** 0 for the first that the proxy took. */
  readonly index: number;
  private readonly lanes: Readonly<Record<Way, Lane>>;
  private readonly delay: number;
  private readonly onEnd: (connection: ProxiedConnection) => void;
  private cutAt = Number.POSITIVE_INFINITY;
  private onCut: (() => void) | null = null;
  private passed = 0;
  private openEnds = 2;

  constructor(
    index: number,
    near: net.Socket,
    far: net.Socket,
    options: ConnectionOptions,
    onEnd: (connection: ProxiedConnection) => void,
  ) {
    this.index = index;
    this.delay = options.delay;
    this.onEnd = onEnd;
    this.lanes = { up: lane(near, far), down: lane(far, near) };
    for (const way of ["up", "down"] as const) this.join(way);
  }

  get isOpen(): boolean {
    return this.openEnds > 0;
  }

  /** Bytes that came from the client (up) or from the relay (down), the faults' victims included. */
  bytes(way: Way): number {
    return this.lanes[way].bytes;
  }

  // --- faults

  /** Ends both sides at once, as a lost network does it with a reset: what was not delivered is lost. */
  cut(): void {
    for (const { from, to, timer } of Object.values(this.lanes)) {
      if (timer !== null) clearTimeout(timer);
      from.resetAndDestroy();
      to.resetAndDestroy();
    }
  }

  /** Lets exactly `count` more bytes of both ways pass and cuts then. */
  cutAfter(count: number, onCut?: () => void): void {
    this.cutAt = this.passed + count;
    this.onCut = onCut ?? null;
    if (count <= 0) this.cutNow();
  }

  /**
   * Cuts `beyond` bytes (-1 or more) after the end of a WebSocket's frame of one way; 0 is the HTTP head, 1 the first
   * frame. To be said before anything has come: in FaultProxy.onConnection.
   */
  cutAtFrame(way: Way, frame: number, beyond: number, onCut?: () => void): void {
    const counter = new WebSocketBoundary();
    this.lanes[way].frameCut = { counter, beyond, left: frame + 1, at: Number.POSITIVE_INFINITY };
    this.onCut = onCut ?? null;
  }

  /** Nothing is delivered any more, and neither side is told; release() goes on. */
  stall(way?: Way): void {
    this.setMode("hold", way);
  }

  /** Takes what is sent and delivers none of it, for ever (a gap is what TCP never has): a half-dead way. */
  mute(way?: Way): void {
    this.setMode("drop", way);
  }

  /** Delivers what was held, and what follows. */
  release(way?: Way): void {
    this.setMode("pass", way);
    for (const lane of this.chosen(way)) for (const chunk of lane.held.splice(0)) this.send(lane, chunk);
  }

  /** The client loses its side; the relay's stays, and gets what was held when that is released. */
  dropClient(): void {
    const { from } = this.lanes.up;
    this.lanes.down.mode = "drop";
    from.resetAndDestroy();
  }

  /** The relay loses its side; the client's stays. */
  dropRelay(): void {
    const { to } = this.lanes.up;
    this.lanes.up.mode = "drop";
    to.resetAndDestroy();
  }

  /** A middlebox closes the WebSocket of both sides cleanly, between two frames. */
  closeWebSocket(code: number = 1000): void {
    for (const way of ["up", "down"] as const) {
      const lane = this.lanes[way];
      lane.boundary.whenBetween(() => {
        lane.mode = "drop";
        lane.to.end(closeFrame(code, way === "up"));
      });
    }
  }

  // --- bytes

  private join(way: Way): void {
    const lane = this.lanes[way];
    const { from, to } = lane;
    from.on("data", (chunk: Buffer) => this.arrive(lane, chunk));
    from.on("end", () => {
      lane.hasEnded = true;
      this.endLane(lane);
    });
    to.on("drain", () => from.resume());
    from.on("error", () => {});
    from.on("close", (hadError) => {
      if (--this.openEnds === 0) this.onEnd(this);
      // The other side learns of it, unless what it is owed is still held.
      if (hadError && lane.mode === "pass") to.resetAndDestroy();
    });
  }

  private arrive(lane: Lane, chunk: Buffer): void {
    const room = Math.min(this.cutAt - this.passed, roomBeforeFrame(lane, chunk));
    lane.bytes += chunk.length;
    if (chunk.length >= room) {
      this.passed += room;
      if (room > 0) this.pass(lane, chunk.subarray(0, room));
      this.cutNow();
      return;
    }
    this.passed += chunk.length;
    this.pass(lane, chunk);
  }

  private pass(lane: Lane, chunk: Buffer): void {
    if (lane.mode === "drop") return;
    if (lane.mode === "hold") lane.held.push(chunk);
    else this.send(lane, chunk);
  }

  private send(lane: Lane, chunk: Buffer): void {
    if (this.delay === 0) {
      this.deliver(lane, chunk);
      return;
    }
    lane.flying.push({ at: performance.now() + this.delay, chunk });
    this.fly(lane);
  }

  private fly(lane: Lane): void {
    const [first] = lane.flying;
    if (lane.timer !== null || first === undefined) return;
    lane.timer = setTimeout(
      () => {
        lane.timer = null;
        const now = performance.now();
        while (lane.flying[0] !== undefined && lane.flying[0].at <= now) {
          const next = lane.flying.shift();
          if (next !== undefined) this.deliver(lane, next.chunk);
        }
        this.fly(lane);
        this.endLane(lane);
      },
      Math.max(0, first.at - performance.now()),
    );
  }

  private deliver(lane: Lane, chunk: Buffer): void {
    // A frame at a time only where something waits for the end of one.
    for (const part of lane.boundary.take(chunk)) {
      if (lane.mode === "drop" || !lane.to.writable) return;
      if (!lane.to.write(part)) lane.from.pause();
      lane.boundary.passed();
    }
  }

  private endLane(lane: Lane): void {
    if (lane.hasEnded && lane.mode === "pass" && lane.flying.length === 0) lane.to.end();
  }

  private setMode(mode: Lane["mode"], way?: Way): void {
    for (const lane of this.chosen(way)) if (lane.mode !== "drop") lane.mode = mode;
  }

  private chosen(way?: Way): Lane[] {
    return way === undefined ? Object.values(this.lanes) : [this.lanes[way]];
  }

  private cutNow(): void {
    this.cutAt = Number.POSITIVE_INFINITY;
    for (const lane of Object.values(this.lanes)) lane.frameCut = null;
    // What comes before the end would follow a gap, which TCP never has.
    this.mute();
    // What was passed on is in the other side's socket: it is sent before the end.
    setImmediate(() => {
      this.cut();
      this.onCut?.();
    });
  }
}

/** How much of what comes may pass before a cut by frames. */
function roomBeforeFrame({ frameCut, bytes }: Lane, chunk: Buffer): number {
  if (frameCut === null) return Number.POSITIVE_INFINITY;
  if (frameCut.at === Number.POSITIVE_INFINITY) {
    const ends = frameCut.counter.ends(chunk);
    if (ends.length >= frameCut.left) frameCut.at = bytes + ends[frameCut.left - 1] + frameCut.beyond;
    frameCut.left -= ends.length;
  }
  return frameCut.at - bytes;
}

function lane(from: net.Socket, to: net.Socket): Lane {
  return {
    from,
    to,
    boundary: new WebSocketBoundary(),
    bytes: 0,
    mode: "pass",
    held: [],
    flying: [],
    timer: null,
    hasEnded: false,
    frameCut: null,
  };
}

/** RFC 6455 §5.5.1; a client's frames are masked, here with zeros. */
function closeFrame(code: number, isMasked: boolean): Buffer {
  const payload = [code >> 8, code & 255];
  return Buffer.from(isMasked ? [0x88, 0x82, 0, 0, 0, 0, ...payload] : [0x88, 0x02, ...payload]);
}
