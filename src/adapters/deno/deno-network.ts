// Deno's own sockets as a Network. Deno looks names up and tries their addresses by itself, as RFC 8305 has it:
// an attempt that is slow is joined by the next one, not killed.

import { asyncDispose } from "../../core/net/async-dispose.ts";
import {
  type BindOptions,
  bounded,
  type ConnectOptions,
  failure,
  type Network,
  SocketAddr,
  type SocketAddrLike,
  TcpListener,
  TcpStream,
} from "../../core/net/index.ts";
import { connFailure } from "./conn-errors.ts";
import { ConnSource } from "./conn-source.ts";
import { type DenoConn, denoApi, hasReusePort } from "./deno-api.ts";
import { DenoListenerSource } from "./listener-source.ts";

/**
 * The sockets of the machine. `close()` does nothing: its streams and listeners belong to whoever made them.
 *
 * Deno cannot do all that the contract offers: `abort()` closes without a reset (so does `close()` with bytes
 * unread), `localAddr` and `ipv6Only` are refused with `ENOTSUP`, keepalive is only on or off, `reusePort` needs `--unstable-net`.
 * `congestionControl` has no effect: it is the kernel's.
 */
export const denoNetwork: Network = {
  connect,
  bind,
  close: async () => {},
  [asyncDispose]: async () => {},
};

async function connect(addr: SocketAddrLike, options: ConnectOptions = {}): Promise<TcpStream> {
  const peerAddr = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
  if (options.localAddr !== undefined) {
    throw failure("ENOTSUP", { op: "connect", peerAddr, reason: "Deno cannot choose the local address" });
  }
  const conn = await bounded<DenoConn>(
    {
      signal: options.signal,
      timeout: options.timeout,
      expired: () => failure("ETIMEDOUT", { op: "connect", peerAddr }),
      discard: (late) => late.close(),
    },
    (signal) => dial(peerAddr, options, signal),
  );
  return TcpStream.over(new ConnSource(conn, options.writeBufferSize), options);
}

async function dial(
  peerAddr: SocketAddr,
  options: ConnectOptions,
  signal: AbortSignal | undefined,
): Promise<DenoConn> {
  // Nobody listens there. Deno takes it for a wrong argument, systems for an address that refuses.
  if (peerAddr.port === 0) throw failure("ECONNREFUSED", { op: "connect", peerAddr });
  const { autoSelectFamily, autoSelectFamilyAttemptDelay } = options;
  try {
    return await denoApi().connect({
      hostname: peerAddr.hostname,
      port: peerAddr.port,
      ...(signal !== undefined && { signal }),
      ...(autoSelectFamily !== undefined && { autoSelectFamily }),
      ...(autoSelectFamilyAttemptDelay !== undefined && { autoSelectFamilyAttemptDelay }),
    });
  } catch (error) {
    throw connFailure(error, { op: "connect", peerAddr });
  }
}

async function bind(addr: SocketAddrLike, options: BindOptions = {}): Promise<TcpListener> {
  const localAddr = SocketAddr.from(addr).withDefaultHostname("0.0.0.0");
  options.signal?.throwIfAborted();
  if (options.reusePort && !hasReusePort()) {
    throw failure("ENOTSUP", { op: "bind", localAddr, reason: "reusePort needs deno run --unstable-net" });
  }
  if (options.ipv6Only) {
    throw failure("ENOTSUP", { op: "bind", localAddr, reason: "Deno leaves ipv6Only to the system" });
  }
  try {
    const listener = denoApi().listen({
      hostname: localAddr.hostname,
      port: localAddr.port,
      tcpBacklog: options.backlog ?? defaultBacklog,
      ...(options.reusePort && { reusePort: true }),
    });
    return TcpListener.over(new DenoListenerSource(listener, options.writeBufferSize), options);
  } catch (error) {
    throw connFailure(error, { op: "bind", localAddr });
  }
}

/** Connections held until they are accepted, as in Node and Deno. */
const defaultBacklog = 511;
