// A TUN device of Linux: whole IP packets, one read or write each, without a header of its own (IFF_NO_PI) and without
// offloads, so that checksums are whole and packets within the MTU. The descriptor never blocks: a blocking read in
// libuv's pool would hold its thread for ever.

import { closeSync, constants, openSync, writeSync } from "node:fs";
import { constants as system } from "node:os";
import { NetError } from "../../core/net/index.ts";
import { type Koffi, loadSystemCalls, type SystemCalls } from "./system-calls.ts";

export interface TunDeviceOptions {
  /** At most 15 bytes; "tun%d" lets the system choose the number. Default "tun%d". */
  readonly name?: string | undefined;
  readonly koffi?: Koffi | undefined;
}

export class TunDevice {
  /** The interface's name, as the system has it. */
  readonly name: string;
  /** For poll(2) beside other descriptors. */
  readonly fd: number;
  private readonly calls: SystemCalls;
  /** Readable when a wait shall end. */
  private readonly wakeFd: number;
  /** Two `struct pollfd`. */
  private readonly pollDescriptors: Uint8Array;

  /** @throws {NetError} see openTun(). {TypeError} for a name that cannot be one. */
  constructor({ name = "tun%d", koffi }: TunDeviceOptions = {}) {
    // The system cuts longer names, and would take the name of another device.
    if (!/^[^\s/:]{1,15}$/.test(name) || name.length !== Buffer.byteLength(name) || name.startsWith(".")) {
      throw new TypeError(
        `Cannot open a TUN device "${name}": a name has 1 to 15 letters, digits, hyphens or "%d"`,
      );
    }
    this.calls = loadSystemCalls(koffi);
    this.fd = openClone(name);
    try {
      this.name = this.createInterface(name);
      this.wakeFd = this.calls.eventfd(0, constants.O_NONBLOCK | CLOSE_ON_EXEC);
      if (this.wakeFd < 0) throw failed(name, this.calls.errno());
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
    const descriptors = new ArrayBuffer(16);
    new Int32Array(descriptors).set([this.fd, POLL_IN_FIELD, this.wakeFd, POLL_IN_FIELD]);
    this.pollDescriptors = new Uint8Array(descriptors);
  }

  /** Reads one packet to into[at..]; its length, 0 when there is none now, -1 when the device is gone. */
  read(into: Uint8Array, at: number): number {
    const { calls } = this;
    for (;;) {
      const length = calls.read(this.fd, at === 0 ? into : into.subarray(at), into.length - at);
      if (length > 0) return length;
      const errno = calls.errno();
      if (errno === system.errno.EINTR) continue;
      return errno === system.errno.EAGAIN ? 0 : -1;
    }
  }

  /** Writes one packet. False: the system did not take it (the interface is down, or it is no IP packet). */
  write(packet: Uint8Array): boolean {
    return this.calls.write(this.fd, packet, packet.length) === packet.length;
  }

  /** Calls back when there is something to read, when the device is gone, or after wake(). One at a time. */
  wait(done: () => void): void {
    this.calls.poll.async(this.pollDescriptors, 2, -1, done);
  }

  /** Ends the wait that is under way, and every one to come. */
  wake(): void {
    writeSync(this.wakeFd, new BigUint64Array([1n]));
  }

  /** Only while no wait is under way. */
  close(): void {
    closeSync(this.fd);
    closeSync(this.wakeFd);
  }

  private createInterface(name: string): string {
    // struct ifreq: 16 bytes of name, then the flags.
    const request = new Uint8Array(40);
    request.set(new TextEncoder().encode(name));
    new Uint16Array(request.buffer)[8] = IFF_TUN | IFF_NO_PI;
    if (this.calls.ioctl(this.fd, TUNSETIFF, request) < 0) throw failed(name, this.calls.errno());
    return new TextDecoder().decode(request.subarray(0, request.indexOf(0)));
  }
}

function openClone(name: string): number {
  try {
    return openSync(CLONE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    const { code = "EIO", message } = cause as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") throw notPermitted(name, cause);
    const reason =
      code === "ENOENT" || code === "ENODEV" || code === "ENXIO"
        ? `${CLONE} is not there: load the module with modprobe tun, or give it to the container (docker: --device ${CLONE})`
        : message;
    throw new NetError(code === "ENOENT" ? "ENODEV" : code, `Cannot open the TUN device ${name}: ${reason}`, {
      cause,
    });
  }
}

function failed(name: string, errno: number): NetError {
  const code = Object.entries(system.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  if (code === "EPERM" || code === "EACCES") return notPermitted(name, undefined);
  if (code === "EBUSY") {
    return new NetError("EBUSY", `Cannot open the TUN device ${name}: another program has it open`);
  }
  const reason = code === "EINVAL" ? "an interface of this name is there and is no TUN device" : code;
  return new NetError(code, `Cannot open the TUN device ${name}: ${reason}`);
}

function notPermitted(name: string, cause: unknown): NetError {
  const user = process.geteuid?.() ?? 0;
  return new NetError(
    "EACCES",
    `Cannot open the TUN device ${name}: not permitted; run as root or with CAP_NET_ADMIN, or let root make ` +
      `the device for this user: ip tuntap add dev ${name} mode tun user ${user}`,
    { cause },
  );
}

const CLONE = "/dev/net/tun";
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const CLOSE_ON_EXEC = 0o2000000;
/** _IOW('T', 202, int): the direction's bits differ between processors. */
const TUNSETIFF: number = /^(mips|ppc)/.test(process.arch) ? 0x800454ca : 0x400454ca;
/** `short events = POLLIN; short revents = 0` as one native 32-bit number. */
const POLL_IN_FIELD: number = new Int32Array(new Int16Array([1, 0]).buffer)[0];
