// The system's sockets in Node, and through node:net in Bun and Deno, as a Network. Names are looked up by
// node:dns, their addresses tried as RFC 8305 has it: Node's own autoSelectFamily would kill slow attempts.

import { lookup } from "node:dns/promises";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { asyncDispose } from "../../core/net/async-dispose.ts";
import {
  type BindOptions,
  bounded,
  type ConnectOptions,
  failure,
  happyEyeballs,
  interleaveFamilies,
  type Network,
  SocketAddr,
  type SocketAddrLike,
  type StreamSource,
  TcpListener,
  TcpStream,
} from "../../core/net/index.ts";
import { openSocket } from "./open-socket.ts";
import { ReadableReceiver } from "./readable-receiver.ts";
import { hasReusePort } from "./runtime.ts";
import { ServerSource } from "./server-source.ts";
import { socketFailure } from "./socket-errors.ts";
import { SocketSource } from "./socket-source.ts";

/**
 * The sockets of the machine. `close()` does nothing: its streams and listeners belong to whoever made them.
 *
 * Of the options, `readBufferSize` is the kernel's business (one chunk of at most 64 KiB is held beside it), and of
 * keepalive only `idle` can be set; `congestionControl` has no effect: it is the kernel's. `reusePort` needs Node 22.12 or 23.1.
 */
export const nodeNetwork: Network = {
  connect,
  bind,
  close: async () => {},
  [asyncDispose]: async () => {},
};

/**
 * A stream over a socket that somebody else opened, which it owns from now on.
 *
 * @throws {TypeError} when the socket is still connecting or already destroyed.
 */
export function fromSocket(socket: net.Socket): TcpStream {
  if (socket.connecting || socket.destroyed) {
    throw new TypeError(
      'Cannot make a stream of this socket: it must be connected, wait for its "connect" event',
    );
  }
  socket.allowHalfOpen = true;
  socket.setNoDelay(true);
  return TcpStream.over(new SocketSource(socket, new ReadableReceiver(socket)));
}

async function connect(addr: SocketAddrLike, options: ConnectOptions = {}): Promise<TcpStream> {
  const peerAddr = SocketAddr.from(addr).withDefaultHostname("127.0.0.1");
  const localAddr = options.localAddr === undefined ? undefined : SocketAddr.from(options.localAddr);
  const { signal, timeout } = options;
  // Most connects, and all of a relay: one address, and an attempt that heeds the signal by itself.
  const source =
    peerAddr.family !== undefined && timeout === undefined
      ? await dial(peerAddr.hostname, signal)
      : await bounded<StreamSource>(
          {
            signal,
            timeout,
            expired: () => failure("ETIMEDOUT", { op: "connect", peerAddr, localAddr }),
            discard: (late) => late.reset(),
          },
          dialAny,
        );
  return TcpStream.over(source, options);

  async function dialAny(ended: AbortSignal | undefined): Promise<StreamSource> {
    const found = await addressesOf(peerAddr);
    // One address needs no race, whose controllers and timers cost more than the connect.
    if (found.length === 1 || (options.autoSelectFamily === false && found.length > 0))
      return dial(found[0].address, ended);
    return happyEyeballs({
      addresses: interleaveFamilies(found),
      signal: ended,
      target: peerAddr.toString(),
      errorOptions: { peerAddr, localAddr },
      attemptDelay: options.autoSelectFamilyAttemptDelay,
      delay: (milliseconds, delaySignal) => delay(milliseconds, undefined, { signal: delaySignal }),
      discard: (late) => late.reset(),
      dial: ({ address }, dialSignal) => dial(address, dialSignal),
    });
  }

  async function dial(address: string, ended: AbortSignal | undefined): Promise<StreamSource> {
    const attempted = address === peerAddr.hostname ? peerAddr : new SocketAddr(address, peerAddr.port);
    const { writeBufferSize } = options;
    try {
      return await openSocket({ peerAddr: attempted, localAddr, writeBufferSize, signal: ended });
    } catch (error) {
      if (ended?.aborted) throw error;
      throw socketFailure(error, {
        op: "connect",
        peerAddr: attempted,
        localAddr,
        target: peerAddr.toString(),
      });
    }
  }
}

async function bind(addr: SocketAddrLike, options: BindOptions = {}): Promise<TcpListener> {
  const localAddr = SocketAddr.from(addr).withDefaultHostname("0.0.0.0");
  if (options.reusePort && !hasReusePort()) {
    throw failure("ENOTSUP", { op: "bind", localAddr, reason: "reusePort needs Node 22.12 or later" });
  }
  const backlog = options.backlog ?? defaultBacklog;
  const server = await bounded<net.Server>(
    {
      signal: options.signal,
      timeout: options.timeout,
      expired: () => failure("ETIMEDOUT", { op: "bind", localAddr }),
      discard: (late) => late.close(),
    },
    () => listen(localAddr, backlog, options),
  );
  return TcpListener.over(new ServerSource(server, backlog, options.writeBufferSize), options);
}

function listen(localAddr: SocketAddr, backlog: number, options: BindOptions): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer(serverOptions);
    const refuse = (error: Error) => void explain(error, localAddr).then(reject);
    server.once("error", refuse);
    const where: net.ListenOptions & { reusePort?: boolean } = {
      host: localAddr.hostname,
      port: localAddr.port,
      backlog,
      ipv6Only: options.ipv6Only ?? false,
      ...(options.reusePort && { reusePort: true }),
    };
    server.listen(where, () => {
      server.off("error", refuse);
      resolve(server);
    });
  });
}

/** Bun gives no code when it cannot listen on a name: it was not found, or is of no address here. */
async function explain(error: Error, localAddr: SocketAddr): Promise<Error> {
  const options = { op: "bind", localAddr } as const;
  if ((error as { readonly code?: unknown }).code !== undefined) return socketFailure(error, options);
  try {
    await lookup(localAddr.hostname);
  } catch (cause) {
    return socketFailure(cause, options);
  }
  return failure("EADDRNOTAVAIL", { ...options, cause: error });
}

interface FoundAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

async function addressesOf(target: SocketAddr): Promise<FoundAddress[]> {
  const { hostname, family } = target;
  if (family !== undefined) return [{ address: hostname, family: family === "IPv4" ? 4 : 6 }];
  try {
    // In the resolver's order (RFC 6724), not IPv4 first.
    const found = await lookup(hostname, { all: true, verbatim: true });
    return found.map(({ address, family: version }) => ({ address, family: version === 6 ? 6 : 4 }));
  } catch (error) {
    throw socketFailure(error, { op: "lookup", peerAddr: target, target: hostname });
  }
}

/**
 * Nothing is read before somebody asks, and then one chunk ahead: without the mark a reset behind few bytes would
 * be taken for the end (see ReadableReceiver).
 */
const serverOptions: net.ServerOpts = { allowHalfOpen: true, pauseOnConnect: true, highWaterMark: 1 };

/** Connections held until they are accepted, as in Node and Deno. */
const defaultBacklog = 511;
