// The root entry for a runtime that is not known: as in browsers, tunnels over a global WebSocket, and no sockets of
// the system. The types of every root entry are those of this file. It does not import index.browser.ts: what two
// entries share becomes a chunk, and bundlers drop a chunk's call that only has an effect.

import { webSocketDialer } from "./adapters/websocket/index.ts";
import type { WebSocketConstructor } from "./adapters/websocket/web-socket-like.ts";
import { setTunnelDialer } from "./tunnel/index.ts";

export * from "./public.ts";

setTunnelDialer((urls, { WebSocket }) =>
  webSocketDialer(urls, { WebSocket: WebSocket as WebSocketConstructor | undefined }),
);
