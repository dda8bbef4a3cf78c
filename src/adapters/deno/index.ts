// The adapter for Deno: the system's sockets and links over Deno.connect and Deno.listen.

export { denoDialer, denoLinkListener, type LinkListener, linkFromConn } from "./conn-link.ts";
export type { DenoAddr, DenoConn } from "./deno-api.ts";
export { denoNetwork } from "./deno-network.ts";
