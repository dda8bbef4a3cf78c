// How many sockets this process has open, as the kernel counts them; the same in Node, Bun and Deno.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Undefined where the system has no /proc. */
export function openSockets(): number | undefined {
  try {
    // Runtimes talk to their own threads over Unix sockets, and open them when they like.
    const own = readFileSync("/proc/self/net/unix", "utf8");
    let count = 0;
    for (const name of readdirSync("/proc/self/fd")) {
      const inode = socketInode(name);
      if (inode !== undefined && !own.includes(` ${inode}`)) count += 1;
    }
    return count;
  } catch {
    return undefined;
  }
}

function socketInode(name: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`))?.[1];
  } catch {
    // The descriptor of the listing itself.
    return undefined;
  }
}
