// One attempt to connect to one IP address.

import net from "node:net";
import type { SocketAddr, StreamSource } from "../../core/net/index.ts";
import { DialledSocket } from "./dialled-socket.ts";
import { ReadableReceiver } from "./readable-receiver.ts";
import { isNode } from "./runtime.ts";
import { SlabReceiver } from "./slab-receiver.ts";
import { SocketSource } from "./socket-source.ts";

export interface OpenOptions {
  /** An IP address and a port. */
  readonly peerAddr: SocketAddr;
  readonly localAddr?: SocketAddr | undefined;
  readonly writeBufferSize?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Rejects with the socket's own error, or with `signal.reason`; nothing stays behind then. */
export function openSocket(options: OpenOptions): Promise<StreamSource> {
  return new Promise((resolve, reject) => {
    const { peerAddr, localAddr, writeBufferSize, signal } = options;
    signal?.throwIfAborted();
    const slab = isNode() ? new SlabReceiver() : null;
    const isPeerKnown = isExact(peerAddr);
    const socket =
      slab === null ? new net.Socket(socketOptions) : new DialledSocket(slab.onread, isPeerKnown);
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
      const sourceOptions = { writeBufferSize, peerAddr: isPeerKnown ? peerAddr : undefined };
      resolve(new SocketSource(socket, slab ?? new ReadableReceiver(socket), sourceOptions));
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("error", fail).on("close", onClose).on("connect", onConnect);
    socket.connect({
      host: peerAddr.hostname,
      port: peerAddr.port,
      // The address was chosen by happy eyeballs: Node's own would kill each attempt after 250 ms.
      autoSelectFamily: false,
      localAddress: localAddr?.hostname || undefined,
      localPort: localAddr?.port || undefined,
    });
  });
}

/**
 * Who dials no address in particular is answered by this machine, under an address of its choice, and zones have
 * several names: there the kernel knows better who the peer is.
 */
function isExact({ hostname }: SocketAddr): boolean {
  return !unspecified.has(hostname) && !hostname.includes("%");
}

const unspecified: ReadonlySet<string> = new Set(["0.0.0.0", "::", "::ffff:0.0.0.0"]);

/** One chunk is read ahead. */
const socketOptions = { allowHalfOpen: true, readableHighWaterMark: 1 };
