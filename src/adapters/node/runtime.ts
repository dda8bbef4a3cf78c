// Which runtime stands behind node:net. Bun and Deno bring their own; they differ where a comment here says so.

import process from "node:process";

/**
 * True in Node itself. There, `onread` hands over a buffer synchronously, so that all sockets may share one; Deno
 * fills it while others read, and in Bun it costs more than the plain stream.
 */
export function isNode(): boolean {
  return process.versions["bun"] === undefined && !isDeno();
}

/** True for Deno's node:net. */
export function isDeno(): boolean {
  return process.versions["deno"] !== undefined;
}

/** Whether listen() honours `reusePort`: Node since 22.12 and 23.1, Bun, Deno. */
export function hasReusePort(): boolean {
  if (!isNode()) return true;
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}
