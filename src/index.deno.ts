// The root entry for Deno: the system's sockets by Deno.connect and Deno.listen, tunnels over Deno's WebSocket.
// It is also the main entry on JSR.

import { denoNetwork } from "./adapters/deno/index.ts";
import { webSocketDialer } from "./adapters/websocket/index.ts";
import type { WebSocketConstructor } from "./adapters/websocket/web-socket-like.ts";
import { setDefaultNetwork } from "./core/net/index.ts";
import { accelerateChecksums } from "./core/wire/checksum.ts";
import { setTunnelDialer } from "./tunnel/index.ts";

export * from "./public.ts";

accelerateChecksums();
setDefaultNetwork(denoNetwork);
setTunnelDialer((urls, { WebSocket }) =>
  webSocketDialer(urls, { WebSocket: WebSocket as WebSocketConstructor | undefined }),
);
