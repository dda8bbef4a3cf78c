// How many sockets this process has open, as the kernel counts them; the same in Node, Bun and Deno.

import { readdirSync, readlinkSync } from "node:fs";

/** Undefined where the system has no /proc. */
export function openSockets(): number | undefined {
  try {
    let count = 0;
    for (const name of readdirSync("/proc/self/fd")) if (isSocket(name)) count += 1;
    return count;
  } catch {
    return undefined;
  }
}

function isSocket(name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
  } catch {
    // The descriptor of the listing itself.
    return false;
  }
}
