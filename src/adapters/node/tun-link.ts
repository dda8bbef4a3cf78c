// A link over a TUN device (DESIGN §5: any IP stack can sit at either end): its other end is the kernel's own stack. It
// reads until nothing is left, in bounded batches, one message each; it waits in poll(2), in a thread of libuv's pool.

import {
  frameLength,
  type Link,
  type LinkClosed,
  type LinkHandler,
  MAX_MESSAGE,
} from "../../core/link/index.ts";
import { type Bytes, NetError } from "../../core/net/index.ts";
import { TunDevice, type TunDeviceOptions } from "./tun-device.ts";

/** A link to the kernel. It keeps the process alive until it is closed. */
export interface TunLink extends Link {
  /** The interface's name, as the system has it. */
  readonly interfaceName: string;
  /** Packets that the kernel did not take, and what came from it and was no whole IP packet. */
  readonly dropped: number;
}

export type TunOptions = TunDeviceOptions;

/**
 * Opens a TUN device, which it creates unless it is there: a link that carries whole IP packets to and from the kernel.
 * Address, MTU and state of the interface are set with `ip`, or with configureTun(). The device goes away when the
 * link is closed, unless it was made to stay (`ip tuntap add`).
 *
 * Needs Linux, the package koffi, and root, CAP_NET_ADMIN or a device made beforehand for this user. Waiting takes one
 * of the four threads of libuv's pool (UV_THREADPOOL_SIZE), for each device.
 *
 * @throws {NetError} `ENOTSUP` (not Linux, or no koffi), `EACCES` (not permitted), `ENODEV` (no /dev/net/tun), `EBUSY`
 * (another program has the device).
 * @throws {TypeError} for a name that cannot be one.
 */
export async function openTun(options: TunOptions = {}): Promise<TunLink> {
  return new DeviceLink(new TunDevice(options));
}

class DeviceLink implements TunLink {
  readonly framed: boolean = true;
  readonly packetsOnly: boolean = true;
  readonly copiesOnSend: boolean = true;
  readonly buffered: number = 0;
  readonly interfaceName: string;
  readonly description: string;
  dropped: number = 0;
  private readonly device: TunDevice;
  private handler: LinkHandler | null = null;
  private phase: "new" | "waiting" | "reading" = "new";
  private end: LinkClosed | null = null;
  private slab: Bytes = new Uint8Array(MAX_MESSAGE);
  private readonly readable: () => void;

  constructor(device: TunDevice) {
    this.device = device;
    this.interfaceName = device.name;
    this.description = `tun:${device.name}`;
    this.readable = () => this.read();
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
    if (this.end === null) this.wait();
  }

  send(message: Bytes): void {
    if (this.end !== null) return;
    for (let at = 0; at < message.length; ) {
      const length = frameLength(message, at, message.length);
      if (length <= 0) return;
      const isWhole = length === message.length;
      if (!this.device.write(isWhole ? message : message.subarray(at, at + length))) this.dropped++;
      at += length;
    }
  }

  close(code?: number, reason?: string): void {
    if (this.end !== null) return;
    this.end = { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
    // The descriptor must stay while poll(2) has it.
    if (this.phase === "waiting") this.device.wake();
    else if (this.phase === "new") setImmediate(() => this.finish());
  }

  private wait(): void {
    this.phase = "waiting";
    this.device.wait(this.readable);
  }

  private read(): void {
    this.phase = "reading";
    let length = 0;
    if (this.end === null) {
      const { device, slab } = this;
      let filled = 0;
      while (filled <= MAX_MESSAGE - LARGEST_PACKET && (length = device.read(slab, filled)) > 0) {
        // What follows in the message begins where the packet says that it ends.
        if (frameLength(slab, filled, filled + length) === length) filled += length;
        else this.dropped++;
      }
      if (filled > 0) this.deliver(filled);
    }
    if (length < 0)
      this.end ??= { error: new NetError("ENETDOWN", `The TUN device ${this.interfaceName} is gone`) };
    if (this.end !== null) this.finish();
    else if (length > 0) setImmediate(this.readable);
    else this.wait();
  }

  private deliver(filled: number): void {
    const { slab } = this;
    if (filled < MAX_MESSAGE / 4) {
      this.handler?.message(slab.slice(0, filled));
      return;
    }
    this.slab = new Uint8Array(MAX_MESSAGE);
    this.handler?.message(slab.subarray(0, filled));
  }

  private finish(): void {
    this.device.close();
    this.handler?.closed(this.end ?? {});
    this.handler = null;
  }
}

const LARGEST_PACKET = 65_535;
