// The one error class of every network. What happened is in `code`, with Node's names; the text is for people.
// No private members and a Symbol.for brand: errors of another copy of the package are recognised.

import type { SocketAddr } from "./socket-addr.ts";

export type NetErrorCode =
  | "ECONNREFUSED"
  | "ECONNRESET"
  /** The stream was aborted on this side. */
  | "ECONNABORTED"
  | "ETIMEDOUT"
  /** Written after a half close, or to a connection that was known to be gone. */
  | "EPIPE"
  | "ENOTCONN"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EHOSTUNREACH"
  | "ENETUNREACH"
  | "ENETDOWN"
  | "EACCES"
  | "EMFILE"
  | "ENOBUFS"
  | "EMSGSIZE"
  | "EPROTO"
  | "EINVAL"
  | "ENOTSUP"
  | "ENOTFOUND"
  | "EAI_AGAIN"
  /** Used after `close()` on this side. */
  | "ERR_SOCKET_CLOSED"
  /** `readExact` met the end of the stream. */
  | "ERR_UNEXPECTED_EOF"
  /** The relay no longer knows the session. */
  | "ERR_SESSION_EXPIRED"
  /** A newer tunnel has the name: to open this one again under it would end that one. */
  | "ERR_NAME_TAKEN"
  /** A limit was reached; `retryAfter` may tell when to try again. */
  | "ERR_LIMIT"
  /** The other side speaks another version of the protocol. */
  | "ERR_VERSION"
  /** Forbidden by policy; `rule` may tell which. */
  | "ERR_DENIED";

export type NetOperation = "connect" | "bind" | "accept" | "read" | "write" | "shutdown" | "close" | "lookup";

export interface NetErrorOptions {
  readonly op?: NetOperation | undefined;
  readonly localAddr?: SocketAddr | undefined;
  readonly peerAddr?: SocketAddr | undefined;
  /** Bytes that the failed write had handed over before. */
  readonly bytesWritten?: number | undefined;
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfter?: number | undefined;
  /** The policy rule that decided. */
  readonly rule?: string | undefined;
  readonly cause?: unknown;
}

/** Known to every copy of the package. */
const brand: unique symbol = Symbol.for("fourtuple.NetError");

export class NetError extends Error {
  declare readonly name: "NetError";
  declare readonly code: NetErrorCode | (string & {});
  declare readonly op?: NetOperation;
  declare readonly localAddr?: SocketAddr;
  declare readonly peerAddr?: SocketAddr;
  /** Bytes that the failed write had handed over before. */
  declare readonly bytesWritten?: number;
  /** Milliseconds after which trying again makes sense. */
  declare readonly retryAfter?: number;
  /** The policy rule that decided. */
  declare readonly rule?: string;

  constructor(code: NetErrorCode | (string & {}), message: string, options: NetErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    // Only what is known becomes a property: a printed error shows no row of undefined.
    const own = this as { -readonly [Key in keyof NetErrorOptions]: NetErrorOptions[Key] } & { code: string };
    own.code = code;
    if (options.op !== undefined) own.op = options.op;
    if (options.localAddr !== undefined) own.localAddr = options.localAddr;
    if (options.peerAddr !== undefined) own.peerAddr = options.peerAddr;
    if (options.bytesWritten !== undefined) own.bytesWritten = options.bytesWritten;
    if (options.retryAfter !== undefined) own.retryAfter = options.retryAfter;
    if (options.rule !== undefined) own.rule = options.rule;
  }

  static {
    Object.defineProperty(NetError.prototype, "name", {
      value: "NetError",
      configurable: true,
      writable: true,
    });
    Object.defineProperty(NetError.prototype, brand, { value: true });
  }

  /** The name of the system call, for readers of Node's errors. */
  get syscall(): string | undefined {
    return this.op === undefined ? undefined : syscalls[this.op];
  }

  /** The host that the error is about, for readers of Node's errors. */
  get address(): string | undefined {
    return subject(this)?.hostname;
  }

  /** The port that the error is about, for readers of Node's errors. */
  get port(): number | undefined {
    return subject(this)?.port;
  }

  /** As Go's `net.Error.Timeout()`. */
  get isTimeout(): boolean {
    return this.code === "ETIMEDOUT";
  }

  /** Whether a value is a NetError, of this or another copy of the package; with `code`, one of that code. */
  static is(error: unknown): error is NetError;
  static is<Code extends NetErrorCode>(
    error: unknown,
    code: Code,
  ): error is NetError & { readonly code: Code };
  static is(error: unknown, code?: string): error is NetError {
    if (typeof error !== "object" || error === null || !(brand in error)) return false;
    return code === undefined || (error as { readonly code?: unknown }).code === code;
  }
}

function subject(error: NetError): SocketAddr | undefined {
  return error.op === "bind" || error.op === "accept" ? error.localAddr : (error.peerAddr ?? error.localAddr);
}

const syscalls: { readonly [Op in NetOperation]: string } = {
  connect: "connect",
  bind: "listen",
  accept: "accept",
  read: "read",
  write: "write",
  shutdown: "shutdown",
  close: "close",
  lookup: "getaddrinfo",
};
