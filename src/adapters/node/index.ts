// The adapter for Node, and for Bun, which runs it too: the system's sockets, links over them, and the bridge
// between streams and Node's own.

export { keepHeapRoom } from "./heap-room.ts";
export { fromSocket, nodeNetwork } from "./node-network.ts";
export { type SocketDuplex, type SocketDuplexOptions, toDuplex } from "./socket-duplex.ts";
export { type LinkListener, linkFromSocket, nodeDialer, nodeLinkListener } from "./socket-link.ts";
export type { Koffi } from "./system-calls.ts";
export { configureTun, type TunAddress } from "./tun-configure.ts";
export { openTun, type TunLink, type TunOptions } from "./tun-link.ts";
