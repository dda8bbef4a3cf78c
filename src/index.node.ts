// The root entry for Node, and for Bun, which runs it too: the system's sockets by node:net, tunnels over ws (Node 20
// has no WebSocket, and ws tells why a connection failed and when bytes have left).

import { WebSocket as NodeWebSocket } from "ws";
import { nodeNetwork } from "./adapters/node/index.ts";
import { unzeroed } from "./adapters/node/unzeroed.ts";
import { webSocketDialer } from "./adapters/websocket/index.ts";
import type { WebSocketConstructor } from "./adapters/websocket/web-socket-like.ts";
import { setDefaultNetwork } from "./core/net/index.ts";
import { accelerateChecksums } from "./core/wire/checksum.ts";
import { allocateBy } from "./core/wire/memory.ts";
import { setTunnelDialer } from "./tunnel/index.ts";

export * from "./public.ts";

accelerateChecksums();
allocateBy(unzeroed);
setDefaultNetwork(nodeNetwork);
setTunnelDialer((urls, { WebSocket = NodeWebSocket }) =>
  webSocketDialer(urls, { WebSocket: WebSocket as WebSocketConstructor }),
);
