// One attempt to connect to one IP address.

import net from "node:net";
import type { SocketAddr, StreamSource } from "../../core/net/index.ts";
import { DialledSocket } from "./dialled-socket.ts";
import { ReadableReceiver } from "./readable-receiver.ts";
import { isNode } from "./runtime.ts";
import { SlabReceiver } from "./slab-receiver.ts";
import { SocketSource } from "./socket-source.ts";

export interface OpenOptions {
  readonly address: string;
  readonly port: number;
  readonly localAddr?: SocketAddr | undefined;
  readonly writeBufferSize?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Rejects with the socket's own error, or with `signal.reason`; nothing stays behind then. */
export function openSocket(options: OpenOptions): Promise<StreamSource> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    signal?.throwIfAborted();
    const slab = isNode() ? new SlabReceiver() : null;
    const socket = slab === null ? new net.Socket(socketOptions) : new DialledSocket(slab.onread);
    slab?.attach(socket);
    const settle = () => {
      signal?.removeEventListener("abort", abort);
      socket.off("error", fail).off("close", onClose).off("connect", onConnect);
    };
    const fail = (error: unknown) => {
      settle();
      socket.on("error", () => {}).destroy();
      reject(error);
    };
    const abort = () => fail(signal?.reason);
    const onClose = () => fail(new Error("The socket was closed while it was connecting"));
    const onConnect = () => {
      settle();
      socket.setNoDelay(true);
      resolve(new SocketSource(socket, slab ?? new ReadableReceiver(socket), options.writeBufferSize));
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("error", fail).on("close", onClose).on("connect", onConnect);
    socket.connect({
      host: options.address,
      port: options.port,
      // The address was chosen by happy eyeballs: Node's own would kill each attempt after 250 ms.
      autoSelectFamily: false,
      ...(options.localAddr?.hostname && { localAddress: options.localAddr.hostname }),
      ...(options.localAddr?.port && { localPort: options.localAddr.port }),
    });
  });
}

/** One chunk is read ahead. */
const socketOptions = { allowHalfOpen: true, readableHighWaterMark: 1 };
