// A slow path between client and relay, in a process of its own: a proxy of TCP connections with a rate and a delay
// each way. Bytes are cut into packets; each waits its turn at the bottleneck, then travels. A full queue at the
// bottleneck stops the reading, so that the sender's kernel holds the rest, as before a real slow link.

import net, { type AddressInfo } from "node:net";
import { serveRole } from "../serving.ts";

export interface PathOptions {
  readonly targetPort: number;
  /** Each way, bits in a second. */
  readonly rate: number;
  /** Each way, seconds. */
  readonly delay: number;
  /** Bytes that wait at the bottleneck before no more are read. */
  readonly queue: number;
  /** Seconds: each connection stands still for `stall`, once in every `every`, each at another time. Default: never. */
  readonly stall?: { readonly every: number; readonly duration: number } | undefined;
}

export interface PathRole {
  listen(options: PathOptions): Promise<{ readonly port: number }>;
}

const PACKET = 1_448;
/** IP, TCP with timestamps: they take their share of the rate. */
const HEADERS = 52;

interface Piece {
  readonly bytes: Buffer;
  readonly due: number;
}

class OneWay {
  private readonly from: net.Socket;
  private readonly to: net.Socket;
  private readonly options: PathOptions;
  private readonly travelling: Piece[] = [];
  private departure = 0;
  /** Where in the period of stalls this connection stands still. */
  private readonly phase: number;
  private timer: NodeJS.Timeout | null = null;
  private isBlocked = false;
  private hasEnded = false;

  constructor(from: net.Socket, to: net.Socket, options: PathOptions, phase: number) {
    this.phase = phase;
    this.from = from;
    this.to = to;
    this.options = options;
    from.on("data", (chunk) => this.arrive(chunk));
    from.on("end", () => {
      this.hasEnded = true;
      this.deliver();
    });
    to.on("drain", () => {
      this.isBlocked = false;
      this.deliver();
    });
    to.on("close", () => {
      if (this.timer !== null) clearTimeout(this.timer);
      from.destroy();
    });
  }

  private get waiting(): number {
    return Math.max(0, this.departure - now()) * (this.options.rate / 8);
  }

  private arrive(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += PACKET) {
      const bytes = chunk.subarray(at, at + PACKET);
      const time = ((bytes.length + HEADERS) * 8) / this.options.rate;
      this.departure = this.afterStall(Math.max(this.departure, now())) + time;
      this.travelling.push({ bytes, due: this.departure + this.options.delay });
    }
    if (this.waiting > this.options.queue) this.from.pause();
    this.arm();
  }

  private afterStall(time: number): number {
    const { stall } = this.options;
    if (stall === undefined) return time;
    const at = (time + this.phase * stall.every) % stall.every;
    return at < stall.duration ? time + stall.duration - at : time;
  }

  private arm(): void {
    if (this.timer !== null || this.isBlocked || this.travelling.length === 0) return;
    const wait = Math.max(0, this.travelling[0].due - now());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.deliver();
    }, wait * 1_000);
  }

  private deliver(): void {
    const time = now();
    const ready: Buffer[] = [];
    while (this.travelling.length > 0 && this.travelling[0].due <= time && !this.isBlocked) {
      ready.push((this.travelling.shift() as Piece).bytes);
    }
    if (ready.length > 0 && !this.to.destroyed) this.isBlocked = !this.to.write(Buffer.concat(ready));
    if (this.from.isPaused() && this.waiting < this.options.queue) this.from.resume();
    if (this.hasEnded && this.travelling.length === 0) this.to.end();
    this.arm();
  }
}

function now(): number {
  return performance.now() / 1_000;
}

let count = 0;

serveRole({
  listen: (options) =>
    new Promise((resolve) => {
      const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
        const far = net.connect({
          host: "127.0.0.1",
          port: options.targetPort,
          noDelay: true,
          allowHalfOpen: true,
        });
        for (const socket of [near, far]) socket.on("error", () => socket.destroy());
        // The golden ratio: however many there are, they are apart.
        const phase = (count++ * 0.618) % 1;
        new OneWay(near, far, options, phase);
        new OneWay(far, near, options, phase);
      });
      server.listen({ host: "127.0.0.1", port: 0 }, () =>
        resolve({ port: (server.address() as AddressInfo).port }),
      );
    }),
} satisfies PathRole);
