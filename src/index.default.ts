// The root entry for a runtime that is not known: as in browsers, tunnels over a global WebSocket, and no sockets of
// the system. The types of every root entry are those of this file.

export * from "./index.browser.ts";
