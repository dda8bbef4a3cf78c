// How a URL becomes links: the slot that root entries fill with the WebSocket adapter, since this room may not know
// it. Without a root entry (when only parts of the package are used) Tunnel.open takes a LinkDialer.
import type { LinkDialer } from "../core/link/link.ts";
import { NetError } from "../core/net/net-error.ts";

/** A WebSocket class of the platform's shape: the browser's, Deno's, Bun's, or that of the npm package ws. */
export type WebSocketClass = new (url: string, protocols?: string | string[]) => object;

export type DialerFactory = (
  urls: readonly string[],
  options: { readonly WebSocket?: WebSocketClass | undefined },
) => LinkDialer;

/** Called by root entries, once, when they load. */
export function setTunnelDialer(factory: DialerFactory): void {
  installed = factory;
}

/** @throws {NetError} ENOTSUP when no root entry has set one. */
export function tunnelDialer(): DialerFactory {
  if (installed === null) {
    throw new NetError(
      "ENOTSUP",
      "Cannot open a tunnel to a URL: no WebSocket adapter is set; import Tunnel from the package's main entry or pass a LinkDialer",
    );
  }
  return installed;
}

let installed: DialerFactory | null = null;
