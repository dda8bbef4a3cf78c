// A network: something on which one can connect and bind. And the slot for the one that is used when a call
// names none: root entries fill it with the runtime's sockets, nothing else does.

import { NetError } from "./net-error.ts";
import type { BindOptions, ConnectOptions } from "./options.ts";
import type { SocketAddrLike } from "./socket-addr.ts";
import type { TcpListener } from "./tcp-listener.ts";
import type { TcpStream } from "./tcp-stream.ts";

/** The system's sockets, a stack over links, a tunnel. */
export interface Network extends AsyncDisposable {
  /**
   * Opens a connection.
   *
   * @param addr `"host:port"` or `{ hostname, port }`; without a host the network's loopback.
   * @throws {NetError} `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`, `ENETUNREACH`, `ENOTFOUND`, ...
   *
   * Cancel safety: an aborted connect leaves nothing behind, the half-open connection is reset.
   */
  connect(addr: SocketAddrLike, options?: ConnectOptions): Promise<TcpStream>;
  /**
   * Listens on a port; port 0 takes a free one.
   *
   * @param addr `"host:port"` or `{ hostname, port }`; without a host every address of the network.
   * @throws {NetError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, ...
   */
  bind(addr: SocketAddrLike, options?: BindOptions): Promise<TcpListener>;
  /** Closes what the network holds. Idempotent. */
  close(): Promise<void>;
}

/** Installs the network used when a call names none. For root entries; `null` empties the slot. */
export function setDefaultNetwork(network: Network | null): void {
  installed = network;
}

/** @throws {NetError} `ENOTSUP` where the runtime has no sockets, as in a browser. */
export function defaultNetwork(): Network {
  if (installed === null) {
    throw new NetError(
      "ENOTSUP",
      "This runtime has no TCP sockets: open a Tunnel and pass it as { network }, or call tunnel.connect and tunnel.bind",
    );
  }
  return installed;
}

let installed: Network | null = null;
