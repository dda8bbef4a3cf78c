// A host in virtual time with sockets as POSIX has them: what a conformance tool needs to drive the stack from outside.
// docs/testing.md shows this file; a test holds the two together.

import {
  type Bytes,
  type Connection,
  type ConnectionInfo,
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
  private readonly buffer: Bytes = new Uint8Array(65_575);

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
    const packets: Bytes[] = [];
    for (let stray = this.stack.takePacket(); stray !== null; stray = this.stack.takePacket()) {
      packets.push(stray.bytes);
    }
    for (let ready = this.stack.takeReady(); ready !== null; ready = this.stack.takeReady()) {
      for (;;) {
        const length = this.stack.transmit(ready, this.now, this.buffer, 0, this.buffer.length, 0, 65_535);
        if (length <= 0) break;
        packets.push(this.buffer.slice(0, length));
      }
    }
    return packets;
  }

  /** When something is due next; Infinity when nothing is. */
  nextDeadline(): number {
    return this.stack.nextDeadline();
  }

  /** Moves the clock, firing what is due on the way in the order of its time. */
  advance(to: number): void {
    while (this.nextDeadline() <= to) {
      this.now = Math.max(this.now, this.nextDeadline());
      this.stack.timeout(this.now);
    }
    this.now = Math.max(this.now, to);
  }

  socket(options: Partial<TcpOptions> = {}): VirtualSocket {
    return new VirtualSocket(this, options);
  }
}

/** A non-blocking socket. */
export class VirtualSocket {
  private readonly host: VirtualHost;
  private wishes: Partial<TcpOptions>;
  private local: { address: IpAddress | null; port: number } = { address: null, port: 0 };
  private listener: Listener | null = null;
  private connection: Connection | null;
  /** Bytes that peek() looked at. */
  private peeked: Bytes | null = null;
  private isErrorTold = false;
  private isShut = false;

  constructor(host: VirtualHost, options: Partial<TcpOptions>, connection: Connection | null = null) {
    this.host = host;
    this.wishes = options;
    this.connection = connection;
  }

  bind(address: IpAddress | null, port: number): 0 | Errno {
    if (address !== null && !this.host.stack.owns(address)) return "EADDRNOTAVAIL";
    this.local = { address, port };
    return 0;
  }

  listen(backlog: number): 0 | Errno {
    return this.attempt(() => {
      const { stack, now } = this.host;
      this.listener = stack.listen(now, { ...this.local, backlog, tcp: this.wishes });
      this.local.port = this.listener.port;
    });
  }

  accept(): VirtualSocket | Errno {
    if (this.listener === null) return "EINVAL";
    const connection = this.listener.accept();
    return connection === null ? "EAGAIN" : new VirtualSocket(this.host, this.wishes, connection);
  }

  connect(remote: IpAddress, remotePort: number): 0 | Errno {
    const { connection } = this;
    if (connection?.state === "SYN-SENT") return "EALREADY";
    if (connection !== null) return this.error() ?? "EISCONN";
    const { address, port } = this.local;
    const result = this.attempt(() => {
      this.connection = this.host.stack.connect(this.host.now, {
        remote,
        remotePort,
        tcp: this.wishes,
        ...(address === null ? {} : { local: address }),
        ...(port === 0 ? {} : { localPort: port }),
      });
    });
    return result === 0 ? "EINPROGRESS" : result;
  }

  /** Bytes; null at the end of the stream. */
  read(max: number): Bytes | null | Errno {
    const bytes = this.peeked ?? this.take(max);
    this.peeked = null;
    if (typeof bytes === "string" || bytes === null || bytes.length <= max) return bytes;
    this.peeked = bytes.subarray(max);
    return bytes.subarray(0, max);
  }

  /** As read(), but the bytes stay. */
  peek(max: number): Bytes | null | Errno {
    const bytes = this.peeked ?? this.take(1 << 20);
    if (typeof bytes === "string" || bytes === null) return bytes;
    this.peeked = bytes;
    return bytes.subarray(0, max);
  }

  /** How many bytes were taken. */
  write(data: Uint8Array): number | Errno {
    const { connection } = this;
    if (connection === null || connection.state === "SYN-SENT") return "ENOTCONN";
    const error = this.error();
    if (error !== null) return error;
    if (this.isShut || connection.state === "CLOSED" || connection.state === "TIME-WAIT") return "EPIPE";
    const taken = connection.send(this.host.now, data);
    return taken === 0 && data.length > 0 ? "EAGAIN" : taken;
  }

  /** Half close: FIN after what was written. */
  shutdown(): 0 | Errno {
    if (this.connection === null) return "ENOTCONN";
    this.isShut = true;
    this.connection.finish(this.host.now);
    return 0;
  }

  /** `lingerZero`: by a reset. */
  close(options: { readonly lingerZero?: boolean } = {}): void {
    this.listener?.close(this.host.now);
    if (options.lingerZero) this.connection?.abort(this.host.now);
    else this.connection?.release(this.host.now);
  }

  /** What poll() would say. */
  readiness(): { readable: boolean; writable: boolean; error: boolean } {
    const { connection, listener } = this;
    if (connection === null) {
      return { readable: (listener?.waiting ?? 0) > 0, writable: false, error: false };
    }
    const isOver = PEER_ENDED.has(connection.state);
    const isOpen = connection.state === "ESTABLISHED" || connection.state === "CLOSE-WAIT";
    const hasRoom = connection.unacknowledged < connection.options.sendBuffer;
    const error = connection.error !== null && !this.isErrorTold;
    return { readable: this.unread > 0 || isOver || error, writable: (isOpen && hasRoom) || error, error };
  }

  /** The pending error, once (SO_ERROR). */
  error(): Errno | null {
    const code = this.connection?.error?.code;
    if (code === undefined || this.isErrorTold) return null;
    this.isErrorTold = true;
    return code as Errno;
  }

  /** Bytes that read() would give at once. */
  get unread(): number {
    return (this.peeked?.length ?? 0) + (this.connection?.available ?? 0);
  }

  /** Buffers, no-delay, cork, segment size, keepalive, user timeout, SYN retries, traffic class, hop limit, ... */
  setOptions(options: Partial<TcpOptions>): void {
    this.wishes = { ...this.wishes, ...options };
    this.connection?.setOptions(this.host.now, options);
  }

  get options(): Partial<TcpOptions> {
    return this.connection?.options ?? this.wishes;
  }

  get localPort(): number {
    return this.connection?.localPort ?? this.local.port;
  }

  info(): ConnectionInfo | null {
    return this.connection?.info(this.host.now) ?? null;
  }

  private take(max: number): Bytes | null | Errno {
    const { connection } = this;
    if (connection === null || connection.state === "SYN-SENT") return this.error() ?? "ENOTCONN";
    const bytes = connection.receive(this.host.now, max);
    if (bytes !== undefined) return bytes;
    if (connection.state !== "CLOSED") return "EAGAIN";
    return this.error() ?? null;
  }

  private attempt(call: () => void): 0 | Errno {
    try {
      call();
      return 0;
    } catch (error) {
      if (error instanceof StackError) return error.code as Errno;
      throw error;
    }
  }
}

const PEER_ENDED = new Set(["CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT", "CLOSED"]);
