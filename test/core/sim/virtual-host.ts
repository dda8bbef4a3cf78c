// A host in virtual time with sockets as POSIX has them: what a conformance tool needs to drive the stack from outside.
// docs/testing.md shows this file; a test holds the two together.

import {
  type Bytes,
  type Connection,
  type IpAddress,
  type Listener,
  type Prefix,
  type RouteOptions,
  Stack,
  StackError,
  type StackOptions,
  type TcpOptions,
} from "../../../src/core/index.ts";

/** A call that cannot be completed says why by name: "EAGAIN", "EINPROGRESS", "ECONNRESET", ... */
export type Errno = `E${string}`;

/** Microseconds, packets, sockets: all of it by hand, so that every run repeats. */
export class VirtualHost {
  readonly stack: Stack;
  /** The clock: only advance() moves it. */
  now = 0;

  /** `options.secret` is all the randomness there is: initial sequence numbers, ports and timestamps follow from it. */
  constructor(options: StackOptions, routes: readonly (RouteOptions & { readonly prefix: Prefix })[]) {
    this.stack = new Stack(options);
    for (const route of routes) this.stack.addRoute(route.prefix, route);
  }

  /** One whole IP packet, v4 or v6; ICMP errors too. */
  input(packet: Bytes): void {
    this.stack.input(this.now, packet, 0, packet.length, 0);
  }

  /** Every packet that wants to leave now. */
  output(): Bytes[] {
    return this.stack.packets(this.now);
  }

  /** Moves the clock, firing what is due on the way in the order of its time: see stack.nextDeadline(). */
  advance(to: number): void {
    for (let due = this.stack.nextDeadline(); due <= to; due = this.stack.nextDeadline()) {
      this.now = Math.max(this.now, due);
      this.stack.timeout(this.now);
    }
    this.now = Math.max(this.now, to);
  }
}

/** A non-blocking socket. `connection` has the rest: setOptions(), options, info(), available, readable, writable. */
export class VirtualSocket {
  connection: Connection | null = null;
  listener: Listener | null = null;
  private readonly host: VirtualHost;
  private readonly tcp: Partial<TcpOptions>;
  private isErrorTold = false;

  constructor(host: VirtualHost, tcp: Partial<TcpOptions> = {}) {
    this.host = host;
    this.tcp = tcp;
  }

  /** bind() and listen(); port 0 is an ephemeral one. */
  listen(address: IpAddress | null, port: number, backlog: number): 0 | Errno {
    const { stack, now } = this.host;
    return attempt(() => (this.listener = stack.listen(now, { address, port, backlog, tcp: this.tcp })));
  }

  accept(): VirtualSocket | Errno {
    const accepted = new VirtualSocket(this.host);
    accepted.connection = this.listener?.accept() ?? null;
    return accepted.connection === null ? "EAGAIN" : accepted;
  }

  /** `from`: bind() to a local address or port. */
  connect(
    remote: IpAddress,
    remotePort: number,
    from: { local?: IpAddress; localPort?: number } = {},
  ): Errno {
    const { connection, host, tcp } = this;
    if (connection?.state === "SYN-SENT") return "EALREADY";
    if (connection !== null) return this.error() ?? "EISCONN";
    const target = { remote, remotePort, tcp, ...from };
    return attempt(() => (this.connection = host.stack.connect(host.now, target))) || "EINPROGRESS";
  }

  /** Bytes; null at the end of the stream. `peek`: they stay. */
  read(max: number, peek = false): Bytes | null | Errno {
    const { connection } = this;
    if (connection === null || connection.state === "SYN-SENT") return this.error() ?? "ENOTCONN";
    const bytes = peek ? connection.peek(max) : connection.receive(this.host.now, max);
    if (bytes !== undefined) return bytes;
    return connection.state === "CLOSED" ? this.error() : "EAGAIN";
  }

  /** How many bytes were taken. */
  write(data: Uint8Array): number | Errno {
    const { connection } = this;
    if (connection === null || connection.state === "SYN-SENT") return "ENOTCONN";
    const error = this.error();
    if (error !== null) return error;
    if (!connection.canSend) return "EPIPE";
    return connection.send(this.host.now, data) || (data.length > 0 ? "EAGAIN" : 0);
  }

  /** Half close: FIN after what was written. */
  shutdown(): 0 | Errno {
    this.connection?.finish(this.host.now);
    return this.connection === null ? "ENOTCONN" : 0;
  }

  /** `lingerZero`: by a reset. */
  close(lingerZero = false): void {
    this.listener?.close(this.host.now);
    if (lingerZero) this.connection?.abort(this.host.now);
    else this.connection?.release(this.host.now);
  }

  /** The pending error, once (SO_ERROR). */
  error(): Errno | null {
    const code = this.connection?.error?.code;
    if (code === undefined || this.isErrorTold) return null;
    this.isErrorTold = true;
    return code as Errno;
  }
}

function attempt(call: () => void): 0 | Errno {
  try {
    call();
    return 0;
  } catch (error) {
    if (error instanceof StackError) return error.code as Errno;
    throw error;
  }
}
