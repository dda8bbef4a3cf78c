// Where libraries of Node meet streams: the system's sockets, and a network in memory that has no socket at all.

import {
  nodeNetwork,
  type SocketDuplex,
  type SocketDuplexOptions,
  toDuplex,
} from "../../src/adapters/node/index.ts";
import type { Network, SocketAddr } from "../../src/core/net/index.ts";
import { MemoryNetwork } from "../core/net/memory-network.ts";

export interface Bridge {
  readonly network: Network;
  /** Connects, as a socket that is still connecting. */
  dial(addr: SocketAddr): SocketDuplex;
  /** Listens, and hands over a socket for each connection. */
  listen(onSocket: (socket: SocketDuplex) => void): Promise<SocketAddr>;
  close(): Promise<void>;
}

export const bridges: readonly { readonly name: string; open(options?: SocketDuplexOptions): Bridge }[] = [
  { name: "system sockets", open: (options) => bridge(nodeNetwork, options) },
  { name: "memory", open: (options) => bridge(new MemoryNetwork(), options) },
];

function bridge(network: Network, options?: SocketDuplexOptions): Bridge {
  const closing: (() => Promise<unknown>)[] = [];
  return {
    network,
    dial: (addr) => toDuplex(network.connect(addr), options),
    async listen(onSocket) {
      const listener = await network.bind("127.0.0.1:0");
      closing.push(() => listener.close());
      void (async () => {
        for await (const stream of listener) onSocket(toDuplex(stream, options));
      })();
      return listener.localAddr;
    },
    async close() {
      for (const close of closing) await close();
      await network.close();
    },
  };
}
