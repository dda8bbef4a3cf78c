// Links over WebSockets: browsers, Deno, Bun, Node, and the servers of the last three.
export { BunServerLink, type BunServerWebSocket } from "./bun-server-link.ts";
export { type WebSocketDialerOptions, webSocketDialer } from "./web-socket-dialer.ts";
export type { WebSocketConstructor, WebSocketLike } from "./web-socket-like.ts";
export { type WebSocketLinkOptions, webSocketLink } from "./web-socket-link.ts";
