// The root entry for browsers and Workers: tunnels over the runtime's own WebSocket. There are no sockets of the
// system here, so a connect or bind without a network says what to do. No node:*, no ws.

import { webSocketDialer } from "./adapters/websocket/index.ts";
import type { WebSocketConstructor } from "./adapters/websocket/web-socket-like.ts";
import { setTunnelDialer } from "./tunnel/index.ts";

export * from "./public.ts";

setTunnelDialer((urls, { WebSocket }) =>
  webSocketDialer(urls, { WebSocket: WebSocket as WebSocketConstructor | undefined }),
);
