// The few calls of Linux's C library that a TUN device needs and Node does not have, through koffi: an optional package,
// loaded when the first device is opened and never before.

// Not by name: the banners of bundles often import createRequire themselves.
import * as modules from "node:module";
import { NetError } from "../../core/net/index.ts";

/** The part of the package koffi that is used here. */
export interface Koffi {
  load(library: string | null): { func(definition: string): unknown };
  errno(): number;
}

export interface SystemCalls {
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** Bytes read or written, or -1: errno() says why. */
  read(fd: number, into: Uint8Array, length: number): number;
  write(fd: number, from: Uint8Array, length: number): number;
  eventfd(value: number, flags: number): number;
  /** Waits in a thread of libuv's pool. */
  poll: Poll;
  errno(): number;
}

interface Poll {
  async(
    descriptors: Uint8Array,
    count: number,
    timeout: number,
    done: (error: unknown, count: number) => void,
  ): void;
}

/**
 * @param koffi The package, where this file cannot find it itself.
 * @throws {NetError} `ENOTSUP` when this is not Linux, or koffi is not installed or does not run here.
 */
export function loadSystemCalls(koffi?: Koffi): SystemCalls {
  if (process.platform !== "linux") {
    throw new NetError(
      "ENOTSUP",
      `Cannot open a TUN device: this is ${process.platform}, and only Linux has them in this form`,
    );
  }
  if (koffi !== undefined) return bind(koffi);
  loaded ??= bind(requireKoffi());
  return loaded;
}

let loaded: SystemCalls | null = null;

function requireKoffi(): Koffi {
  try {
    return modules.createRequire(import.meta.url)("koffi") as Koffi;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
    const reason = isMissing
      ? "the package koffi is not installed: npm install koffi, beside fourtuple"
      : `the package koffi does not load: ${(cause as Error).message}`;
    throw new NetError("ENOTSUP", `Cannot open a TUN device: ${reason}`, { cause });
  }
}

function bind(koffi: Koffi): SystemCalls {
  const library = koffi.load(null);
  const call = <Call>(definition: string): Call => library.func(definition) as Call;
  return {
    ioctl: call("int ioctl(int fd, unsigned long request, void *argument)"),
    read: call("intptr_t read(int fd, void *into, size_t length)"),
    write: call("intptr_t write(int fd, void *from, size_t length)"),
    eventfd: call("int eventfd(unsigned int value, int flags)"),
    poll: call("int poll(void *descriptors, unsigned long count, int timeout)"),
    errno: () => koffi.errno(),
  };
}
