// A stack over links as a Network: TcpStream.connect(addr, { network }). For memory links, simulations and raw IP. It
// takes IP addresses alone; tunnels have a Network of their own, with names.

import {
  type BindOptions,
  type ConnectOptions,
  failure,
  type Network,
  SocketAddr,
  type SocketAddrLike,
  TcpListener,
  TcpStream,
} from "../net/index.ts";
import { IpAddress } from "../wire/ip-address.ts";
import type { Driver } from "./driver.ts";

export class StackNetwork implements Network {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  readonly driver: Driver;

  static {
    const dispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
    Object.defineProperty(StackNetwork.prototype, dispose, {
      value(this: StackNetwork) {
        return this.close();
      },
    });
  }

  constructor(driver: Driver) {
    this.driver = driver;
  }

  /**
   * Connects to an IP address through the stack's routes. `autoSelectFamily` means nothing here.
   *
   * @throws {NetError} ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EADDRINUSE; ENOTFOUND for
   * a name; ERR_LIMIT when the stack has its connections; ERR_SOCKET_CLOSED after close().
   *
   * Cancel safety: an aborted connect resets what it began.
   */
  async connect(addr: SocketAddrLike, options: ConnectOptions = {}): Promise<TcpStream> {
    const peerAddr = SocketAddr.from(addr);
    const remote = IpAddress.parse(peerAddr.hostname);
    if (remote === null) {
      const reason = "a stack looks up no names: give an IP address";
      throw failure("ENOTFOUND", { op: "connect", peerAddr, reason });
    }
    options.signal?.throwIfAborted();
    const from = options.localAddr === undefined ? undefined : SocketAddr.from(options.localAddr);
    const source = this.driver.dial(
      {
        remote,
        remotePort: peerAddr.port,
        local: from === undefined ? undefined : (IpAddress.parse(from.hostname) ?? undefined),
        localPort: from === undefined || from.port === 0 ? undefined : from.port,
        peerAddr,
      },
      options,
    );
    await source.connected(options);
    return TcpStream.over(source, options);
  }

  /**
   * Listens on an address of the stack, or on all of them: `":80"`, `"0.0.0.0:80"`, `"[::]:80"`.
   *
   * @throws {NetError} EADDRINUSE, EADDRNOTAVAIL; ENOTFOUND for a name; ERR_SOCKET_CLOSED after close().
   */
  async bind(addr: SocketAddrLike, options: BindOptions = {}): Promise<TcpListener> {
    const localAddr = SocketAddr.from(addr);
    const address =
      localAddr.hostname === "" ? IpAddress.UNSPECIFIED_V6 : IpAddress.parse(localAddr.hostname);
    if (address === null) {
      const reason = "a stack looks up no names: give an IP address";
      throw failure("ENOTFOUND", { op: "bind", localAddr, reason });
    }
    options.signal?.throwIfAborted();
    const target = { address: address.isUnspecified ? null : address, port: localAddr.port };
    const source = this.driver.listen({ ...target, backlog: options.backlog }, options);
    return TcpListener.over(source, options);
  }

  /** Resets what is open and closes the driver with its links. */
  close(): Promise<void> {
    this.driver.close();
    return Promise.resolve();
  }
}
